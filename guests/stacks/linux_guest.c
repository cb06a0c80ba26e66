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
#include "guests/guest_program.h"
#include "guests/images/elf_needs.h"
#include "guests/init/words.h"
#include "guests/process/beside.h"
#include "guests/process/command.h"
#include "guests/qemu/qemu.h"
#include "guests/verdict.h"

#define PICTURE_PATH   "/tmp/mandelbrot.png"
#define LIBRARY_FOLDER "/lib"
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

static int add_libraries(
	struct image *image, const char *program, char **ret_path, struct error *error)
{
	/* glibc loads it by itself when a thread is cancelled or exits early. */
	static const char *const extra[] = {"libgcc_s.so.1", NULL};
	struct elf_needs needs = {0};
	int r;

	r = image_add_program(image, program, ret_path, error);
	if (r == 0)
		r = elf_needs_find(program, NULL, extra, &needs, error);
	if (r == 0 && needs.interpreter)
		r = image_add_file(image, needs.interpreter, 0755, needs.interpreter, error);
	if (r == 0)
		r = elf_needs_add(&needs, LIBRARY_FOLDER, image, error);
	elf_needs_free(&needs);
	return r;
}

/* The program's arguments, each ended by NUL: any byte but that can be handed through. */
static int add_command(struct image *image, const struct guest_spec *spec, const char *program,
	struct error *error)
{
	_cleanup_(strv_freep) char **argv = NULL;
	_cleanup_free_ char *text = malloc(COMMAND_MAX);
	size_t used = 0;
	int r;

	r = guest_program_argv(spec, program, PICTURE_PATH, &argv);
	if (r < 0 || !text)
		return error_set_errno(error, -ENOMEM, "command line of the guest");
	for (size_t i = 0; argv[i]; i++) {
		size_t length = strlen(argv[i]) + 1;

		if (length > COMMAND_MAX - used)
			return error_set_user(error, -E2BIG,
				"the program's arguments are too long (over %d bytes)",
				COMMAND_MAX);
		memcpy(text + used, argv[i], length);
		used += length;
	}
	return image_add_bytes(image, COMMAND_FILE, 0644, text, used, error);
}

int linux_add_program(struct image *image, const struct guest_spec *spec, struct error *error)
{
	static const char *const folders[] = {"/dev", "/proc", "/sys", "/tmp"};
	_cleanup_free_ char *program = NULL;
	int r;

	r = add_libraries(image, spec->program, &program, error);
	if (r == 0)
		r = add_command(image, spec, program, error);
	for (size_t i = 0; i < ARRAY_SIZE(folders) && r == 0; i++)
		r = image_add_folder(image, folders[i], 0755, error);
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
		.root = {.name = "init_top_pgt", .offset = LINUX_OFFSET}};
	return qemu_prepare(g, m, error);
}

/* What the first process says, and why: the last failure that systemd told, else the last words. */
static int first_process_says(const char *line, size_t n, const char *console, struct error *error)
{
	static const char *const failures[] = {"[FAILED]", "[ TIME ]", "[DEPEND]"};
	size_t before = (size_t)(line - console), length;
	char words[400], why[400] = "";
	const char *reason;

	console_quote(words, sizeof(words), line, n);
	for (size_t i = 0; i < ARRAY_SIZE(failures) && !why[0]; i++)
		if (console_find(console, before, failures[i], false, &reason, &length))
			console_quote(why, sizeof(why), reason, length);
	if (!why[0])
		console_last_line(why, sizeof(why), console, before);
	return error_set(
		error, -EIO, "the guest says: %s%s%s", words, why[0] ? ", after: " : "", why);
}

int linux_verdict(struct guest *g, const char *console, size_t length, struct error *error)
{
	/* Words of a kernel that is lost, in the order of how much they say. */
	static const char *const failures[] = {
		"Kernel panic", "Out of memory: Killed process", "BUG: ", "Oops: ", NULL};
	const char *line;
	size_t n;
	int r;

	r = qemu_verdict(g, console, length, error);
	if (r == 0)
		r = verdict_failures("the guest's kernel", failures, false, console, length, error);
	if (r == 0)
		r = verdict_status(INIT_SAYS " exit status", "", console, length, error);
	if (r != -ENODATA)
		return r;
	if (console_find(console, length, INIT_SAYS, true, &line, &n))
		return first_process_says(line, n, console, error);
	return verdict_ended_early("the guest", console, length, error);
}

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
