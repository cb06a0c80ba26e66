/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux-minimal: a distribution's kernel in QEMU with the program as its only user process. */
#include "common/cleanup.h"
#include "guests/images/initramfs.h"
#include "guests/init/words.h"
#include "guests/qemu/qemu.h"
#include "guests/stacks/linux_guest.h"
#include "init_program.h"

#define KERNEL_BYTES ((uint64_t)256 << 20)

static int minimal_available(const struct guest_spec *spec, struct error *error)
{
	return qemu_stack_available(spec, linux_find_kernel, error);
}

static int make_initramfs(const struct guest_spec *spec, char **ret_path, struct error *error)
{
	struct image image = {0};
	int r;

	/* The array ends with a NUL of its own. */
	r = image_add_bytes(&image, "/init", 0755, init_program, sizeof(init_program) - 1, error);
	if (r == 0)
		r = linux_add_program(&image, spec, error);
	if (r == 0)
		r = image_write_cached(
			&image, initramfs_write, spec->work_dir, "linux-", ret_path, error);
	image_clear(&image);
	return r;
}

static int minimal_prepare(struct guest *g, struct error *error)
{
	_cleanup_free_ char *kernel = NULL, *initrd = NULL;
	struct qemu_machine m;
	int r;

	r = linux_find_kernel(&g->spec, &kernel, error);
	if (r == 0)
		r = make_initramfs(&g->spec, &initrd, error);
	if (r < 0)
		return r;
	m = (struct qemu_machine){.kernel = kernel,
		.initrd = initrd,
		.append = LINUX_APPEND,
		.kernel_bytes = KERNEL_BYTES};
	return linux_prepare_machine(g, &m, error);
}

const struct guest_ops guest_linux_minimal = {
	.name = "linux-minimal",
	.title = "Linux kernel in QEMU, the program alone",
	.available = minimal_available,
	.prepare = minimal_prepare,
	.farewell = INIT_SAYS,
	LINUX_OPS,
};
