/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OSv: a unikernel in QEMU, on a ROFS disk made here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/console.h"
#include "guests/guest.h"
#include "guests/guest_files.h"
#include "guests/guest_program.h"
#include "guests/images/disk_image.h"
#include "guests/images/elf_needs.h"
#include "guests/images/image.h"
#include "guests/images/rofs.h"
#include "guests/images/tfs.h"
#include "guests/init/words.h"
#include "guests/process/command.h"
#include "guests/qemu/qemu.h"
#include "guests/verdict.h"
#include "init_mark.h"

#define PICTURE_PATH   "/tmp/mandelbrot.png"
#define LIBRARY_FOLDER "/usr/lib"
#define PROGRAM_FOLDER "/bin"
#define MARK_PLACE     "/guestscope/mark"
/* Where its kernel lies in virtual memory, less where it lies in physical memory. */
#define OSV_OFFSET     0x40000000ULL
#define CACHED_MAX     ((uint64_t)256 << 20)
#define KERNEL_BYTES   ((uint64_t)256 << 20)
#define LINE_MAX_BYTES 4000
#define CPUS_MAX       64 /* sched::max_cpus */
/* Where the program calls exit(): OSv powers off, and nothing comes after the program. */
#define SAYS_EXITED "program exited with status"

/* loader-stripped.elf keeps half of the names. */
#define KERNEL_WHOLE "loader.elf"

static const char *const kernel_names[] = {"loader-stripped.elf", KERNEL_WHOLE, "kernel.elf", NULL};

/* OSv mounts these over the root by itself; the rest of the words are its own fstab(5). */
static const char fstab[] = "/dev/vblk0.1 / rofs defaults 0 0\n"
			    "none /dev devfs defaults 0 0\n"
			    "none /proc procfs defaults 0 0\n"
			    "none /sys sysfs defaults 0 0\n"
			    "none /tmp ramfs defaults 0 0\n";

/* What OSv's kernel has inside, under these names. */
static bool inside_kernel(const char *name)
{
	static const char *const names[] = {"libc.so.6", "libm.so.6", "libpthread.so.0",
		"libdl.so.2", "librt.so.1", "libresolv.so.2", "libutil.so.1",
		"ld-linux-x86-64.so.2"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static int find_kernel(const struct guest_spec *spec, char **ret, struct error *error)
{
	int r = guest_find_kernel("osv", spec->kernel, kernel_names, ret, error);

	if (r == 0)
		r = qemu_check_elf(*ret, false,
			"an OSv kernel: an ELF file for x86-64 is expected "
			"(loader-stripped.elf or loader.elf of an OSv build; compressed and "
			"raw images do not boot)",
			error);
	if (r == 0 && qemu_kernel_reads(*ret, TFS_MAGIC))
		r = error_set(error, -EINVAL,
			"%s is not an OSv kernel but one of Nanos: --guest nanos boots it", *ret);
	return r;
}

/* A disk that boots by itself has a kernel of its own. */
static bool boots_itself(const struct guest_spec *spec)
{
	return spec->alone && !spec->append && !spec->kernel;
}

static int osv_available(const struct guest_spec *spec, struct error *error)
{
	const char *format;
	int r = spec->alone ? disk_image_check(spec->disk, &format, error) : 0;

	if (r == 0 && boots_itself(spec))
		r = qemu_available(error);
	if (r < 0 || boots_itself(spec))
		return r < 0 ? r : guest_symbols_available(spec->symbols, error);
	return qemu_stack_available(spec, find_kernel, error);
}

static int add_libraries(const struct elf_needs *needs, struct image *image, struct error *error)
{
	return elf_needs_add(needs, LIBRARY_FOLDER, image, error);
}

/* A place below /tmp, which OSv covers with memory: mark.c puts a link there. */
static char *disk_place(const char *path)
{
	bool covered = strncmp(path, "/tmp/", 5) == 0;
	char *place;

	return asprintf(&place, "%s%s", covered ? MARK_TMP : "", covered ? path + 4 : path) < 0
		       ? NULL
		       : place;
}

/* What is to lie below /tmp is moved to where it can be seen. */
static int move_covered(struct image *image, struct error *error)
{
	for (size_t i = 0; i < image->n; i++) {
		char *place = disk_place(image->entries[i].path);

		if (!place)
			return error_set_errno(error, -ENOMEM, "OSv's disk");
		free(image->entries[i].path);
		image->entries[i].path = place;
	}
	return 0;
}

static int make_disk(struct guest *g, char **ret_path, char **ret_program, struct error *error)
{
	const struct guest_spec *spec = &g->spec;
	static const char *const folders[] = {"/dev", "/proc", "/sys", "/tmp"};
	static const struct guest_libraries libraries = {
		.inside = inside_kernel, .add = add_libraries};
	_cleanup_free_ char *place = guest_program_place(spec, PROGRAM_FOLDER);
	struct image image = {0};
	int r = place ? guest_add_program(spec, place, &libraries, false, &image, error)
		      : error_set_errno(error, -ENOMEM, "OSv's disk");

	if (r == 0 && spec->own)
		r = image_add_bytes(
			&image, MARK_PLACE, 0755, init_mark, sizeof(init_mark) - 1, error);
	if (r == 0)
		r = guest_note_copies(g, &image, "disk", NULL, error);
	if (r == 0)
		r = move_covered(&image, error);
	for (size_t i = 0; i < ARRAY_SIZE(folders) && r == 0; i++) {
		r = image_add_folder(&image, folders[i], 0755, error);
		r = r == -EEXIST ? 0 : r;
	}
	if (r == 0)
		r = image_add_bytes(&image, "/etc/fstab", 0644, fstab, sizeof(fstab) - 1, error);
	if (r == 0)
		r = image_write_cached(&image, rofs_write, spec->work_dir, "osv-", ret_path, error);
	image_clear(&image);
	if (r == 0)
		*ret_program = TAKE_PTR(place);
	return r;
}

/* OSv keeps all that it reads of the disk in the guest's memory, unless it is told not to. */
static bool is_large(const char *disk)
{
	struct stat st;

	return stat(disk, &st) == 0 && (uint64_t)st.st_size > CACHED_MAX;
}

/* OSv's command line in the making. */
struct line {
	char text[LINE_MAX_BYTES];
	size_t used;
};

static void put(struct line *l, const char *text, size_t length)
{
	if (l->used + length < sizeof(l->text))
		memcpy(l->text + l->used, text, length);
	l->used += length;
}

static int refuse(const char *word, const char *why, struct error *error)
{
	char quoted[200];

	console_quote(quoted, sizeof(quoted), word, strlen(word));
	return error_set_user(
		error, -EINVAL, "the argument '%s' cannot be handed to OSv: %s", quoted, why);
}

/* OSv's loader takes its command line apart (core/commands.cc): a word in double quotes may have
 * blanks and the signs that end a command, and signs behind backslashes; of a "$" in it, OSv makes a
 * variable's value in any case, and other letters than ASCII's are not in its grammar. */
static int check_word(const char *word, struct error *error)
{
	for (const char *p = word; *p; p++) {
		if (*p == '$')
			return refuse(word, "a $ begins a variable's name there", error);
		if ((unsigned char)*p >= 0x7f || ((unsigned char)*p < ' ' && !strchr("\n\r\t", *p)))
			return refuse(word, "it takes ASCII letters only", error);
	}
	return 0;
}

static void put_quoted(struct line *l, const char *word)
{
	static const char named[] = "\"\\\n\r\t", names[] = "\"\\nrt";

	put(l, "\"", 1);
	for (; *word; word++) {
		const char *at = strchr(named, *word);

		if (at)
			put(l, "\\", 1);
		put(l, at ? &names[at - named] : word, 1);
	}
	put(l, "\"", 1);
}

static int append_word(struct line *l, const char *word, struct error *error)
{
	bool plain = *word && !strpbrk(word, " \t\r\n\"'\\;&|<>!`");
	int r = check_word(word, error);

	if (r < 0)
		return r;
	if (l->used)
		put(l, " ", 1);
	if (plain)
		put(l, word, strlen(word));
	else
		put_quoted(l, word);
	return 0;
}

/* The loader's own options are cut at blanks, which a backslash keeps. */
static void append_option(struct line *l, const char *option, const char *value)
{
	if (l->used)
		put(l, " ", 1);
	put(l, option, strlen(option));
	for (; *value; value++) {
		if (strchr(" \t\n\\", *value))
			put(l, "\\", 1);
		put(l, value, 1);
	}
}

static int append_options(struct line *l, const struct guest_spec *spec, const char *disk)
{
	/* --verbose: say how the program ended. --power-off-on-abort: do not hang after a crash. */
	static const char *const options[] = {
		"--verbose", "--power-off-on-abort", "--rootfs=rofs", "--env=HWLOC_HIDE_ERRORS=2"};
	_cleanup_(strv_freep) char **environment = NULL;
	int r = guest_program_environment(spec, &environment);

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		append_option(l, options[i], "");
	if (is_large(disk))
		append_option(l, "--disable_rofs_cache", "");
	for (size_t i = 0; r == 0 && environment[i]; i++)
		append_option(l, "--env=", environment[i]);
	if (spec->port) {
		append_option(l, "--ip=eth0,", GUEST_ADDRESS "," GUEST_NETMASK);
		append_option(l, "--defaultgw=", GUEST_GATEWAY);
	}
	return r;
}

/* An own program stands between two of ours, which write its markers. */
static int append_commands(
	struct line *l, const struct guest_spec *spec, char *const *argv, struct error *error)
{
	int r = 0;

	if (spec->own) {
		put(l, " " MARK_PLACE " begin", strlen(" " MARK_PLACE " begin"));
		r = append_word(l, spec->cwd ? spec->cwd : "/", error);
		put(l, ";", 1);
	}
	for (; *argv && r == 0; argv++)
		r = append_word(l, *argv, error);
	if (spec->own)
		put(l, "; " MARK_PLACE " end", strlen("; " MARK_PLACE " end"));
	return r;
}

static int make_append(const struct guest_spec *spec, const char *program, const char *disk,
	struct line *ret, struct error *error)
{
	_cleanup_(strv_freep) char **argv = NULL;
	int r = guest_program_argv(spec, program, PICTURE_PATH, &argv);

	if (r == 0)
		r = append_options(ret, spec, disk);
	if (r < 0)
		return error_set_errno(error, r, "command line of OSv");
	r = append_commands(ret, spec, argv, error);
	if (r < 0)
		return r;
	if (ret->used >= LINE_MAX_BYTES)
		return error_set_user(error, -E2BIG,
			"the arguments are too long for OSv (over %d bytes)", LINE_MAX_BYTES);
	ret->text[ret->used] = '\0';
	return 0;
}

/* Newer kernels run programs that are not PIE, and static ones; older ones say that they cannot. */
static int osv_runs(const struct guest_spec *spec, struct error *error)
{
	_cleanup_(elf_needs_free) struct elf_needs needs = {0};
	_cleanup_free_ char *place = guest_program_place(spec, PROGRAM_FOLDER);
	_cleanup_(strv_freep) char **files = NULL;
	struct line trial = {0};
	int r = guest_executables(spec, &files, error);

	if (r < 0)
		return r;
	if (!files[0] || strcmp(files[0], spec->program) != 0)
		return error_set(error, -ENOEXEC,
			"%s is a script, and OSv has no second process to start its interpreter in",
			spec->program);
	r = elf_needs_find(spec->program, inside_kernel, NULL, &needs, error);
	if (r < 0)
		return r;
	return place ? make_append(spec, place, "", &trial, error)
		     : error_set_errno(error, -ENOMEM, "OSv");
}

static const struct guest_inside osv_inside = {.subsystems = "osv",
	.one_ring = true,
	.root = {.name = "_ZN3mmuL15page_table_rootE",
		.other_name = "_ZN3mmu15page_table_rootE",
		.offset = OSV_OFFSET,
		.is_pointer = true}};

/* The user's disk, whose own command line runs its program. */
static int prepare_alone(struct guest *g, struct error *error)
{
	_cleanup_free_ char *kernel = NULL, *whole = NULL;
	_cleanup_free_ char *append =
		guest_program_word(&g->spec, g->spec.append ? g->spec.append : "");
	const char *format = NULL;
	struct qemu_machine m;
	int r = append ? disk_image_check(g->spec.disk, &format, error)
		       : error_set_errno(error, -ENOMEM, "OSv");

	if (r == 0 && !boots_itself(&g->spec))
		r = find_kernel(&g->spec, &kernel, error);
	if (r < 0)
		return r;
	whole = kernel ? qemu_kernel_beside(kernel, KERNEL_WHOLE) : NULL;
	m = (struct qemu_machine){.cpu_tcg = "max",
		.cpu_kvm = qemu_host_is_emulated() ? "host,-xsave" : "host",
		.kernel = kernel,
		.append = append,
		.disks = {{.file = g->spec.disk, .format = format, .writable = true}},
		.kernel_bytes = KERNEL_BYTES,
		.inside = osv_inside,
		.symbols = whole,
		.library_inside = inside_kernel};
	return qemu_prepare(g, &m, error);
}

static int osv_prepare(struct guest *g, struct error *error)
{
	_cleanup_free_ char *kernel = NULL, *disk = NULL, *program = NULL, *whole = NULL;
	struct line append = {0};
	struct qemu_machine m;
	int r;

	if (g->spec.lanes > CPUS_MAX)
		return error_set_user(error, -EINVAL, "OSv has at most %d vCPUs, not %u", CPUS_MAX,
			g->spec.lanes);
	if (g->spec.alone)
		return prepare_alone(g, error);
	r = find_kernel(&g->spec, &kernel, error);
	if (r == 0)
		r = make_disk(g, &disk, &program, error);
	if (r == 0)
		r = make_append(&g->spec, program, disk, &append, error);
	if (r < 0)
		return r;
	whole = qemu_kernel_beside(kernel, KERNEL_WHOLE);
	if (!whole)
		return error_set_errno(error, -ENOMEM, "OSv");
	m = (struct qemu_machine){.cpu_tcg = "max",
		.cpu_kvm = qemu_host_is_emulated() ? "host,-xsave" : "host",
		.kernel = kernel,
		.append = append.text,
		.disks = {{.file = disk, .format = "raw"}},
		.kernel_bytes = KERNEL_BYTES,
		.inside = osv_inside,
		.symbols = whole,
		.library_inside = inside_kernel};
	return qemu_prepare(g, &m, error);
}

/* The lines by which OSv reports a failure, in the order of how much they say. */
static const char *const failures[] = {"Assertion failed", "Out of memory", "Failed to load",
	"failed looking up symbol", "could not load", "page fault outside application",
	"general protection fault", "exception nested too deeply", "Uncaught signal", "Aborted",
	"[backtrace]", NULL};

static size_t line_length(const char *line, size_t left)
{
	const char *newline = memchr(line, '\n', left);

	return newline ? (size_t)(newline - line) : left;
}

/* ", in FUNCTION": the first frame of the backtrace that has a name; "" if there is none. */
static void quote_frame(char *ret, size_t size, const char *console, size_t length)
{
	const char *line, *end = console + length;
	size_t n;

	ret[0] = '\0';
	if (!console_find(console, length, "[backtrace]", true, &line, &n))
		return;
	for (int i = 0; i < 32 && line + n < end; i++) {
		const char *open;

		line += n + 1;
		n = line_length(line, (size_t)(end - line));
		open = memchr(line, '<', n);
		if (!open || memmem(open, n - (size_t)(open - line), "<???", 4))
			continue;
		memcpy(ret, ", in ", 6);
		console_quote(ret + 5, size - 5, open, n - (size_t)(open - line));
		return;
	}
}

/* The program's exit status by OSv's own word, which it gives for a failure only where the program
 * comes back from main(). */
static int check_status(
	const struct guest *g, const char *console, size_t length, struct error *error)
{
	_cleanup_free_ char *returned = NULL;
	int r;

	if (asprintf(&returned, g->spec.own ? "program %s returned " : " returned ",
		    g->spec.program) < 0) {
		returned = NULL;
		return error_set_errno(error, -ENOMEM, "OSv");
	}
	r = verdict_status(SAYS_EXITED, " inside OSv", console, length, error);
	if (r == 0 || r == -ENODATA)
		r = verdict_status(returned, " inside OSv", console, length, error);
	return r == -ENODATA ? 0 : r;
}

/* Either says that the machine went down of its own accord. */
static const char *const farewells[] = {"Powering off", "VFS: unmounting /proc", "guestscope end "};

/* What an own program prints may look like any failure, as long as it comes to its end. */
static bool came_to_its_end(const struct guest *g, const char *console, size_t length)
{
	const char *line;
	size_t n;

	return g->spec.own &&
	       (console_find(console, length, "guestscope end by=", false, &line, &n) ||
		       console_find(console, length, SAYS_EXITED, false, &line, &n));
}

static int osv_verdict(struct guest *g, const char *console, size_t length, struct error *error)
{
	struct error said = {0};
	char frame[200];
	const char *line;
	size_t n;
	int r;

	r = qemu_verdict(g, console, length, error);
	if (r < 0)
		return r;
	if (!came_to_its_end(g, console, length))
		r = verdict_failures("OSv", failures, true, console, length, &said);
	if (r < 0) {
		quote_frame(frame, sizeof(frame), console, length);
		return error_set(error, r, "%s%s", said.text, frame);
	}
	r = g->spec.alone ? verdict_status(SAYS_EXITED, " inside OSv", console, length, error)
			  : check_status(g, console, length, error);
	if (g->spec.alone) /* it went down of its own accord, or at the phase "end" */
		return r == -ENODATA ? 0 : r;
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(farewells); i++)
		if (console_find(console, length, farewells[i], false, &line, &n))
			return 0;
	return verdict_ended_early("OSv", console, length, error);
}

/* --verbose makes it say this when all is set up, before it loads the program. */
static const struct guest_boot_line boot_lines[] = {{BOOT_KERNEL, "Booted up in"}};

static const struct guest_boot osv_boot = {
	.steps = {BOOT_PROCESS_START, BOOT_QEMU_SETUP, BOOT_FIRMWARE, BOOT_KERNEL, BOOT_PROGRAM},
	.n_steps = 5,
	.lines = boot_lines,
	.n_lines = ARRAY_SIZE(boot_lines),
	.emulation = QEMU_EMULATION,
};

static const struct guest_no_machine no_machines[] = {
	{MACHINE_MICROVM, "it takes its time from the HPET, which is not there"}, {0}};

const struct guest_ops guest_osv = {
	.name = "osv",
	.title = "OSv unikernel in QEMU",
	.boot = &osv_boot,
	.no_machines = no_machines,
	.available = osv_available,
	.runs = osv_runs,
	.end_words = SAYS_EXITED,
	.prepare = osv_prepare,
	.verdict = osv_verdict,
	QEMU_NETWORK_OPS,
	QEMU_OPS,
};
