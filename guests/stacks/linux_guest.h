/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the guests with a Linux kernel share: linux-minimal and linux. */

#include "common/error.h"
#include "guests/guest.h"
#include "guests/images/image.h"
#include "guests/qemu/qemu.h"

/**
 * The kernel's command line for both. panic=-1 with QEMU's -no-reboot: a panic ends the machine.
 * nokaslr: symbols are where the file says. random.trust_cpu: no waiting for entropy.
 * no_timer_check: emulated on a busy host, no tick may come while the kernel waits for some, and it
 * panics; under KVM it leaves that check out by itself. All else is the kernel's own default, as
 * users have it.
 */
#define LINUX_APPEND "console=ttyS0 quiet panic=-1 nokaslr random.trust_cpu=on no_timer_check"

/** The boot's steps, by the words of guests/init. */
extern const struct guest_boot linux_boot;

/** The kernel of --kernel, or the one that is found. -ENOENT, -EACCES, -EINVAL with a message. */
int linux_find_kernel(const struct guest_spec *spec, char **ret_path, struct error *error);

/** What guests/init/program.c is to run, and whether its files are on a disk. Added to the initramfs
 * @image. */
int linux_add_command(
	struct image *image, const struct guest_spec *spec, bool on_disk, struct error *error);

/** The modules of guests/init/modules.h that lie beside @kernel; those of the network where the spec
 * has a port. Added to the initramfs @image. */
int linux_add_modules(struct image *image, const struct guest_spec *spec, const char *kernel,
	struct error *error);

/** Debian's kernel has the drivers of disks and of the network as modules: -ENOENT where one that is
 * needed is missing. @disk: the machine has one. */
int linux_check_modules(
	const struct guest_spec *spec, bool disk, const char *kernel, struct error *error);

/** A disk with the program and what it needs; with @runner, of @length bytes, as PROGRAM_RUNNER, or
 * NULL. *ret_path is malloced. */
int linux_make_disk(
	struct guest *g, const void *runner, size_t length, char **ret_path, struct error *error);

/**
 * What the program needs around itself in a file system of its own: it, its libraries, what goes
 * along with it, empty folders to mount on. Added to @image.
 */
int linux_add_program(struct image *image, const struct guest_spec *spec, struct error *error);

/** The end of prepare(): what both machines have beside their files, then qemu_prepare(). */
int linux_prepare_machine(struct guest *g, struct qemu_machine *m, struct error *error);

/** verdict() of struct guest_ops. */
int linux_verdict(struct guest *g, const char *console, size_t length, struct error *error);

/** The machines that they do not boot on. */
extern const struct guest_no_machine linux_no_machines[];

/** The operations that are the same in both. */
#define LINUX_OPS                                                                                  \
	.boot = &linux_boot, .no_machines = linux_no_machines, .verdict = linux_verdict,           \
	QEMU_NETWORK_OPS, QEMU_OPS
