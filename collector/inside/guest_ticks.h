/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * By how much a vCPU's time stamp counter differs from the host's: guest = host * ratio + offset. Nothing in the guest
 * has to help. Under emulation QEMU itself keeps the offset, in a variable that its program exports; under KVM the kernel
 * tells offset and ratio of each vCPU in debugfs.
 */

#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

struct guest_ticks {
	int64_t offset;
	double ratio;
};

/** Where the emulator @pid has that in its memory, as long as it lives. -ENOENT ..., with a sentence for the user. */
int guest_ticks_qemu_find(pid_t pid, uint64_t *ret, struct error *error);

/** Of all its vCPUs, from that @address. -EIO ..., likewise. */
int guest_ticks_qemu(pid_t pid, uint64_t address, struct guest_ticks *ret, struct error *error);

/** Of the @vcpu-th vCPU of the QEMU process @pid under KVM, in the order of their APIC numbers; @root is
 * /sys/kernel/debug/kvm. -ENOENT ..., likewise. */
int guest_ticks_kvm(
	const char *root, pid_t pid, unsigned vcpu, struct guest_ticks *ret, struct error *error);
