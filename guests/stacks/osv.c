/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OSv: a unikernel in QEMU, on a ROFS disk made here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/console.h"
#include "guests/guest.h"
#include "guests/guest_program.h"
#include "guests/images/elf_needs.h"
#include "guests/images/image.h"
#include "guests/images/rofs.h"
#include "guests/process/command.h"
#include "guests/qemu/qemu.h"
#include "guests/verdict.h"

#define PICTURE_PATH   "/tmp/mandelbrot.png"
#define LIBRARY_FOLDER "/usr/lib"
/* Where its kernel lies in virtual memory, less where it lies in physical memory. */
#define OSV_OFFSET   0x40000000ULL
#define KERNEL_BYTES ((uint64_t)256 << 20)
#define COMMAND_MAX  4000
#define CPUS_MAX     64 /* sched::max_cpus */

static const char *const kernel_names[] = {"loader-stripped.elf", "loader.elf", "kernel.elf", NULL};

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

	return r < 0 ? r
		     : qemu_check_elf(*ret, false,
			       "an OSv kernel: an ELF file for x86-64 is expected "
			       "(loader-stripped.elf or loader.elf of an OSv build; compressed and "
			       "raw images do not boot)",
			       error);
}

static int osv_available(const struct guest_spec *spec, struct error *error)
{
	return qemu_stack_available(spec, find_kernel, error);
}

static int add_libraries(struct image *image, const char *program, struct error *error)
{
	struct elf_needs needs = {0};
	int r = elf_needs_find(program, inside_kernel, NULL, &needs, error);

	if (r == 0)
		r = elf_needs_add(&needs, LIBRARY_FOLDER, image, error);
	elf_needs_free(&needs);
	return r;
}

static int make_disk(
	const struct guest_spec *spec, char **ret_path, char **ret_program, struct error *error)
{
	static const char *const folders[] = {"/dev", "/proc", "/sys", "/tmp"};
	struct image image = {0};
	int r;

	r = image_add_program(&image, spec->program, ret_program, error);
	if (r == 0)
		r = add_libraries(&image, spec->program, error);
	for (size_t i = 0; i < ARRAY_SIZE(folders) && r == 0; i++)
		r = image_add_folder(&image, folders[i], 0755, error);
	if (r == 0)
		r = image_add_bytes(&image, "/etc/fstab", 0644, fstab, sizeof(fstab) - 1, error);
	if (r == 0)
		r = image_write_cached(&image, rofs_write, spec->work_dir, "osv-", ret_path, error);
	image_clear(&image);
	return r;
}

/* OSv takes its command line apart at blanks, quotes and some signs of its own; there is no way to
 * hand these through, so such arguments are refused. */
static int append_word(char *line, size_t *used, const char *word, struct error *error)
{
	size_t length = strlen(word);

	for (const char *p = word; *p; p++) {
		char quoted[200];

		if ((unsigned char)*p > ' ' && (unsigned char)*p < 0x7f &&
			!strchr("\"'\\;&|<>!$`", *p))
			continue;
		console_quote(quoted, sizeof(quoted), word, length);
		return error_set_user(error, -EINVAL,
			"argument '%s' cannot be handed to OSv: blanks, quotes and the signs "
			"\\ ; & | < > ! $ ` have a meaning of their own there",
			quoted);
	}
	if (length == 0)
		return error_set_user(error, -EINVAL, "an empty argument cannot be handed to OSv");
	if (*used + length + 2 > COMMAND_MAX)
		return error_set_user(error, -E2BIG,
			"the arguments are too long for OSv (over %d bytes)", COMMAND_MAX);
	if (*used)
		line[(*used)++] = ' ';
	memcpy(line + *used, word, length + 1);
	*used += length;
	return 0;
}

static int make_append(
	const struct guest_spec *spec, const char *program, char *ret_line, struct error *error)
{
	/* --verbose: say how the program ended. --power-off-on-abort: do not hang after a crash. */
	static const char *const options[] = {
		"--verbose", "--power-off-on-abort", "--rootfs=rofs", "--env=HWLOC_HIDE_ERRORS=2"};
	_cleanup_(strv_freep) char **argv = NULL;
	size_t used = 0;
	int r;

	r = guest_program_argv(spec, program, PICTURE_PATH, &argv);
	if (r < 0)
		return error_set_errno(error, r, "command line of OSv");
	for (size_t i = 0; i < ARRAY_SIZE(options) && r == 0; i++)
		r = append_word(ret_line, &used, options[i], error);
	for (size_t i = 0; argv[i] && r == 0; i++)
		r = append_word(ret_line, &used, argv[i], error);
	return r;
}

/* loader-stripped.elf keeps half of the names; the whole kernel is the file beside it. */
static char *whole_kernel(const char *kernel)
{
	const char *slash = strrchr(kernel, '/');
	char *path;

	if (asprintf(&path, "%.*sloader.elf", slash ? (int)(slash + 1 - kernel) : 0, kernel) < 0)
		return NULL;
	if (access(path, R_OK) == 0)
		return path;
	free(path);
	return strdup(kernel);
}

static int osv_prepare(struct guest *g, struct error *error)
{
	_cleanup_free_ char *kernel = NULL, *disk = NULL, *program = NULL, *whole = NULL;
	char append[COMMAND_MAX];
	struct qemu_machine m;
	int r;

	if (g->spec.lanes > CPUS_MAX)
		return error_set_user(error, -EINVAL, "OSv has at most %d vCPUs, not %u", CPUS_MAX,
			g->spec.lanes);
	r = find_kernel(&g->spec, &kernel, error);
	if (r == 0)
		r = make_disk(&g->spec, &disk, &program, error);
	if (r == 0)
		r = make_append(&g->spec, program, append, error);
	if (r < 0)
		return r;
	whole = whole_kernel(kernel);
	if (!whole)
		return error_set_errno(error, -ENOMEM, "OSv");
	m = (struct qemu_machine){.cpu_tcg = "max",
		.cpu_kvm = qemu_host_is_emulated() ? "host,-xsave" : "host",
		.kernel = kernel,
		.append = append,
		.disks = {{.file = disk, .format = "raw"}},
		.kernel_bytes = KERNEL_BYTES,
		.inside = {.subsystems = "osv",
			.one_ring = true,
			.root = {.name = "_ZN3mmuL15page_table_rootE",
				.other_name = "_ZN3mmu15page_table_rootE",
				.offset = OSV_OFFSET,
				.is_pointer = true}},
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

/* The program's exit status by OSv's own word, which it gives for a failure only. */
static int check_status(const char *console, size_t length, struct error *error)
{
	static const char *const sayings[] = {"program exited with status", " returned "};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sayings) && (r == 0 || r == -ENODATA); i++)
		r = verdict_status(sayings[i], " inside OSv", console, length, error);
	return r == -ENODATA ? 0 : r;
}

static int osv_verdict(struct guest *g, const char *console, size_t length, struct error *error)
{
	/* Either says that the machine went down of its own accord. */
	static const char *const farewells[] = {
		"Powering off", "VFS: unmounting /proc", "guestscope end "};
	struct error said = {0};
	char frame[200];
	const char *line;
	size_t n;
	int r;

	r = qemu_verdict(g, console, length, error);
	if (r < 0)
		return r;
	r = verdict_failures("OSv", failures, true, console, length, &said);
	if (r < 0) {
		quote_frame(frame, sizeof(frame), console, length);
		return error_set(error, r, "%s%s", said.text, frame);
	}
	r = check_status(console, length, error);
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

const struct guest_ops guest_osv = {
	.name = "osv",
	.title = "OSv unikernel in QEMU",
	.boot = &osv_boot,
	.available = osv_available,
	.prepare = osv_prepare,
	.verdict = osv_verdict,
	QEMU_OPS,
};
