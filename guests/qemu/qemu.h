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
#include "guests/inside.h"

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
	const char *kernel;  /**< or NULL: the machine boots from its first disk */
	const char *initrd;  /**< or NULL */
	const char *append;  /**< the kernel's command line, or NULL: it has none */
	bool low_pvh; /**< its PVH entry writes below 1 MiB, where SeaBIOS leaves memory write-protected */
	bool exit_port; /**< the guest ends QEMU: with its status times two, and one (isa-debug-exit) */
	struct qemu_disk disks[QEMU_DISKS_MAX]; /**< those with a file */
	/** What the guest's kernel needs for itself. With the program's memory, and as much again for
	 * the picture that it writes into the guest's memory, it is the machine's, unless the user
	 * asks for some: a multiple of 64 MiB, at least 512 MiB. */
	uint64_t kernel_bytes;
	struct guest_inside inside; /**< what is known beforehand: of kernel and symbols nothing */
	const char *symbols;        /**< where --symbols names none, or NULL */
	bool program_inside;        /**< the program is in the kernel, not a file of its own */
	/** Whether a library is in the kernel, or NULL: none is. */
	bool (*library_inside)(const char *name);
};

/** -ENOENT with the package's name if QEMU is not installed. */
int qemu_available(struct error *error);

/** A stack's available(): qemu_available(), what @find_kernel says, and --symbols. */
int qemu_stack_available(const struct guest_spec *spec,
	int (*find_kernel)(const struct guest_spec *spec, char **ret, struct error *error),
	struct error *error);

/** Is @path an ELF file for x86-64, and not relocatable if @fixed? -EINVAL: it is not @expected,
 * some words; -errno. */
int qemu_check_elf(const char *path, bool fixed, const char *expected, struct error *error);

/** Has the kernel @path the bytes @word, by which it knows its file system? */
bool qemu_kernel_reads(const char *path, const char *word);

/** The file @name beside @kernel, where there is one, else @kernel: a kernel's symbols. Malloced;
 * NULL: no memory. */
char *qemu_kernel_beside(const char *kernel, const char *name);

/**
 * Set g->argv, g->note and g->inside, and the state that the functions below need (g->data).
 * -ENAMETOOLONG if
 * the work folder's path does not leave room for a socket; -errno of running qemu --version.
 */
int qemu_prepare(struct guest *g, const struct qemu_machine *m, struct error *error);

/**
 * The same for a machine of the user's own: @words are QEMU's arguments, which get what measuring needs: a monitor,
 * names of threads, a console, the number of vCPUs, and that a machine that shuts down stays. @kernel (may be NULL) is what they
 * name. What would keep it from being measured is -EINVAL, as the user's mistake.
 */
int qemu_prepare_own(struct guest *g, char *const *words, const char *kernel, struct error *error);

/** May such words be measured? As above. */
int qemu_check_own(const struct guest_spec *spec, char *const *words, struct error *error);

/** Is this machine's own processor one that QEMU emulates (a lab in which KVM runs inside
 * emulation)? */
bool qemu_host_is_emulated(void);

/** Operations for struct guest_ops. */
int qemu_start(struct guest *g, struct error *error);
int qemu_lanes(struct guest *g, struct guest_lane *ret, size_t max, struct error *error);
int qemu_answers(struct guest *g, struct error *error);
bool qemu_shut_down(struct guest *g);
void qemu_stop(struct guest *g, bool orderly);
void qemu_destroy(struct guest *g);

/** Those of stacks whose guests have a network where they are to serve a port. */
#define QEMU_NETWORK_OPS .network = NETWORK_FORWARDED, .answers = qemu_answers

/** The operations that are the same in all stacks. */
#define QEMU_OPS                                                                                   \
	.lane_kind = LANES_VCPUS, .is_vm = true, .start = qemu_start, .lanes = qemu_lanes,         \
	.shut_down = qemu_shut_down, .stop = qemu_stop, .destroy = qemu_destroy

/**
 * Did QEMU itself fail (bad option, killed)? Call it once the console has ended; reaps the process
 * if it is over. 0 or -EIO with QEMU's own words.
 */
int qemu_verdict(struct guest *g, const char *console, size_t length, struct error *error);
