/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux: a distribution's kernel in QEMU with a whole root file system, whose own init system boots
 * it; a unit of it runs the program, which lies on a second disk. The root is the image that
 * build-linux makes, or any disk image of the user's.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "guests/guest_files.h"
#include "guests/guest_program.h"
#include "guests/images/disk_image.h"
#include "guests/images/initramfs.h"
#include "guests/init/words.h"
#include "guests/process/beside.h"
#include "guests/qemu/qemu.h"
#include "guests/stacks/linux_guest.h"
#include "guests/verdict.h"
#include "init_disk.h"
#include "init_program.h"

#define KERNEL_BYTES ((uint64_t)512 << 20)

/*
 * The units' names as they start, on the console. TERM: without colours. No questions on the first
 * boot of an image that nobody has set up.
 */
static const char append[] = LINUX_APPEND " systemd.show_status=yes systemd.firstboot=no TERM=dumb";

static const char *const image_names[] = {"debian-*.img", NULL};

static int find_root(const struct guest_spec *spec, char **ret_path, const char **ret_format,
	struct error *error)
{
	_cleanup_free_ char *path = NULL, *build = NULL;
	char where[512] = "";
	int r;

	if (spec->disk) {
		path = strdup(spec->disk);
		r = path ? 0 : error_set_errno(error, -ENOMEM, "disk image");
	} else {
		r = guest_find_file("linux", image_names, &path, where, sizeof(where), error);
	}
	if (r == -ENOENT) {
		build = beside_name("build-linux");
		return error_set(error, r,
			"no disk image for the guest: make Debian's with %s (it takes a minute or "
			"two and installs nothing), or name one with --disk FILE; looked in %s",
			build ? build : "build-linux", where);
	}
	if (r == 0)
		r = disk_image_check(path, ret_format, error);
	if (r == 0)
		*ret_path = TAKE_PTR(path);
	return r;
}

/* The kernel, where all else is there, too; what is missing is told together. */
static int find_all(const struct guest_spec *spec, char **ret_kernel, struct error *error)
{
	_cleanup_free_ char *root = NULL;
	const char *format;
	struct error no_image = {0}, no_kernel = {0};
	int r = find_root(spec, &root, &format, &no_image);
	int k = linux_find_kernel(spec, ret_kernel, &no_kernel);

	if (r == -ENOENT && k == -ENOENT)
		return error_set(error, r, "%s; and %s", no_image.text, no_kernel.text);
	if (r == 0 && k == 0)
		return linux_check_modules(spec, true, *ret_kernel, error);
	if (error)
		*error = r < 0 ? no_image : no_kernel;
	return r < 0 ? r : k;
}

static int linux_available(const struct guest_spec *spec, struct error *error)
{
	return qemu_stack_available(spec, find_all, error);
}

static int make_initramfs(
	const struct guest_spec *spec, const char *kernel, char **ret_path, struct error *error)
{
	struct image image = {0};
	int r;

	/* The array ends with a NUL of its own. */
	r = image_add_bytes(&image, "/init", 0755, init_disk, sizeof(init_disk) - 1, error);
	/* Without a command it hands over to the disk's own init. */
	if (r == 0 && !spec->alone)
		r = linux_add_command(&image, spec, true, error);
	if (r == 0)
		r = linux_add_modules(&image, spec, kernel, error);
	if (r == 0)
		r = image_write_cached(
			&image, initramfs_write, spec->work_dir, "linux-init-", ret_path, error);
	image_clear(&image);
	return r;
}

static int linux_prepare(struct guest *g, struct error *error)
{
	_cleanup_free_ char *kernel = NULL, *initrd = NULL, *root = NULL, *program = NULL;
	_cleanup_free_ char *words =
		guest_program_word(&g->spec, g->spec.alone ? g->spec.append : append);
	const char *format = NULL;
	struct qemu_machine m;
	int r;

	if (!words)
		return error_set_errno(error, -ENOMEM, "command line of the guest");
	r = find_root(&g->spec, &root, &format, error);
	if (r == 0)
		r = linux_find_kernel(&g->spec, &kernel, error);
	if (r == 0)
		r = make_initramfs(&g->spec, kernel, &initrd, error);
	if (r == 0 && !g->spec.alone)
		r = linux_make_disk(g, init_program, sizeof(init_program) - 1, &program, error);
	if (r < 0)
		return r;
	m = (struct qemu_machine){.kernel = kernel,
		.initrd = initrd,
		.append = words,
		.disks = {{root, format, ROOT_DISK, true}, {program, "raw", PROGRAM_DISK, false}},
		.kernel_bytes = KERNEL_BYTES};
	return linux_prepare_machine(g, &m, error);
}

/* Of a disk's own program no word is known: its phases and its end are what there is. */
static int whole_verdict(struct guest *g, const char *console, size_t length, struct error *error)
{
	static const char *const certain[] = {"Kernel panic", INIT_SAYS, NULL};
	int r;

	if (!g->spec.alone)
		return linux_verdict(g, console, length, error);
	r = qemu_verdict(g, console, length, error);
	return r < 0 ? r : verdict_failures("the guest", certain, false, console, length, error);
}

const struct guest_ops guest_linux = {
	.name = "linux",
	.title = "Linux in QEMU, a whole Debian with systemd",
	.available = linux_available,
	.runs = guest_files_found,
	.prepare = linux_prepare,
	.boot = &linux_boot,
	.verdict = whole_verdict,
	.left_words = INIT_SAYS " " INIT_LEFT,
	QEMU_NETWORK_OPS,
	QEMU_OPS,
};
