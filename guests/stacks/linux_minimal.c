/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux-minimal: a distribution's kernel in QEMU with the program as its only user process. */
#include "common/cleanup.h"
#include "guests/images/initramfs.h"
#include "guests/inside.h"
#include "guests/qemu/qemu.h"
#include "guests/stacks/linux_guest.h"
#include "init_program.h"

#define KERNEL_BYTES ((uint64_t)256 << 20)

static int minimal_available(const struct guest_spec *spec, struct error *error)
{
	_cleanup_free_ char *kernel = NULL;
	int r = qemu_available(error);

	if (r == 0)
		r = linux_find_kernel(spec, &kernel, error);
	return r < 0 ? r : guest_symbols_available(spec->symbols, error);
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
	m = (struct qemu_machine){.cpu_tcg = LINUX_CPU_TCG,
		.cpu_kvm = LINUX_CPU_KVM,
		.kernel = kernel,
		.initrd = initrd,
		.append = LINUX_APPEND,
		.ram_bytes = qemu_ram_bytes(&g->spec, KERNEL_BYTES)};
	r = linux_describe_inside(g, kernel, m.ram_bytes, error);
	return r < 0 ? r : qemu_prepare(g, &m, error);
}

const struct guest_ops guest_linux_minimal = {
	.name = "linux-minimal",
	.title = "Linux kernel in QEMU, the program alone",
	.lane_kind = LANES_VCPUS,
	.is_vm = true,
	.boot = &linux_boot,
	.available = minimal_available,
	.prepare = minimal_prepare,
	.start = qemu_start,
	.lanes = qemu_lanes,
	.stop = qemu_stop,
	.verdict = linux_verdict,
	.destroy = qemu_destroy,
};
