/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The eBPF programs of one run, from user space: load, attach, say who is to be followed, publish
 * phases, fetch records, close. Everything runs behind a gate, so that programs which are attached
 * one after the other begin at the same instant.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "probes/records.h"

struct probe_options {
	unsigned lanes;
	const char
		*lane_prefix;  /**< "worker/" or "CPU "; "": no thread becomes a lane by its name */
	const char *exec_path; /**< whose exec joins the stack, or NULL */
	bool exact_split;      /**< system calls told apart by events */
	bool kvm;              /**< entries and exits of vCPUs */
	bool throttling;       /**< look for cgroup quotas */
	bool oncpu;            /**< on-CPU samples */
	bool offcpu;           /**< off-CPU stacks */
	bool user_stacks;      /**< the stack's programs have frame pointers */
	bool boot;             /**< what tells the steps of the boot apart */
	bool servers;          /**< processes serve the stack without being of it (daemons) */
	unsigned frequency_hz; /**< of the samples */
	enum guest_source guest; /**< where a vCPU's registers are, for stacks of the guest */
	struct guest_tcg_layout guest_layout; /**< with GUEST_TCG */
};

struct probe_set;

struct probe_callbacks {
	void (*lane)(const struct record_lane *record, void *userdata);
	void (*sample)(const struct record_sample *record, const uint64_t *frames, void *userdata);
	void (*off)(const struct record_sample *record, const uint64_t *frames, void *userdata);
	void (*on)(const struct record_on *record, void *userdata);
	void (*boot)(const struct record_boot *record, void *userdata); /**< or NULL */
	void *userdata;
};

/**
 * Load and attach everything, gate closed. @callbacks is copied.
 * -EPERM or -EACCES without the privilege, -ENOENT without the kernel's BTF, else what libbpf says;
 * the message names the mend.
 */
int probe_set_open(const struct probe_options *options, const struct probe_callbacks *callbacks,
	struct probe_set **ret, struct error *error);

/** Do the kernel's events tell of the vCPUs' entries and exits? Else only samples do. */
bool probe_set_has_kvm_events(const struct probe_set *p);

/** Follow process @pid and all it will start. To be called before the gate opens. -errno. */
int probe_set_follow(struct probe_set *p, pid_t pid);

struct probe_boot_plan;

/**
 * Watch the boot of the stack, before the gate opens; see probe_boot.h. A negative errno with a
 * message if some of it cannot be watched: the rest is.
 */
int probe_set_boot(struct probe_set *p, const struct probe_boot_plan *plan, struct error *error);

/** A thread that runs already. */
struct probe_adoption {
	pid_t tgid;
	pid_t tid;
	int lane; /**< negative: a helper */
	/**
	 * What it seems to do: STATE_ONCPU, or STATE_BLOCKED with the detail's number. Its first
	 * event tells what it really did since the gate opened; only a thread without any event
	 * until the end is booked by this.
	 */
	unsigned state;
	uint64_t detail;
};

/**
 * Take a thread that runs already (--attach), before the gate opens; as a helper also after that: a
 * thread that is followed already stays as it is. -errno.
 */
int probe_set_adopt(struct probe_set *p, const struct probe_adoption *thread);

/**
 * Where in the stack's process the guest's memory is: @n (at most GUEST_RAM_BLOCKS) blocks. Stacks
 * of the guest are taken from then on.
 */
void probe_set_guest_ram(struct probe_set *p, const struct guest_ram_block *blocks, size_t n);

/** Are the registers of the vCPU of @lane found (GUEST_TCG)? */
bool probe_set_guest_known(const struct probe_set *p, unsigned lane);

/** Open the gate: phase 0 and all lanes begin now. Returns that instant, CLOCK_MONOTONIC ns. */
uint64_t probe_set_start(struct probe_set *p);

/**
 * A new phase begins a moment from now; returns the instant (ns), or 0 if there are too many
 * phases. The books are split exactly there.
 */
uint64_t probe_set_phase(struct probe_set *p);

/** A descriptor that is readable when records wait urgently. */
int probe_set_fd(const struct probe_set *p);

/** Fetch all records that wait. */
void probe_set_consume(struct probe_set *p);

/**
 * The books end at @end_ns (an instant that probe_set_phase() returned, or the present): close the
 * gate, wait until no program runs any more, fetch what is left, charge the open intervals.
 */
void probe_set_finish(struct probe_set *p, uint64_t end_ns);

/** After probe_set_finish(), and in mid-run for its state: a lane's record. */
const struct lane_record *probe_set_lane(const struct probe_set *p, unsigned lane);

/** Every account with a detail, and helpers. After probe_set_finish(). */
int probe_set_accounts(struct probe_set *p,
	void (*each)(
		const struct account_key *key, const struct account_value *value, void *userdata),
	void *userdata);

/** What could not be recorded so far. */
struct probe_losses probe_set_losses(const struct probe_set *p);

/** Detach and free. NULL is fine. */
void probe_set_close(struct probe_set *p);

/** CLOCK_MONOTONIC in ns: the clock of all books. */
uint64_t clock_ns(void);
