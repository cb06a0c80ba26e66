/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What all QEMU guests have in common: the command line, the life of the process, its vCPU threads.
 * A stack fills a struct qemu_machine in its prepare() and uses the rest as its operations.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "guests/guest.h"

#define QEMU_PROGRAM "qemu-system-x86_64"
/** Its function that a vCPU executes emulated code in; the symbol is in every build with modules.
 */
#define QEMU_EMULATION "cpu_exec"

/** A virtio disk. The file is never written: what the guest writes is kept beside it and lost. */
struct qemu_disk {
	const char *file;
	const char *format; /**< "raw" or "qcow2" */
	const char *serial; /**< by which the guest finds it, at most 20 letters, or NULL */
	bool writable;      /**< for the guest */
};

#define QEMU_DISKS_MAX 2

struct qemu_machine {
	const char *cpu_tcg; /**< -cpu under emulation */
	const char *cpu_kvm; /**< -cpu under KVM */
	const char *kernel;
	const char *initrd;                     /**< or NULL */
	const char *append;                     /**< the kernel's command line */
	struct qemu_disk disks[QEMU_DISKS_MAX]; /**< those with a file */
	uint64_t ram_bytes;
};

/** -ENOENT with the package's name if QEMU is not installed. */
int qemu_available(struct error *error);

/**
 * Set g->argv and g->note, and the state that the functions below need (g->data). -ENAMETOOLONG if
 * the work folder's path does not leave room for a socket; -errno of running qemu --version.
 */
int qemu_prepare(struct guest *g, const struct qemu_machine *m, struct error *error);

/**
 * What the user asked for; else @base_bytes for the guest kernel, the program's memory, and as much
 * again for the picture it writes into the guest's memory: a multiple of 64 MiB, at least 512 MiB.
 */
uint64_t qemu_ram_bytes(const struct guest_spec *spec, uint64_t base_bytes);

/** Is this machine's own processor one that QEMU emulates (a lab in which KVM runs inside
 * emulation)? */
bool qemu_host_is_emulated(void);

/** Operations for struct guest_ops. */
int qemu_start(struct guest *g, struct error *error);
int qemu_lanes(struct guest *g, struct guest_lane *ret, size_t max, struct error *error);
void qemu_stop(struct guest *g, bool orderly);
void qemu_destroy(struct guest *g);

/**
 * Did QEMU itself fail (bad option, killed)? Call it once the console has ended; reaps the process
 * if it is over. 0 or -EIO with QEMU's own words.
 */
int qemu_verdict(struct guest *g, const char *console, size_t length, struct error *error);
