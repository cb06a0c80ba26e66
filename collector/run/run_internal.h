/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** A run in progress: what the files behind run.h share of it. What each of them does has a header of
 * its own. */

#include <stdarg.h>
#include <stdio.h>

#include "collector/books/offcpu.h"
#include "collector/inside/guest_ticks.h"
#include "collector/run/output_lines.h"
#include "collector/run/run.h"
#include "collector/symbols/proc_maps.h"
#include "collector/unwind/unwind.h"
#include "common/marker.h"
#include "common/spawn.h"
#include "workload/detours.h"
#include "workload/sha256.h"

/* The end of an output that is kept for the verdict and for error messages. */
#define CONSOLE_KEPT ((size_t)256 << 10)

/** What somebody writes; see run_console.h. */
struct run_console {
	char *text; /**< the last CONSOLE_KEPT bytes at most, NUL-ended; or NULL */
	size_t length;
	FILE *log; /**< or NULL */
	size_t logged;
};

/** The load generator of a server; see run_client.h. */
struct run_client {
	char **argv;
	struct child child; /**< pid is 0: not started yet */
	struct run_console console;
	bool output_ended;
	bool reaped;
	int wait_status;
	int64_t unreachable_ms; /**< since when it listens where nobody gets; 0: it does not */
};

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

/** Of all threads of a program whose lanes are CPUs: the kernel's clocks, and the books beside them. */
struct thread_sums {
	uint64_t exec_ns, exec_books_ns;
	uint64_t delay_ns, delay_books_ns;
	uint64_t switches;
};

/** A process of the stack. */
struct run_process {
	pid_t pid;
	pid_t origin; /**< whose address space it began as a copy of: that of the last exec */
	struct proc_maps_sizes sizes; /**< when its maps were last taken; no pages: not known */
	bool makes_code;              /**< and tells debuggers of it ... */
	uint64_t asked_ns;            /**< ... when it was last asked */
};

/** How the code of a module is walked, by the name that lookups give it. */
struct module_way {
	const char *module; /**< interned */
	enum unwind_way way;
};

struct module_ways {
	struct module_way *list;
	size_t n;
};

struct reported_rows {
	uint32_t worker;
	uint32_t task;
	uint64_t start_ns, end_ns; /**< guest clock */
};

/** Whose the lines of the console are. */
enum output_place {
	OUTPUT_BEFORE, /**< the guest's own, on the way to its program */
	OUTPUT_OWN,    /**< the program's */
	OUTPUT_AFTER,  /**< the guest's again */
};

/** What is known of the program's output so far. */
struct run_output {
	bool asked;      /**< something is looked for in it */
	bool is_clients; /**< it is that of the server's client */
	const char *
		end_words; /**< of an own program, by which its stack says that it ended, or NULL */
	bool compared;     /**< it is summed up, too */
	struct output_lines lines;
	char *queue; /**< OUTPUT_QUEUE_MAX bytes: what is searched when the run is over; or NULL */
	size_t queued;
	enum output_place place;
	bool counts;          /**< the line that is being read is the program's */
	bool *begun;          /**< for each of the settings' phases */
	uint64_t searched_ns; /**< time that it took so far */
	bool given_up;        /**< that was too long */
	struct sha256 digest; /**< of the program's lines, each with a newline */
};

/** The host's clocks beside each other, and the guest's counters; see run_clock.h. */
struct run_clock_state {
	struct tick_reading *readings;
	size_t n_readings;
	uint64_t pause_ns, next_ns; /**< between readings; of the next one */
	bool failed;                /**< there is nothing to read, or no memory */
	uint64_t emulators;         /**< where the emulator has its clock; 0: not looked for yet */
	struct guest_ticks *guests; /**< of each lane, as it was first */
	bool guests_known;
	int64_t moved, moved_back; /**< ticks, by which one changed since then at most */
	char *trouble;             /**< why they are not known after all, for people; or NULL */
};

/** Detours of a worker, as they come. */
struct reported_detours {
	struct detours_head head;
	struct detour *list; /**< head.kept at most */
	size_t n;
	bool torn; /**< a line of it was malformed */
};

struct run {
	const struct run_settings *settings;
	const struct run_request *request;
	struct run_result *result;
	struct guest *guest;
	struct probe_set *probes;
	struct counter_set *counters;

	struct marker_stream markers;
	struct run_console console;
	struct run_client client;
	struct run_output output;

	struct lane_thread *threads;   /**< one for each lane */
	pid_t program_tgid;            /**< of the lanes */
	struct run_process *processes; /**< of the stack, whose functions are looked up */
	size_t n_processes;
	struct module_ways ways[STACK_SIDES];
	struct unwind_mapping
		kernel; /**< the guest's; no rows: it has no table, or there is none ... */
	enum unwind_way kernel_way; /**< ... and how it is walked */
	bool unwind_full;           /**< there was no room for a table, which was said */
	uint64_t n_unlaned; /**< --attach: threads that came too late to be lanes, but not for
			       probes */
	bool lanes_known;
	bool begun;                  /**< the stack's program is linked: its own code runs */
	int vmx_fd;                  /**< see vmx_read_rip(); -1: none */
	struct guest_layout *layout; /**< of a machine whose memory may change, or NULL */
	bool memory_known;           /**< where the guest's memory is, or that it cannot be found */
	bool left_said;              /**< that it has more parts than can be followed */
	bool registers_known;        /**< the same of its registers, under emulation */
	int64_t look_pause_ms;       /**< see run_guest_look(); 0: not yet */
	int64_t next_look_ms;
	uint64_t next_glance_ns; /* at the guest's threads */
	uint64_t glance_random;
	bool distrusted;                      /**< what was read of the guest cannot be right */
	struct guest_tcg_layout known_layout; /**< of this version of QEMU; rip is 0: not known */

	bool program_begun; /**< the probes saw its exec: see run_program.h */
	bool marks_itself;  /**< it wrote a marker */
	bool marked_late;   /**< it did, too late */
	bool ended;         /**< the end marker came, or the program's process ended */
	bool finished;      /**< the probes are finished */
	bool output_ended;  /**< the console's other end is closed */
	bool said_bye;
	uint64_t bye_ns;
	struct offcpu offcpu;
	struct offcpu exits; /**< of vCPUs, from their guests */
	struct thread_sums thread_sums;
	struct thread_record *thread_marks; /**< --client: what they were when the run began */
	size_t n_thread_marks;
	struct boot *boot; /**< NULL: it is not taken apart */
	char *cgroup_cpu;  /**< folders of the container's control groups, or NULL */
	char *cgroup_usage;
	struct cgroup_reading cgroup_begin, cgroup_end;
	uint64_t own_throttled_ns; /**< of the collector's own groups, when the run began */
	uint64_t stolen_ns;        /**< of the lanes' CPUs, by a hypervisor, when the run began */
	uint64_t program_status;
	uint64_t
		guest_begin_ns; /**< the guest's clock when the first phase began, 0: not known ... */
	uint64_t host_begin_ns; /**< ... and the host's */

	struct run_clock_state clock;
	struct reported_detours *detours;
	size_t n_detours;
	struct reported_rows *rows; /**< as reported, in guest time */
	size_t n_rows;
};

/** A sentence for the user about this run, kept in the store. */
void run_warn(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The first phase that is not the boot: what is attached to has booted. */
static inline unsigned run_first_phase(const struct run *run)
{
	return run->request->attach ? 0 : 1;
}

/** May the reader of the console wait a little? The time of a marker is when it is read: where a program
 * writes some, nothing may keep us from it. */
static inline bool run_may_wait(const struct run *run)
{
	return run->settings->own || run->settings->alone || run->request->attach;
}

/** The run has failed; the first reason is kept, as later ones are mostly its consequences. */
void run_fail(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** @argv as a JSON array, malloced. */
char *run_argv_json(char *const *argv);
