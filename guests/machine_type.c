/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/machine_type.h"

#include <errno.h>
#include <stddef.h>

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

/* How memory is split: QEMU's hw/i386/pc_piix.c, pc_q35.c, microvm.c. */
static const struct machine_type types[] = {
	[MACHINE_PC] = {.name = "pc",
		.settings = "vmport=off,usb=off",
		.disk = "virtio-blk-pci",
		.network = "virtio-net-pci",
		.firmware = "qboot.rom",
		.split_from = 3584 * MIB,
		.below = 3 * GIB},
	[MACHINE_Q35] = {.name = "q35",
		.settings = "vmport=off,usb=off",
		.disk = "virtio-blk-pci",
		.network = "virtio-net-pci",
		.firmware = "qboot.rom",
		.split_from = 2816 * MIB,
		.below = 2 * GIB},
	[MACHINE_MICROVM] = {.name = "microvm",
		.settings = "rtc=on,ioapic2=off",
		.global = "virtio-mmio.force-legacy=false",
		.disk = "virtio-blk-device",
		.network = "virtio-net-device",
		.split_from = 3 * GIB + 1,
		.below = 3 * GIB},
};

const struct machine_type *machine_type(enum machine machine)
{
	return &types[machine];
}

int machine_type_check(const struct guest_ops *ops, enum machine machine, struct error *error)
{
	const struct guest_no_machine *no = ops->no_machines;

	for (; no && no->why; no++)
		if (no->machine == machine)
			return error_set_user(error, -EINVAL,
				"--machine %s: %s does not boot on it: %s", types[machine].name,
				ops->name, no->why);
	return 0;
}
