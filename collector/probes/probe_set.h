/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The eBPF programs of one run, from user space: loaded and attached here, and their records are
 * fetched. Who is followed says probe_follow.h; where a guest's memory and registers are,
 * probe_guest.h; phases begin by probe_phases.h; and what was summed is fetched by probe_accounts.h.
 * Everything runs behind a gate, so that programs which are attached one after the other begin at the
 * same instant.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/timeline_code.h"
#include "probes/records.h"

struct probe_options {
	unsigned lanes;
	const char
		*lane_prefix;  /**< "worker/" or "CPU "; "": no thread becomes a lane by its name */
	const char *exec_path; /**< whose exec joins the stack, or NULL */
	bool program; /**< watch the program (that of @exec_path, else the first that is executed):
			 see probe_set_program() */
	bool program_serves;   /**< with @program: that is all; no phase begins or ends with it */
	const int *lane_cpus;  /**< lane k is the k-th of so many CPUs, for threads that float; with
				 @program lane @lanes + k is, until its workers turn out to have
				 names. NULL: none is */
	bool exact_split;      /**< system calls told apart by events */
	bool vcpus;            /**< the lanes are vCPUs */
	bool kvm;              /**< entries and exits of vCPUs */
	bool throttling;       /**< look for cgroup quotas */
	bool oncpu;            /**< on-CPU samples */
	bool offcpu;           /**< off-CPU stacks */
	bool exits;            /**< stacks of the guest at exits of vCPUs, with @kvm and @guest */
	bool user_stacks;      /**< the stack's programs have frame pointers: walked by these where
				  there are no unwind tables */
	size_t unwind_rows;    /**< room for so many, in all tables; see probe_unwind.h */
	bool boot;             /**< what tells the steps of the boot apart */
	bool servers;          /**< processes serve the stack without being of it (daemons) */
	unsigned frequency_hz; /**< of the samples */
	enum timeline_keep timeline; /**< see probe_timeline.h */
	bool guest_one_ring;         /**< its programs run in ring 0, as its kernel does */
	enum guest_source guest;     /**< where a vCPU's registers are, for stacks of the guest */
	const char *log_dir; /**< for a file with the verifier's words; NULL: the temporary one */
};

struct probe_set;

/** The eBPF programs come in parts; a kernel may refuse some of them. */
enum probe_part {
	PROBE_PART_BOOKS,    /**< scheduler and interrupts: without them there is no run */
	PROBE_PART_SYSCALLS, /**< exact_split */
	PROBE_PART_KVM,
	PROBE_PART_SAMPLING, /**< oncpu */
	PROBE_PART_GUEST,    /**< stacks of the guest in the samples */
	PROBE_PART_BOOT,
	PROBE_PART_EXITS,
	PROBE_PART_QUEUES, /**< vCPUs that wait for the host while their guest's threads wait for them */
	PROBE_PARTS
};

/** A sentence about what is left out, why, and what that costs. It is not kept. */
typedef void (*probe_warn_t)(const char *sentence, void *userdata);

/** A thread that floats, which has ended, or as it is. */
typedef void (*probe_thread_t)(const struct thread_record *record, void *userdata);

struct probe_callbacks {
	void (*lane)(const struct record_lane *record, void *userdata);
	void (*sample)(const struct record_sample *record, const uint64_t *frames, void *userdata);
	void (*off)(const struct record_sample *record, const uint64_t *frames, void *userdata);
	void (*on)(const struct record_on *record, void *userdata);
	void (*away)(const struct record_long *record, void *userdata); /**< or NULL */
	void (*exit)(const struct record_sample *record, const uint64_t *frames,
		void *userdata); /**< or NULL, without @exits */
	void (*entry)(const struct record_entry *record, void *userdata);
	void (*boot)(const struct record_boot *record, void *userdata); /**< or NULL */
	probe_thread_t thread;                                          /**< or NULL */
	probe_warn_t warn; /**< or NULL; only called by probe_set_open() */
	void *userdata;
};

/**
 * Load and attach everything, gate closed. @callbacks is copied. Parts that the kernel refuses are
 * left out, all but PROBE_PART_BOOKS, with a warning. -EPERM without the privilege, -ENOENT without
 * the kernel's BTF, else what libbpf says; the message names the cause, and the fix where there is
 * one.
 */
int probe_set_open(const struct probe_options *options, const struct probe_callbacks *callbacks,
	struct probe_set **ret, struct error *error);

/** Is @part, which was asked for, loaded and attached? */
bool probe_set_has(const struct probe_set *p, enum probe_part part);

struct probe_boot_plan;

/**
 * Watch the boot of the stack, before the gate opens; see probe_boot.h. A negative errno with a
 * message if some of it cannot be watched: the rest is.
 */
int probe_set_boot(struct probe_set *p, const struct probe_boot_plan *plan, struct error *error);

/** A descriptor that is readable when records wait urgently. */
int probe_set_fd(const struct probe_set *p);

/** The program that is watched: when it was executed and when its process ended, 0: not yet. */
struct probe_program {
	uint64_t begin_ns;
	uint64_t end_ns;
	pid_t tgid;
};

/**
 * What is known of it. The programs themselves begin phase 1 when it is executed, and close the gate
 * when it ends, at these very instants; probe_set_begin_program() has to be told before any other
 * phase begins.
 */
struct probe_program probe_set_program(const struct probe_set *p);

/** Fetch all records that wait. */
void probe_set_consume(struct probe_set *p);

/** What could not be recorded so far. */
struct probe_losses probe_set_losses(const struct probe_set *p);

/** Detach and free. NULL is fine. */
void probe_set_close(struct probe_set *p);
