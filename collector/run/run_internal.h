/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** A run in progress: what run.c (life cycle), run_markers.c and run_close.c share. */

#include <stdarg.h>
#include <stdio.h>

#include "collector/books/offcpu.h"
#include "collector/run/run.h"
#include "collector/symbols/proc_maps.h"
#include "common/marker.h"

/* The end of the console that is kept for the verdict and for error messages. */
#define CONSOLE_KEPT ((size_t)256 << 10)
/* A guest that floods its console is cut off in the log. */
#define CONSOLE_LOG_MAX ((size_t)16 << 20)

struct lane_thread {
	pid_t tgid;
	pid_t tid;
	char cpus[64]; /**< that it was allowed when last looked at, as a list; "": not known */
	bool several;  /**< more than one thread was seen: its clocks cannot be read from one place
			*/
};

/** What a container's control group says, at the begin of the first phase and at the end of the
 * last. */
struct cgroup_reading {
	bool valid;
	uint64_t time_ns; /**< when it was read, at the latest */
	uint64_t usage_ns;
	uint64_t throttled_ns;
};

/** A process of the stack. */
struct run_process {
	pid_t pid;
	pid_t origin; /**< whose address space it began as a copy of: that of the last exec */
	struct proc_maps_sizes sizes; /**< when its maps were last taken; no pages: not known */
};

struct reported_rows {
	uint32_t worker;
	uint32_t task;
	uint64_t start_ns, end_ns; /**< guest clock */
};

struct run {
	const struct run_settings *settings;
	const struct run_request *request;
	struct run_result *result;
	struct guest *guest;
	struct probe_set *probes;
	struct counter_set *counters;

	struct marker_stream markers;
	char *console; /**< the last CONSOLE_KEPT bytes at most, NUL-ended */
	size_t console_length;
	FILE *log;
	size_t logged;

	struct lane_thread *threads;   /**< one for each lane */
	pid_t program_tgid;            /**< of the lanes */
	struct run_process *processes; /**< of the stack, whose functions are looked up */
	size_t n_processes;
	uint64_t n_unlaned; /**< --attach: threads that came too late to be lanes, but not for
			       probes */
	bool lanes_known;
	bool begun;           /**< the stack's program is linked: its own code runs */
	int vmx_fd;           /**< see vmx_read_rip(); -1: none */
	bool memory_known;    /**< where the guest's memory is, or that it cannot be found */
	bool registers_known; /**< the same of its registers, under emulation */
	bool distrusted;      /**< what was read of the guest cannot be right */
	struct guest_tcg_layout known_layout; /**< of this version of QEMU; rip is 0: not known */

	bool ended;        /**< the end marker came */
	bool finished;     /**< the probes are finished */
	bool output_ended; /**< the console's other end is closed */
	bool said_bye;
	uint64_t bye_ns;
	struct offcpu offcpu;
	struct boot *boot; /**< NULL: it is not taken apart */
	char *cgroup_cpu;  /**< folders of the container's control groups, or NULL */
	char *cgroup_usage;
	struct cgroup_reading cgroup_begin, cgroup_end;
	uint64_t own_throttled_ns; /**< of the collector's own groups, when the run began */
	uint64_t program_status;
	uint64_t guest_begin_ns; /**< the guest's clock at the first marker ... */
	uint64_t host_begin_ns;  /**< ... and the host's */

	struct reported_rows *rows; /**< as reported, in guest time */
	size_t n_rows;
};

/** A sentence for the user about this run, kept in the store. */
void run_warn(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Load the probes, gate closed. */
int run_open_probes(struct run *run, struct error *error);

/** Thread @tid is lane @lane: it is counted from now on. */
void run_lane_thread(struct run *run, int lane, pid_t tgid, pid_t tid);

/* run_pins.c: lanes on the CPUs of the plan. */

/** Bind @tid, a thread of @lane, to the plan's CPU, unless it is bound so already. */
void run_pin_lane(struct run *run, unsigned lane, pid_t tid);

/**
 * When @phase begins, or "" at the end: look where lanes are, warn of what differs from the plan,
 * and put it right. Before the second phase the program may still be starting: then without a word.
 */
void run_check_pins(struct run *run, const char *phase);

/** Keep what was seen, for the store. -ENOMEM. */
int run_take_pins(struct run *run);

/** The gate opens, the first phase begins. */
void run_begin(struct run *run, const char *phase);

/** @argv as a JSON array, malloced. */
char *run_argv_json(char *const *argv);

/** The life cycle of a run on request->attach. 0 or a negative errno, as run_execute(). */
int attach_execute(struct run *run, struct error *error);

/* run_watch.c */

/** Read the console and the probes until the stack's first process ends, or its time is over. */
void run_watch(struct run *run);

/** Once it was reaped: if the run failed, why. */
void run_explain_end(struct run *run);

/* run_leftovers.c: processes that the program leaves behind. */

#define CHILDREN_KEPT 64

struct child_list {
	pid_t pids[CHILDREN_KEPT];
	size_t n;
};

/** Before the stack starts: our children by now; and whoever loses its parent becomes one. */
void run_note_children(struct child_list *ret);

/**
 * End whatever of the stack outlives its first process, however it detached itself, and say so.
 * @wait: for the first process, a moment.
 */
void run_end_leftovers(struct run *run, const struct child_list *before, bool wait);

/** A marker from the program. */
void run_on_marker(const struct marker *m, void *userdata);

/** The books end now (@end_ns) or at the latest published boundary; idempotent. */
void run_finish_probes(struct run *run, uint64_t end_ns);

/** Read the counters, once, when the last phase ends. */
void run_take_counters(struct run *run);

/**
 * After probe_set_finish(): what the probes themselves counted of all of a lane's threads, from its
 * first instant on, is better than what was read of the one that counters were opened for.
 */
void run_count_lanes(struct run *run);

/** Close the books, audit, translate the rows. -ENOMEM. */
int run_close(struct run *run);

/** Read the control group of the lanes, where the stack is a container. */
struct cgroup_reading run_read_cgroup(struct run *run);

/* run_guest.c: looking into a virtual machine. */

/** Make the view, and say in @options where registers are. Before the probes are opened. -ENOMEM.
 */
int run_guest_prepare(struct run *run, struct probe_options *options, struct error *error);

/** Once QEMU has made the guest's memory, tell the probes. To be called until it has. */
void run_guest_find_memory(struct run *run);

/**
 * Under emulation: once the first vCPU is about to begin, tell the probes where registers are. To
 * be called until it has; @last: it will not come to that any more, so what is known of this
 * version of QEMU has to do.
 */
void run_guest_find_registers(struct run *run, bool last);

/** Is that still to be done? */
bool run_guest_awaits_registers(const struct run *run);

/** Before the books are closed: what was read of the guest is dropped where it cannot be right. */
void run_guest_judge(struct run *run);

/** A sample with what is in it of the guest. */
void run_guest_sample(struct run *run, const struct record_sample *s);

/** While the guest runs: find its program in its memory. At every phase, since more gets loaded. */
void run_guest_find_program(struct run *run);

/** At the end, while the guest still runs: its kernel's symbols. */
void run_guest_find_kernel(struct run *run);

/** The subsystem of the guest that @e was in. */
void run_guest_detail(
	struct run *run, const struct profile_entry *e, char ret_detail[static DETAIL_SIZE]);

/** Say what share of the guest's stacks is whole, and why the others are not. */
void run_guest_close(struct run *run);

/* run_boot.c: the boot, taken apart. What goes wrong here costs steps, never the run. */

/** Say in @options what is to be watched. Before the probes are opened. -ENOMEM. */
int run_boot_prepare(struct run *run, struct probe_options *options);

/** Watch. Once the stack's process is there, before the gate opens. */
void run_boot_watch(struct run *run);

void run_boot_event(const struct record_boot *record, void *userdata);

/** A sample; @frames are those of the record. */
void run_boot_sample(struct run *run, const struct record_sample *s, const uint64_t *frames);

/** What samples of the guest said of the boot was wrong. */
void run_boot_forget_samples(struct run *run);

/** Output, as it was read. */
void run_boot_console(struct run *run, const char *data, size_t n);

/** The first marker ends the boot: what was seen becomes steps. */
void run_boot_close(struct run *run);

/* run_processes.c: the processes of the stack. */

/**
 * Process @pid is of the stack: its maps are taken while it lives, now and with every snapshot.
 * Where it is gone already, those of @origin stand for them (0: none).
 */
void run_know_process(struct run *run, pid_t pid, pid_t origin);

/** Take the maps of these while they live. */
void run_snapshot_maps(struct run *run);

/** The same of those whose size has changed since. */
void run_renew_maps(struct run *run);
