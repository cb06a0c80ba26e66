/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/symbols/symbols.h. The truth is this very program: its functions'
 * addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>

#include "collector/symbols/debug_file.h"
#include "collector/symbols/elf_file.h"
#include "collector/symbols/kallsyms.h"
#include "collector/symbols/symbol_process.h"
#include "collector/symbols/symbol_space.h"
#include "collector/symbols/symbols.h"
#include "common/cleanup.h"
#include "temporary.h"
#include "tests/common/ranges.h"

/* Functions to be found, the first of them around line STATIC_LINE; the bodies differ so that they
 * are not folded into one. */
enum { STATIC_LINE = __LINE__ };
__attribute__((noinline)) static int a_static_function(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x * 3;
}

int a_global_function(int x);
__attribute__((noinline)) int a_global_function(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x * 5 + a_static_function(x);
}

/* Two functions within a third, and an address in the innermost. */
enum { INLINED_LINE = __LINE__ };
static inline __attribute__((always_inline)) uint64_t innermost_function(void)
{
	uint64_t address;

	__asm__ volatile("lea 0f(%%rip), %0\n0: nop" : "=r"(address));
	return address;
}

static inline __attribute__((always_inline)) uint64_t middle_function(void)
{
	return innermost_function();
}

__attribute__((noinline)) static uint64_t outermost_function(void)
{
	return middle_function();
}

static uint64_t address_of(int (*function)(int))
{
	return (uint64_t)(uintptr_t)function;
}

/* Where this program was loaded, beyond its linked addresses. */
static int first_object(struct dl_phdr_info *info, size_t size, void *data)
{
	(void)size;
	*(uint64_t *)data = info->dlpi_addr;
	return 1;
}

static uint64_t own_bias(void)
{
	uint64_t bias = 0;

	dl_iterate_phdr(first_object, &bias);
	return bias;
}

static struct symbols *new_symbols(void)
{
	struct symbols *s;

	assert_int_equal(symbols_new(&s, NULL), 0);
	/* Debug files of this machine must not matter. */
	assert_int_equal(symbols_set_debug_dir(s, in_dir("debug")), 0);
	return s;
}

static void own_functions_are_found(void **state)
{
	struct symbols *s = new_symbols();
	struct symbol y;

	(void)state;
	assert_int_equal(symbols_process_add_maps(s, getpid()), 0);
	assert_int_equal(
		symbols_lookup_user(s, getpid(), address_of(a_static_function) + 1, &y), 0);
	assert_true(y.resolved);
	assert_string_equal(y.name, "a_static_function");
	assert_string_equal(y.module, "test_symbols");
	assert_int_equal(y.offset, 1);
	assert_int_equal(symbols_lookup_user(s, getpid(), address_of(a_global_function), &y), 0);
	assert_string_equal(y.name, "a_global_function");
	assert_int_equal(symbols_lookup_user(s, getpid(), (uintptr_t)strtoul, &y), 0);
	assert_true(y.resolved);
	assert_non_null(strstr(y.module, "libc"));
	symbols_free(s);
}

static void what_is_not_known_is_said_as_module_and_offset(void **state)
{
	struct symbols *s = new_symbols();
	void *page = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct symbol y;

	(void)state;
	assert_ptr_not_equal(page, MAP_FAILED);
	assert_int_equal(symbols_lookup_user(s, getpid(), 0x1234, &y), 0);
	assert_false(y.resolved);
	assert_string_equal(y.name, "[unknown]+0x1234");
	assert_string_equal(y.module, "");
	assert_int_equal(symbols_process_add_maps(s, getpid()), 0);
	assert_int_equal(symbols_lookup_user(s, getpid(), (uintptr_t)page + 7, &y), 0);
	assert_string_equal(y.name, "[anon]");
	munmap(page, 4096);
	symbols_free(s);
}

/** The copy of a library under another name, as containers and distributions have them. */
static void a_library_is_called_by_its_own_name(void **state)
{
	void *library = dlopen("libm.so.6", RTLD_NOW), *copy;
	char command[2 * PATH_MAX];
	struct symbols *s = new_symbols();
	struct symbol y;
	Dl_info info;

	(void)state;
	assert_non_null(library);
	assert_int_not_equal(dladdr(dlsym(library, "fdim"), &info), 0);
	snprintf(command, sizeof(command), "cp '%s' '%s'", info.dli_fname, in_dir("other.so"));
	assert_int_equal(system(command), 0);
	copy = dlopen(in_dir("other.so"), RTLD_NOW);
	assert_non_null(copy);
	assert_ptr_not_equal(dlsym(copy, "fdim"), dlsym(library, "fdim"));
	assert_int_equal(symbols_process_add_maps(s, getpid()), 0);
	assert_int_equal(symbols_lookup_user(s, getpid(), (uintptr_t)dlsym(copy, "fdim"), &y), 0);
	assert_string_equal(y.module, "libm.so.6");
	assert_true(y.resolved);
	dlclose(copy);
	dlclose(library);
	symbols_free(s);
}

static void the_vdso_has_names(void **state)
{
	struct symbols *s = new_symbols();
	struct symbol_space *space;
	struct symbol y = {0};
	bool found = false;
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned long start, end;

	(void)state;
	assert_non_null(f);
	assert_int_equal(symbols_process_add_maps(s, getpid()), 0);
	space = symbols_process_space(s, getpid());
	assert_non_null(space);
	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, "[vdso]") || sscanf(line, "%lx-%lx", &start, &end) != 2)
			continue;
		for (unsigned long a = start; a < end && !found; a += 4) {
			assert_int_equal(symbol_space_lookup(space, a, &y), 0);
			assert_string_equal(y.module, "[vdso]");
			found = y.resolved && strstr(y.name, "clock_gettime");
		}
	}
	fclose(f);
	assert_true(found);
	symbols_free(s);
}

/* A child that runs a copy of this program, deleted while it runs, and only waits. */
static void a_process_keeps_its_names_after_its_end(void **state)
{
	struct symbols *s = new_symbols();
	uint64_t address = address_of(a_static_function) - own_bias(), base = 0;
	char *const copy[] = {"cp", "/proc/self/exe", NULL, NULL};
	char *argv[] = {copy[0], "-L", "/proc/PID/exe", (char *)in_dir("waiter"), NULL};
	char exe[64], maps[64], line[512];
	struct symbol y;
	int ready[2], status;
	pid_t pid;
	FILE *f;

	(void)state;
	snprintf(exe, sizeof(exe), "/proc/%d/exe", getpid());
	argv[2] = exe;
	run(argv);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ready[1], STDOUT_FILENO);
		execl(argv[3], "waiter", "--wait", (char *)NULL);
		_exit(127);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], line, 1), 1);
	close(ready[0]);
	snprintf(maps, sizeof(maps), "/proc/%d/maps", pid);
	f = fopen(maps, "r");
	assert_non_null(f);
	while (!base && fgets(line, sizeof(line), f))
		if (strstr(line, "/waiter"))
			base = strtoull(line, NULL, 16);
	fclose(f);
	assert_int_equal(unlink(argv[3]), 0);

	assert_int_equal(symbols_process_add_maps(s, pid), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(symbols_process_add_maps(s, pid), -ESRCH);
	assert_int_equal(symbols_lookup_user(s, pid, base + address, &y), 0);
	assert_string_equal(y.name, "a_static_function");
	assert_string_equal(y.module, "waiter");

	symbols_forget_processes(s);
	assert_int_equal(symbols_lookup_user(s, pid, base + address, &y), 0);
	assert_false(y.resolved);
	symbols_free(s);
}

/* "stripped" (no symbols, a link to "own.debug") and "own.debug" in folder @dir. */
static void make_stripped(const char *dir)
{
	char stripped[PATH_MAX], debug[PATH_MAX], link[PATH_MAX + 32], exe[64];

	snprintf(exe, sizeof(exe), "/proc/%d/exe", getpid());
	snprintf(stripped, sizeof(stripped), "%s/stripped", in_dir(dir));
	snprintf(debug, sizeof(debug), "%s/own.debug", in_dir(dir));
	snprintf(link, sizeof(link), "--add-gnu-debuglink=%s", debug);
	assert_int_equal(mkdir(in_dir(dir), 0755), 0);
	run((char *[]){"objcopy", "--only-keep-debug", exe, debug, NULL});
	run((char *[]){"objcopy", "--strip-all", link, exe, stripped, NULL});
}

static void look_up_stripped(const char *path, struct symbol *ret_y, struct symbols *s)
{
	struct symbol_space *space;
	uint64_t bias = 0x7f0000000000;

	assert_int_equal(symbol_space_new(s, &space), 0);
	assert_int_equal(symbol_space_add_elf(space, path, bias, NULL, NULL), 0);
	assert_int_equal(symbol_space_lookup(space,
				 address_of(a_static_function) - own_bias() + bias + 2, ret_y),
		0);
	assert_true(symbol_space_covers(space, address_of(a_static_function) - own_bias() + bias));
	assert_false(symbol_space_covers(space, 0x1000));
}

static void a_debug_link_beside_the_file_is_followed(void **state)
{
	struct symbols *s = new_symbols();
	struct symbol y;

	(void)state;
	make_stripped("link");
	look_up_stripped(in_dir("link/stripped"), &y, s);
	assert_string_equal(y.name, "a_static_function");
	assert_int_equal(y.offset, 2);
	symbols_free(s);
}

static void a_debug_file_is_found_by_build_id(void **state)
{
	struct symbols *s = new_symbols();
	char target[PATH_MAX] = "debug/.build-id/";
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *debug = NULL;
	struct elf_file file;
	struct symbol y;
	size_t size;

	(void)state;
	make_stripped("id");
	fd = open(in_dir("id/stripped"), O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(elf_file_read(fd, &file), 0);
	assert_int_equal(file.build_id_bytes, 20);
	assert_false(file.has_symtab);
	assert_string_equal(file.debug_link, "own.debug");
	for (size_t i = 0; i < file.build_id_bytes; i++)
		sprintf(target + strlen(target), i == 0 ? "%02x/" : "%02x", file.build_id[i]);
	strcat(target, ".debug");
	debug = read_bytes(in_dir("id/own.debug"), &size);
	write_bytes(target, debug, size);
	assert_int_equal(unlink(in_dir("id/own.debug")), 0);
	look_up_stripped(in_dir("id/stripped"), &y, s);
	assert_string_equal(y.name, "a_static_function");
	assert_int_equal(unlink(in_dir(target)), 0);
	symbols_free(s);
}

static void a_debug_file_of_another_build_is_not_believed(void **state)
{
	struct symbols *s = new_symbols();
	struct symbol y;
	char wanted[64];

	(void)state;
	make_stripped("wrong");
	write_text("wrong/own.debug", "something else");
	look_up_stripped(in_dir("wrong/stripped"), &y, s);
	assert_false(y.resolved);
	/* One name for the whole function, by the unwind table: where it begins. */
	snprintf(wanted, sizeof(wanted), "stripped+0x%lx",
		(unsigned long)(address_of(a_static_function) - own_bias()));
	assert_string_equal(y.name, wanted);
	assert_int_equal(y.offset, 2);
	symbols_free(s);
}

static void jump_slots_have_the_name_of_their_target(void **state)
{
	struct symbol_table *t = symbol_table_new(1 << 20);
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY);
	bool found = false;

	(void)state;
	assert_non_null(t);
	assert_int_equal(elf_functions_read(fd, ELF_PLT, t), 0);
	symbol_table_finish(t);
	for (size_t i = 0; i < t->n; i++)
		found |= strcmp(symbol_table_name(t, &t->entries[i]), "posix_spawnp@plt") == 0;
	assert_true(found);
	symbol_table_free(t);
}

static void files_that_are_no_elf_are_refused(void **state)
{
	struct symbols *s = new_symbols();
	struct symbol_space *space;
	struct error error = {0};

	(void)state;
	write_text("text", "I am a text file, and rather long for what I have to say.");
	assert_int_equal(symbol_space_new(s, &space), 0);
	assert_int_equal(symbol_space_add_elf(space, in_dir("text"), 0, NULL, &error), -ENOEXEC);
	assert_non_null(strstr(error.text, "text"));
	assert_int_equal(symbol_space_add_elf(space, in_dir("none"), 0, NULL, &error), -ENOENT);
	assert_int_equal(symbol_space_add_elf(space, "/dev/zero", 0, NULL, &error), -ENOEXEC);
	assert_int_equal(symbol_space_add_elf(space, "/", 0, NULL, &error), -ENOEXEC);
	symbol_space_free(space);
	symbols_free(s);
}

/* Read everything that is read of an ELF file; what comes out does not matter, ending well does. */
static void read_all(const char *file)
{
	struct symbols *s = new_symbols();
	struct symbol_space *space;
	struct symbol y;

	assert_int_equal(symbol_space_new(s, &space), 0);
	if (symbol_space_add_elf(space, in_dir(file), 0, NULL, NULL) == 0)
		for (uint64_t a = 0; a < 1 << 16; a += 511)
			assert_int_equal(symbol_space_lookup(space, a, &y), 0);
	symbols_free(s);
}

static void truncated_files_do_no_harm(void **state)
{
	_cleanup_free_ char *bytes = NULL;
	size_t size;

	(void)state;
	bytes = read_bytes("/proc/self/exe", &size);
	for (size_t n = 0; n < size; n += n < 1024 ? 37 : size / 61) {
		write_bytes("cut", bytes, n);
		read_all("cut");
	}
}

static uint64_t random_state = 42;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Half of the damage goes where it hurts: the file's header, the segments', the sections'. */
static void damage(char *bytes, size_t size)
{
	static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0xff};
	const Elf64_Ehdr *header = (const void *)bytes;
	size_t sections = header->e_shoff < size ? header->e_shoff : 0;
	size_t at = next_random() % size;

	switch (next_random() % 4) {
	case 0:
		at = next_random() % 1024;
		break;
	case 1:
		at = sections + next_random() % (size - sections);
		break;
	}
	bytes[at] = (char)(next_random() % 2 ? next_random() : values[next_random() % 5]);
}

static void corrupted_files_do_no_harm(void **state)
{
	_cleanup_free_ char *good = NULL, *bytes = NULL;
	size_t size;

	(void)state;
	make_stripped("corrupt");
	for (int file = 0; file < 2; file++) {
		free(TAKE_PTR(good));
		free(TAKE_PTR(bytes));
		good = read_bytes(file ? in_dir("corrupt/stripped") : "/proc/self/exe", &size);
		bytes = malloc(size);
		assert_non_null(bytes);
		for (int i = 0; i < 400; i++) {
			memcpy(bytes, good, size);
			for (uint64_t n = 1 + next_random() % 8; n > 0; n--)
				damage(bytes, size);
			write_bytes("bad", bytes, size);
			read_all("bad");
		}
	}
}

static const char kernel_text[] = "0000000000001000 A fixed_percpu_data\n"
				  "ffffffff81000000 T _text\n"
				  "ffffffff81000000 T first_function\n"
				  "ffffffff81000010 t __pfx_second\n"
				  "ffffffff81000020 t second\n"
				  "ffffffff81000020 T alias_of_second\n"
				  "ffffffff81000040 D some_data\n"
				  "ffffffff81001000 T _etext\n"
				  "no line at all\n"
				  "ffffffffc0001000 t open_door\t[kvm]\n"
				  "ffffffffc0001200 t shut_door\t[kvm]\n";

static void kernel_symbols_are_read_with_their_modules(void **state)
{
	struct symbols *s = new_symbols();
	struct symbol_space *space;
	struct symbol y;

	(void)state;
	write_text("System.map", kernel_text);
	assert_int_equal(symbol_space_new(s, &space), 0);
	assert_int_equal(symbol_space_add_kallsyms(space, in_dir("System.map"), 0x1000, NULL), 0);
	assert_int_equal(symbol_space_add_kallsyms(space, in_dir("System.map"), 0, NULL), -EEXIST);
#define LOOK(a) assert_int_equal(symbol_space_lookup(space, (a) + 0x1000, &y), 0)
	LOOK(0xffffffff81000001);
	assert_string_equal(y.name, "first_function");
	assert_string_equal(y.module, "[kernel]");
	LOOK(0xffffffff81000025);
	assert_string_equal(y.name, "alias_of_second"); /* the global name */
	assert_int_equal(y.offset, 5);
	LOOK(0xffffffff81001010); /* beyond the end of text */
	assert_false(y.resolved);
	LOOK(0xffffffffc0001201);
	assert_string_equal(y.name, "shut_door");
	assert_string_equal(y.module, "[kvm]");
	LOOK(0x1000);
	assert_false(y.resolved);
	symbols_free(s);
}

static void hidden_kernel_addresses_are_told_apart_from_none(void **state)
{
	struct symbols *s = new_symbols();
	struct symbol_space *space;

	(void)state;
	write_text("hidden", "0000000000000000 T _text\n0000000000000000 T x\n");
	write_text("empty", "this is not it\n");
	assert_int_equal(symbol_space_new(s, &space), 0);
	assert_int_equal(symbol_space_add_kallsyms(space, in_dir("hidden"), 0, NULL), -EPERM);
	assert_int_equal(symbol_space_add_kallsyms(space, in_dir("empty"), 0, NULL), -ENODATA);
	assert_int_equal(symbol_space_add_kallsyms(space, in_dir("gone"), 0, NULL), -ENOENT);
	symbols_free(s);
}

static void the_running_kernel_has_names_where_it_shows_them(void **state)
{
	struct symbols *s = new_symbols();
	char line[512], name[256], type;
	unsigned long address, found = 0;
	struct error error = {0};
	struct symbol y;
	FILE *f = fopen("/proc/kallsyms", "r");

	(void)state;
	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx %c %255s", &address, &type, name) == 3 &&
			strcmp(name, "schedule") == 0)
			found = address;
	if (f)
		fclose(f);
	if (!found) {
		if (f)
			assert_int_not_equal(symbols_kernel_status(s, &error), 0);
		symbols_free(s);
		skip();
	}
	assert_int_equal(symbols_kernel_status(s, &error), 0);
	assert_int_equal(symbols_lookup_kernel(s, found + 1, &y), 0);
	assert_string_equal(y.name, "schedule");
	assert_string_equal(y.module, "[kernel]");
	symbols_free(s);
}

static void functions_have_their_source_line(void **state)
{
	struct symbols *s = new_symbols();
	const uint64_t addresses[] = {
		address_of(a_static_function), 0x1234, address_of(a_global_function)};
	struct symbol y[3];
	struct symbol_space *space;

	(void)state;
	assert_int_equal(symbols_process_add_maps(s, getpid()), 0);
	space = symbols_process_space(s, getpid());
	if (symbol_space_find_lines(space, addresses, ARRAY_SIZE(addresses)) == 0) {
		symbols_free(s);
		skip(); /* built without debug information */
	}
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		assert_int_equal(symbol_space_lookup(space, addresses[i], &y[i]), 0);
	assert_non_null(y[0].file);
	assert_non_null(strstr(y[0].file, "test_symbols.c"));
	assert_between(y[0].line, STATIC_LINE - 4, STATIC_LINE + 4);
	assert_null(y[1].file);
	assert_int_equal(y[1].line, 0);
	assert_non_null(y[2].file);
	assert_true(y[2].line > y[0].line);
	symbols_free(s);
}

static void inlined_functions_are_told_with_their_lines(void **state)
{
	const struct {
		const char *name;
		unsigned line;
	} expected[] = {
		{"middle_function", INLINED_LINE + 11}, {"innermost_function", INLINED_LINE + 5}};
	const uint64_t address = outermost_function();
	struct symbols *s = new_symbols();
	struct symbol_space *space;
	struct symbol y;

	(void)state;
	assert_int_equal(symbols_process_add_maps(s, getpid()), 0);
	space = symbols_process_space(s, getpid());
	assert_int_equal(symbol_space_lookup(space, address, &y), 0);
	assert_string_equal(y.name, "outermost_function");
	assert_int_equal(y.n_inlined, 0);
	if (symbol_space_find_lines(space, &address, 1) == 0) {
		symbols_free(s);
		skip(); /* built without debug information */
	}
	assert_int_equal(symbol_space_lookup(space, address, &y), 0);
	assert_string_equal(y.name, "outermost_function");
	assert_int_equal(y.line, INLINED_LINE + 16);
	assert_int_equal(y.n_inlined, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_string_equal(y.inlined[i].name, expected[i].name);
		assert_int_equal(y.inlined[i].line, expected[i].line);
		assert_non_null(strstr(y.inlined[i].file, "test_symbols.c"));
	}
	/* Asked again, as in the next run: the same, without another look. */
	assert_int_equal(symbol_space_find_lines(space, &address, 1), 1);
	assert_int_equal(symbol_space_lookup(space, address, &y), 0);
	assert_int_equal(y.n_inlined, ARRAY_SIZE(expected));
	assert_string_equal(y.inlined[1].name, expected[1].name);
	symbols_free(s);
}

static void lines_of_a_corrupted_file_do_no_harm(void **state)
{
	_cleanup_free_ char *good = NULL, *bytes = NULL;
	size_t size;

	(void)state;
	good = read_bytes("/proc/self/exe", &size);
	bytes = malloc(size);
	assert_non_null(bytes);
	for (int i = 0; i < 60; i++) {
		struct symbols *s = new_symbols();
		struct symbol_space *space;
		const uint64_t addresses[] = {address_of(a_static_function) - own_bias(),
			outermost_function() - own_bias()};

		memcpy(bytes, good, size);
		for (int n = 0; n < 200; n++) /* beyond the code, where DWARF is */
			bytes[size / 2 + next_random() % (size / 2)] = (char)next_random();
		write_bytes("bad", bytes, size);
		assert_int_equal(symbol_space_new(s, &space), 0);
		if (symbol_space_add_elf(space, in_dir("bad"), 0, NULL, NULL) == 0)
			assert_true(symbol_space_find_lines(space, addresses, 2) >= 0);
		symbols_free(s);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_functions_are_found),
		cmocka_unit_test(what_is_not_known_is_said_as_module_and_offset),
		cmocka_unit_test(a_library_is_called_by_its_own_name),
		cmocka_unit_test(the_vdso_has_names),
		cmocka_unit_test(a_process_keeps_its_names_after_its_end),
		cmocka_unit_test(a_debug_link_beside_the_file_is_followed),
		cmocka_unit_test(a_debug_file_is_found_by_build_id),
		cmocka_unit_test(a_debug_file_of_another_build_is_not_believed),
		cmocka_unit_test(jump_slots_have_the_name_of_their_target),
		cmocka_unit_test(files_that_are_no_elf_are_refused),
		cmocka_unit_test(truncated_files_do_no_harm),
		cmocka_unit_test(corrupted_files_do_no_harm),
		cmocka_unit_test(kernel_symbols_are_read_with_their_modules),
		cmocka_unit_test(hidden_kernel_addresses_are_told_apart_from_none),
		cmocka_unit_test(the_running_kernel_has_names_where_it_shows_them),
		cmocka_unit_test(functions_have_their_source_line),
		cmocka_unit_test(inlined_functions_are_told_with_their_lines),
		cmocka_unit_test(lines_of_a_corrupted_file_do_no_harm),
	};

	if (argc > 1 && strcmp(argv[1], "--wait") == 0) {
		if (write(STDOUT_FILENO, "r", 1) != 1)
			return 1;
		pause();
		return 0;
	}
	return cmocka_run_group_tests(tests, temporary_make, temporary_remove);
}
