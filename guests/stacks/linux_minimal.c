/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux-minimal: a distribution's kernel in QEMU with the program as its only user process. */
#include "common/cleanup.h"
#include "guests/guest_files.h"
#include "guests/images/initramfs.h"
#include "guests/init/words.h"
#include "guests/qemu/qemu.h"
#include "guests/stacks/linux_guest.h"
#include "init_program.h"

#define KERNEL_BYTES ((uint64_t)256 << 20)

static int find_kernel(const struct guest_spec *spec, char **ret, struct error *error)
{
	int r = linux_find_kernel(spec, ret, error);

	return r < 0 ? r : linux_check_modules(spec, spec->n_with > 0, *ret, error);
}

static int minimal_available(const struct guest_spec *spec, struct error *error)
{
	return qemu_stack_available(spec, find_kernel, error);
}

static int make_initramfs(struct guest *g, const char *kernel, char **ret_path, struct error *error)
{
	const struct guest_spec *spec = &g->spec;
	bool on_disk = spec->n_with > 0;
	struct image image = {0};
	int r;

	/* The array ends with a NUL of its own. */
	r = image_add_bytes(&image, "/init", 0755, init_program, sizeof(init_program) - 1, error);
	if (r == 0)
		r = linux_add_command(&image, spec, on_disk, error);
	if (r == 0 && (on_disk || spec->port))
		r = linux_add_modules(&image, spec, kernel, error);
	if (r == 0 && !on_disk)
		r = linux_add_program(&image, spec, error);
	if (r == 0 && !on_disk)
		r = guest_note_copies(g, &image, "initramfs", NULL, error);
	if (r == 0)
		r = image_write_cached(
			&image, initramfs_write, spec->work_dir, "linux-", ret_path, error);
	image_clear(&image);
	return r;
}

/* What goes along with a program may be large: it lies on a disk, not in memory. */
static int minimal_prepare(struct guest *g, struct error *error)
{
	_cleanup_free_ char *kernel = NULL, *initrd = NULL, *disk = NULL;
	struct qemu_machine m;
	int r;

	r = linux_find_kernel(&g->spec, &kernel, error);
	if (r == 0)
		r = make_initramfs(g, kernel, &initrd, error);
	if (r == 0 && g->spec.n_with)
		r = linux_make_disk(g, NULL, 0, &disk, error);
	if (r < 0)
		return r;
	m = (struct qemu_machine){.kernel = kernel,
		.initrd = initrd,
		.append = LINUX_APPEND,
		.disks = {{disk, "raw", PROGRAM_DISK, false}},
		.kernel_bytes = KERNEL_BYTES};
	return linux_prepare_machine(g, &m, error);
}

const struct guest_ops guest_linux_minimal = {
	.name = "linux-minimal",
	.title = "Linux kernel in QEMU, the program alone",
	.available = minimal_available,
	.runs = guest_files_found,
	.prepare = minimal_prepare,
	.farewell = INIT_SAYS,
	.left_words = INIT_SAYS " " INIT_LEFT,
	LINUX_OPS,
};
