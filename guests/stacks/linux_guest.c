/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/stacks/linux_guest.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/console.h"
#include "guests/guest_files.h"
#include "guests/guest_program.h"
#include "guests/images/iso.h"
#include "guests/init/modules.h"
#include "guests/init/words.h"
#include "guests/process/beside.h"
#include "guests/process/command.h"
#include "guests/qemu/qemu.h"
#include "guests/verdict.h"

#define PICTURE_PATH   "/tmp/mandelbrot.png"
#define PROGRAM_FOLDER "/bin"
#define SETUP_MAGIC    "HdrS"
/* Where its kernel lies in virtual memory, less where it lies in physical memory. */
#define LINUX_OFFSET   0xffffffff80000000ULL
#define SETUP_MAGIC_AT 0x202

static const char *const kernel_names[] = {"vmlinuz*", "vmlinux*", "bzImage*", NULL};
static const char *const kernel_folders[] = {"linux-minimal", "linux"};

static int check_kernel(const char *path, struct error *error)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char magic[4] = "";

	if (fd < 0)
		return error_set_errno(error, -errno, "cannot read kernel %s", path);
	if (pread(fd, magic, SELFMAG, 0) == SELFMAG && memcmp(magic, ELFMAG, SELFMAG) == 0)
		return 0;
	if (pread(fd, magic, 4, SETUP_MAGIC_AT) == 4 && memcmp(magic, SETUP_MAGIC, 4) == 0)
		return 0;
	return error_set(error, -EINVAL,
		"%s is not a Linux kernel: a vmlinuz (bzImage for x86) or vmlinux (ELF) is "
		"expected",
		path);
}

int linux_find_kernel(const struct guest_spec *spec, char **ret_path, struct error *error)
{
	_cleanup_free_ char *fetch = NULL;
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(kernel_folders) && r == -ENOENT; i++) {
		r = guest_find_kernel(
			kernel_folders[i], spec->kernel, kernel_names, ret_path, error);
		if (r == -ENOENT && spec->kernel)
			return r;
	}
	if (r == -ENOENT) {
		fetch = beside_name("fetch-kernel");
		return error_set(error, r,
			"no Linux kernel for the guest: get Debian's with %s (it installs "
			"nothing), or name one with --kernel FILE",
			fetch ? fetch : "fetch-kernel");
	}
	return r < 0 ? r : check_kernel(*ret_path, error);
}

/* Words for guests/init/program.c: any byte but NUL can be handed through. */
struct words {
	char text[COMMAND_MAX];
	size_t used;
	unsigned n;
	bool full;
};

static void add_word(struct words *w, char kind, const char *text)
{
	size_t length = strlen(text) + 1;

	w->full |= length + 1 > sizeof(w->text) - w->used || w->n++ == WORDS_MAX;
	if (w->full)
		return;
	w->text[w->used++] = kind;
	memcpy(w->text + w->used, text, length);
	w->used += length;
}

static void add_words(struct words *w, char kind, char *const *list)
{
	for (; list && *list; list++)
		add_word(w, kind, *list);
}

int linux_add_command(
	struct image *image, const struct guest_spec *spec, bool on_disk, struct error *error)
{
	_cleanup_(strv_freep) char **argv = NULL, **environment = NULL;
	_cleanup_free_ struct words *w = calloc(1, sizeof(*w));
	_cleanup_free_ char *place = guest_program_place(spec, PROGRAM_FOLDER);
	int r = w && place ? 0 : -ENOMEM;

	if (r == 0)
		r = guest_program_argv(spec, place, PICTURE_PATH, &argv);
	if (r == 0)
		r = guest_program_environment(spec, &environment);
	if (r < 0)
		return error_set_errno(error, r, "command line of the guest");
	add_words(w, WORD_ARGUMENT, argv);
	add_words(w, WORD_VARIABLE, environment);
	if (spec->own)
		add_word(w, WORD_FOLDER, spec->cwd ? spec->cwd : "/");
	if (on_disk)
		add_word(w, WORD_DISK, "");
	if (spec->port)
		add_word(w, WORD_NETWORK, "");
	if (w->full)
		return error_set_user(error, -E2BIG,
			"the program's arguments are too long (over %d bytes)", COMMAND_MAX);
	return image_add_bytes(image, COMMAND_FILE, 0644, w->text, w->used, error);
}

int linux_add_program(struct image *image, const struct guest_spec *spec, struct error *error)
{
	static const char *const folders[] = {
		"/dev", "/proc", "/sys", "/tmp", INIT_UNDER "/0", INIT_UNDER "/1"};
	_cleanup_free_ char *place = guest_program_place(spec, PROGRAM_FOLDER);
	int r = place ? guest_add_program(spec, place, &guest_plain_libraries, false, image, error)
		      : error_set_errno(error, -ENOMEM, "%s", spec->program);

	for (size_t i = 0; i < ARRAY_SIZE(folders) && r == 0; i++) {
		r = image_add_folder(image, folders[i], 0755, error);
		if (r == -EEXIST)
			r = 0;
	}
	return r;
}

int linux_make_disk(
	struct guest *g, const void *runner, size_t length, char **ret_path, struct error *error)
{
	const struct guest_spec *spec = &g->spec;
	struct image image = {0};
	int r = runner ? image_add_bytes(&image, PROGRAM_RUNNER, 0755, runner, length, error) : 0;

	if (r == 0)
		r = linux_add_program(&image, spec, error);
	if (r == 0)
		r = guest_note_copies(g, &image, "disk", NULL, error);
	if (r == 0)
		r = image_write_cached(
			&image, iso_write, spec->work_dir, "linux-program-", ret_path, error);
	image_clear(&image);
	return r;
}

/* The folder "modules-VERSION" beside the kernel "vmlinuz-VERSION"; NULL if there is none. */
static char *modules_folder(const char *kernel)
{
	const char *slash = strrchr(kernel, '/');
	const char *name = slash ? slash + 1 : kernel;
	const char *dash = strchr(name, '-');
	char *folder = NULL;

	if (!dash || asprintf(&folder, "%.*smodules%s", (int)(name - kernel), kernel, dash) < 0)
		return NULL;
	if (access(folder, R_OK | X_OK) == 0)
		return folder;
	free(folder);
	return NULL;
}

/* *ret_path is NULL where there is no such file. */
static int find_module(const char *folder, const char *name, char **ret_path, size_t *ret_suffix)
{
	for (size_t i = 0; i < MODULE_SUFFIXES_N; i++) {
		char *path;

		if (asprintf(&path, "%s/%s%s", folder, name, module_suffixes[i]) < 0)
			return -ENOMEM;
		if (access(path, R_OK) == 0) {
			*ret_path = path;
			*ret_suffix = i;
			return 0;
		}
		free(path);
	}
	return -ENOENT;
}

static int add_module(
	struct image *image, const char *folder, const char *name, struct error *error)
{
	_cleanup_free_ char *source = NULL;
	char path[128];
	size_t suffix;
	int r = find_module(folder, name, &source, &suffix);

	if (r == -ENOENT)
		return 0; /* built in, or not needed */
	if (r < 0)
		return error_set_errno(error, r, "module %s", name);
	snprintf(path, sizeof(path), MODULES_FOLDER "/%s%s", name, module_suffixes[suffix]);
	r = image_add_file(image, path, 0644, source, error);
	return r == -EEXIST ? 0 : r;
}

static bool is_wanted(const struct module_list *list, const struct guest_spec *spec)
{
	return spec->port || strcmp(list->purpose, NETWORK_MODULES) != 0;
}

int linux_add_modules(
	struct image *image, const struct guest_spec *spec, const char *kernel, struct error *error)
{
	_cleanup_free_ char *folder = modules_folder(kernel);
	int r = 0;

	for (size_t i = 0; folder && i < MODULE_LISTS_N; i++)
		for (const char *const *name = module_lists[i].names;
			*name && r == 0 && is_wanted(&module_lists[i], spec); name++)
			r = add_module(image, folder, *name, error);
	return r;
}

static int check_module(const char *folder, const char *name, struct error *error)
{
	_cleanup_free_ char *path = NULL, *fetch = NULL;
	size_t suffix;
	int r = find_module(folder, name, &path, &suffix);

	if (r != -ENOENT)
		return r;
	fetch = beside_name("fetch-kernel");
	return error_set(error, r, "%s lacks the module %s: get the kernel again with %s", folder,
		name, fetch ? fetch : "fetch-kernel");
}

/* Debian's kernel has these drivers as modules: where one is missing the guest could never boot. */
int linux_check_modules(
	const struct guest_spec *spec, bool disk, const char *kernel, struct error *error)
{
	_cleanup_free_ char *folder = modules_folder(kernel);
	int r = 0;

	if (!folder) /* a kernel of the user's own, which may have all built in */
		return 0;
	if (disk)
		r = check_module(folder, "virtio_blk", error);
	if (r == 0 && spec->port)
		r = check_module(folder, "virtio_net", error);
	return r;
}

int linux_prepare_machine(struct guest *g, struct qemu_machine *m, struct error *error)
{
	/* Emulation and some processors offer page tables of five levels, which Linux then takes
	 * though it has no use for them here; guests are looked into by four. */
	m->cpu_tcg = "max,la57=off";
	m->cpu_kvm = "host,la57=off";
	/* The root is of the kernel's half, which is the same in all processes. */
	m->inside = (struct guest_inside){.subsystems = "linux",
		.kallsyms = true,
		.randomised =
			g->spec.alone && (!g->spec.append || !strstr(g->spec.append, "nokaslr")),
		.root = {.name = "init_top_pgt", .offset = LINUX_OFFSET}};
	return qemu_prepare(g, m, error);
}

/* What the first process says, and why: the last failure that systemd told, else the last words. */
static int first_process_says(const char *line, size_t n, const char *console, struct error *error)
{
	static const char *const failures[] = {"[FAILED]", "[ TIME ]", "[DEPEND]"};
	size_t before = (size_t)(line - console), length;
	char words[300], failure[300] = "", why[CONSOLE_WORDS_SIZE] = "";
	const char *reason;

	console_quote(words, sizeof(words), line, n);
	for (size_t i = 0; i < ARRAY_SIZE(failures) && !failure[0]; i++)
		if (console_find(console, before, failures[i], false, &reason, &length))
			console_quote(failure, sizeof(failure), reason, length);
	if (!failure[0])
		console_last_words(why, console, before);
	return error_set(error, -EIO, "the guest says: %s%s%s%s", words,
		failure[0] ? ", after: " : "", failure, why);
}

int linux_verdict(struct guest *g, const char *console, size_t length, struct error *error)
{
	/* Words of a kernel that is lost, in the order of how much they say. The last two may as well be
	 * an own program's. */
	static const char *const failures[] = {
		"Kernel panic", "Out of memory: Killed process", "BUG: ", "Oops: ", NULL};
	static const char *const certain[] = {
		"Kernel panic", "Out of memory: Killed process", NULL};
	const char *line;
	size_t n;
	int r;

	r = qemu_verdict(g, console, length, error);
	if (r == 0)
		r = verdict_failures("the guest's kernel", g->spec.own ? certain : failures, false,
			console, length, error);
	if (r == 0)
		r = verdict_signal(INIT_SAYS " killed by signal", console, length, error);
	if (r == -ENODATA)
		r = verdict_status(INIT_SAYS " exit status", "", console, length, error);
	if (r != -ENODATA)
		return r;
	if (console_find(console, length, INIT_SAYS, true, &line, &n))
		return first_process_says(line, n, console, error);
	return verdict_ended_early("the guest", console, length, error);
}

const struct guest_no_machine linux_no_machines[] = {
	{MACHINE_MICROVM,
		"emulated it waits for ever for a clock there, and its disks would need a "
		"driver that guests/fetch-kernel does not bring"},
	{0}};

static const struct guest_boot_line boot_lines[] = {
	{BOOT_KERNEL, BOOT_SAYS " init"},
	{BOOT_INIT, BOOT_SAYS " program"},
};

const struct guest_boot linux_boot = {
	.steps = {BOOT_PROCESS_START, BOOT_QEMU_SETUP, BOOT_FIRMWARE, BOOT_KERNEL, BOOT_INIT,
		BOOT_PROGRAM},
	.n_steps = 6,
	.lines = boot_lines,
	.n_lines = ARRAY_SIZE(boot_lines),
	.emulation = QEMU_EMULATION,
};
