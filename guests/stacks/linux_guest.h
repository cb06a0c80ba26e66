/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the guests with a Linux kernel share: linux-minimal and linux. */

#include "common/error.h"
#include "guests/guest.h"
#include "guests/images/image.h"

/**
 * The kernel's command line for both. panic=-1 with QEMU's -no-reboot: a panic ends the machine.
 * nokaslr: symbols are where the file says. random.trust_cpu: no waiting for entropy.
 * no_timer_check: emulated on a busy host, no tick may come while the kernel waits for some, and it
 * panics; under KVM it leaves that check out by itself. All else is the kernel's own default, as
 * users have it.
 */
#define LINUX_APPEND "console=ttyS0 quiet panic=-1 nokaslr random.trust_cpu=on no_timer_check"

/* Emulation and some processors offer page tables of five levels, which Linux then takes though it
 * has no use for them here; guests are looked into by four. */
#define LINUX_CPU_TCG "max,la57=off"
#define LINUX_CPU_KVM "host,la57=off"

/** The boot's steps, by the words of guests/init. */
extern const struct guest_boot linux_boot;

/** The kernel of --kernel, or the one that is found. -ENOENT, -EACCES, -EINVAL with a message. */
int linux_find_kernel(const struct guest_spec *spec, char **ret_path, struct error *error);

/**
 * What the program needs around itself in a file system of its own: it, its libraries, its command
 * line where guests/init/program.c looks for it, empty folders to mount on. Added to @image.
 */
int linux_add_program(struct image *image, const struct guest_spec *spec, struct error *error);

/** Set g->inside: a Linux kernel @kernel with the program, in @ram_bytes of memory. */
int linux_describe_inside(
	struct guest *g, const char *kernel, uint64_t ram_bytes, struct error *error);

/** verdict() of struct guest_ops. */
int linux_verdict(struct guest *g, const char *console, size_t length, struct error *error);
