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

#include "collector/books/books.h"
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
	bool guest_one_ring;   /**< its programs run in ring 0, as its kernel does */
	enum guest_source guest; /**< where a vCPU's registers are, for stacks of the guest */
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
	PROBE_PARTS
};

/** A sentence about what is left out, why, and what that costs. It is not kept. */
typedef void (*probe_warn_t)(const char *sentence, void *userdata);

struct probe_callbacks {
	void (*lane)(const struct record_lane *record, void *userdata);
	void (*sample)(const struct record_sample *record, const uint64_t *frames, void *userdata);
	void (*off)(const struct record_sample *record, const uint64_t *frames, void *userdata);
	void (*on)(const struct record_on *record, void *userdata);
	void (*boot)(const struct record_boot *record, void *userdata); /**< or NULL */
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

/** Where the guest's page tables are, for processors whose CR3 cannot be read. */
void probe_set_guest_root(struct probe_set *p, const struct guest_root *root);

/**
 * With GUEST_TCG: QEMU's object of a vCPU, GUEST_OBJECT_BYTES of it, as it was before its first
 * instruction. NULL until it came to that, and where the boot is not watched.
 */
const void *probe_set_guest_object(const struct probe_set *p);

/** With GUEST_TCG: where a vCPU's registers are. No stacks of the guest are taken before. */
void probe_set_guest_layout(struct probe_set *p, const struct guest_tcg_layout *layout);

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

/** After probe_set_finish(), and in mid-run for its state: a lane's record, the next behind it. */
const struct lane_record *probe_set_lane(const struct probe_set *p, unsigned lane);

/** Every account with a detail, and helpers, malloced. After probe_set_finish(). -ENOMEM. */
int probe_set_accounts(const struct probe_set *p, struct counted_account **ret, size_t *ret_n);

/** What could not be recorded so far. */
struct probe_losses probe_set_losses(const struct probe_set *p);

/** Detach and free. NULL is fine. */
void probe_set_close(struct probe_set *p);

/** CLOCK_MONOTONIC in ns: the clock of all books. */
uint64_t clock_ns(void);
