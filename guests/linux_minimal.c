/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux-minimal: a distribution's kernel in QEMU with the program as its only user process. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "guests/command.h"
#include "guests/console.h"
#include "guests/elf_needs.h"
#include "guests/guest.h"
#include "guests/image.h"
#include "guests/initramfs.h"
#include "guests/inside.h"
#include "guests/qemu.h"
#include "init_program.h"

#define PICTURE_PATH   "/tmp/mandelbrot.png"
#define LIBRARY_FOLDER "/lib"
#define COMMAND_PATH   "/guestscope/command"
#define COMMAND_MAX    65536
#define KERNEL_BYTES   ((uint64_t)256 << 20)
#define SETUP_MAGIC    "HdrS"
#define SETUP_MAGIC_AT 0x202
/* Emulation offers five-level page tables, which Linux then takes; most real processors have four.
 */
#define CPU_TCG   "max,la57=off"
#define INIT_SAYS "guestscope-init:"
#define BOOT_SAYS "guestscope-boot:"

static const char *const kernel_names[] = {"vmlinuz*", "vmlinux*", "bzImage*", NULL};
static const char *const kernel_folders[] = {"linux-minimal", "linux"};

/*
 * panic=-1 with QEMU's -no-reboot: a panic ends the machine. nokaslr: symbols are where the file
 * says. random.trust_cpu: no waiting for entropy. All else is the kernel's own default, as users
 * have it.
 */
static const char append[] = "console=ttyS0 quiet panic=-1 nokaslr random.trust_cpu=on";

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

static int find_kernel(const struct guest_spec *spec, char **ret, struct error *error)
{
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(kernel_folders) && r == -ENOENT; i++) {
		r = guest_find_kernel(kernel_folders[i], spec->kernel, kernel_names, ret, error);
		if (r == -ENOENT && spec->kernel)
			return r;
	}
	if (r == -ENOENT)
		return error_set(error, r,
			"no Linux kernel for the guest: get Debian's with %s (it installs "
			"nothing), "
			"or name one with --kernel FILE",
			FETCH_KERNEL);
	return r < 0 ? r : check_kernel(*ret, error);
}

static int linux_available(const struct guest_spec *spec, struct error *error)
{
	_cleanup_free_ char *kernel = NULL;
	int r = qemu_available(error);

	if (r == 0)
		r = find_kernel(spec, &kernel, error);
	return r < 0 ? r : guest_symbols_available(spec->symbols, error);
}

static int add_program(
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
	for (size_t i = 0; i < needs.n && r == 0; i++) {
		const char *name = needs.items[i].name;
		char path[512];

		snprintf(
			path, sizeof(path), "%s%s", name[0] == '/' ? "" : LIBRARY_FOLDER "/", name);
		r = image_add_file(image, path, 0755, needs.items[i].path, error);
	}
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
	return image_add_bytes(image, COMMAND_PATH, 0644, text, used, error);
}

static int make_initramfs(const struct guest_spec *spec, char **ret_path, struct error *error)
{
	static const char *const folders[] = {"/dev", "/proc", "/sys", "/tmp"};
	_cleanup_free_ char *program = NULL;
	struct image image = {0};
	int r;

	/* The array ends with a NUL of its own. */
	r = image_add_bytes(&image, "/init", 0755, init_program, sizeof(init_program) - 1, error);
	if (r == 0)
		r = add_program(&image, spec->program, &program, error);
	if (r == 0)
		r = add_command(&image, spec, program, error);
	for (size_t i = 0; i < ARRAY_SIZE(folders) && r == 0; i++)
		r = image_add_folder(&image, folders[i], 0755, error);
	if (r == 0)
		r = image_write_cached(
			&image, initramfs_write, spec->work_dir, "linux-", ret_path, error);
	image_clear(&image);
	return r;
}

static int describe_inside(
	struct guest *g, const char *kernel, uint64_t ram_bytes, struct error *error)
{
	int r = guest_inside_new("linux", &g->inside);

	if (r < 0)
		return error_set_errno(error, r, "linux-minimal");
	g->inside->kernel = strdup(kernel);
	g->inside->kallsyms = true;
	g->inside->symbols = g->spec.symbols ? strdup(g->spec.symbols) : NULL;
	g->inside->symbols_given = g->spec.symbols != NULL;
	guest_inside_set_ram(g->inside, ram_bytes);
	if (!g->inside->kernel || (g->spec.symbols && !g->inside->symbols))
		return error_set_errno(error, -ENOMEM, "linux-minimal");
	return guest_inside_add_program(g->inside, g->spec.program, NULL, error);
}

static int linux_prepare(struct guest *g, struct error *error)
{
	_cleanup_free_ char *kernel = NULL, *initrd = NULL;
	struct qemu_machine m;
	int r;

	r = find_kernel(&g->spec, &kernel, error);
	if (r == 0)
		r = make_initramfs(&g->spec, &initrd, error);
	if (r < 0)
		return r;
	m = (struct qemu_machine){.cpu_tcg = CPU_TCG,
		.cpu_kvm = "host",
		.kernel = kernel,
		.initrd = initrd,
		.append = append,
		.ram_bytes = qemu_ram_bytes(&g->spec, KERNEL_BYTES)};
	r = describe_inside(g, kernel, m.ram_bytes, error);
	return r < 0 ? r : qemu_prepare(g, &m, error);
}

/* Words of a kernel that is lost, in the order of how much they say. */
static const char *const failures[] = {
	"Kernel panic", "Out of memory: Killed process", "BUG: ", "Oops: "};

static int linux_verdict(struct guest *g, const char *console, size_t length, struct error *error)
{
	char words[400];
	const char *line;
	int status, r;
	size_t n;

	r = qemu_verdict(g, console, length, error);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (console_find(console, length, failures[i], false, &line, &n)) {
			console_quote(words, sizeof(words), line, n);
			return error_set(error, -EIO, "the guest's kernel says: %s", words);
		}
	if (console_number_after(console, length, INIT_SAYS " exit status", &status) == 0 &&
		status == 0)
		return 0;
	if (console_find(console, length, INIT_SAYS, true, &line, &n)) {
		char last[400];

		console_quote(words, sizeof(words), line, n);
		console_last_line(last, sizeof(last), console, (size_t)(line - console));
		return error_set(error, -EIO, "the guest says: %s%s%s", words,
			last[0] ? ", after: " : "", last);
	}
	console_last_line(words, sizeof(words), console, length);
	return error_set(error, -EIO, "the guest ended before its program did; its last words: %s",
		words[0] ? words : "none");
}

static const struct guest_boot_line boot_lines[] = {
	{BOOT_KERNEL, BOOT_SAYS " init"},
	{BOOT_INIT, BOOT_SAYS " program"},
};

static const struct guest_boot linux_boot = {
	.steps = {BOOT_PROCESS_START, BOOT_QEMU_SETUP, BOOT_FIRMWARE, BOOT_KERNEL, BOOT_INIT,
		BOOT_PROGRAM},
	.n_steps = 6,
	.lines = boot_lines,
	.n_lines = ARRAY_SIZE(boot_lines),
	.emulation = QEMU_EMULATION,
};

const struct guest_ops guest_linux_minimal = {
	.name = "linux-minimal",
	.title = "Linux kernel in QEMU, the program alone",
	.lane_kind = LANES_VCPUS,
	.is_vm = true,
	.boot = &linux_boot,
	.available = linux_available,
	.prepare = linux_prepare,
	.start = qemu_start,
	.lanes = qemu_lanes,
	.stop = qemu_stop,
	.verdict = linux_verdict,
	.destroy = qemu_destroy,
};
