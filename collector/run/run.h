/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * One run: a stack is started, watched from its first instruction to the program's last marker, and
 * ended. A run that fails is a result like any other: its status and the reason are kept.
 */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/books/audit.h"
#include "collector/books/books.h"
#include "collector/books/detours.h"
#include "collector/books/offcpu.h"
#include "collector/books/profile.h"
#include "collector/books/queue_book.h"
#include "collector/books/timeline.h"
#include "collector/counters/counters.h"
#include "collector/inside/guest_view.h"
#include "collector/inside/thread_book.h"
#include "collector/machine/tick_clock.h"
#include "collector/machine/topology.h"
#include "collector/run/attach.h"
#include "collector/run/boot.h"
#include "collector/symbols/symbols.h"
#include "common/error.h"
#include "common/output_rule.h"
#include "common/timeline_code.h"
#include "guests/guest.h"
#include "guests/keeper/keeper.h"
#include "workload/distribution.h"
#include "workload/series.h"
#include "workload/sha256.h"

struct run_request;
struct unwind;

/** What all runs of an experiment share. Borrowed by run_execute(). */
struct run_settings {
	const char *scenario;
	const char *image;      /**< a container image of the user's, or NULL */
	const char *program;    /**< the workload's binary; see guests/guest.h for one in @image */
	char *const *arguments; /**< of the workload */
	bool own; /**< the program is the user's; as the next four, see guests/guest.h */
	char *const *environment;
	const char *cwd;
	const struct guest_with *with;
	size_t n_with;
	unsigned port, host_port; /**< as in guests/guest.h; the second 0: any that is free */
	char *const *client;      /**< words of the load generator's command line, or NULL */
	uint64_t seed;
	uint64_t memory_bytes; /**< that the workload needs */
	uint64_t ram_bytes;    /**< of virtual machines, or 0: as the workload needs */
	const char *kernel;    /**< or NULL, as the next two */
	const char *symbols;
	const char *disk;
	enum machine machine;
	const char *append;
	bool alone;                /**< see guests/guest.h, as the last */
	char *const *runtime_args; /**< more options for the container runtime, or NULL */
	const char *counters;      /**< libpfm4 names, or NULL: the default set */
	const char *log_dir;       /**< for consoles, or NULL */
	const char *work_dir;
	struct keeper *keeper;
	struct symbols *names; /**< shared by all runs: files are read once */
	struct unwind *unwind; /**< likewise */
	bool oncpu, offcpu, exits;
	bool inside; /**< stacks of guests too, where oncpu */
	bool exact_split;
	enum timeline_keep timeline;
	bool count;     /**< hardware and software counters */
	bool boot_only; /**< a run is over at the program's first marker */
	const struct output_rules *phases, *metrics, *result; /**< looked for in the output */
	bool same_output;                                     /**< it is summed up, too */
	unsigned frequency_hz; /**< of on-CPU samples; 0: none are taken */
	unsigned timeout_s;
	const volatile sig_atomic_t *interrupted; /**< not 0: end the run */
	/** The probes watch @what, which ran already; from now on it may be let go. */
	void (*attached)(const char *what, const struct run_request *request, unsigned seconds);
};

/** One run of the plan. */
struct run_request {
	unsigned id; /**< in the store, from 1 */
	const struct guest_ops *ops;
	enum accel accel; /**< resolved */
	unsigned lanes;
	const struct placement *placement;
	struct attach *attach; /**< a process that runs already, or NULL: start the stack */
	unsigned repetition;
	unsigned position;
	unsigned block;    /**< from 1; 0: a warm-up */
	bool counted;      /**< false: a warm-up, which is in no statistic */
	const char *label; /**< "", or "a" or "b" of an A/A control */
	unsigned
		configuration; /**< which one of the plan it is of, from 0; the halves of an A/A control are two */
	const char *variant; /**< its name; NULL: there are none */
	/** How long the stack's boots took so far at most, which tells one that hangs; 0: no boot of it
	 * was seen. */
	uint64_t longest_boot_ns;
};

/** A boot that takes longer has hung: ten times the longest, and 20 s at least. */
uint64_t run_boot_limit_ns(uint64_t longest_boot_ns);

struct run_worker {
	uint64_t worker, cpu, busy_ns, tasks, steals, parks;
};

/** Where a lane should have been, and where it was. */
struct run_pin {
	unsigned lane;
	int planned_cpu; /**< negative: not pinned */
	char cpus[64];   /**< that its thread was allowed when its last phase began or ended, as a
			    list such as "0-3"; "": not known */
};

/** Time that a thread slept for one cause. */
struct run_sleep {
	char detail[DETAIL_SIZE];
	uint64_t ns;
};

/** What a thread of the program did, where lanes are CPUs. */
struct run_thread {
	unsigned threads; /**< 1; more: the last of very many, summed */
	pid_t pid, tgid;
	pid_t parent; /**< the process that made it; 0: it is the program's first */
	char name[PROBE_NAME_SIZE];
	uint64_t start_ns, end_ns;
	uint64_t cpu_ns;
	uint64_t wait_ns;          /**< for a CPU */
	uint64_t wait_siblings_ns; /**< of that, while others of the program ran there */
	uint64_t blocked_ns;
	struct run_sleep sleeps[PROBE_THREAD_CAUSES]; /**< the first causes; the rest is in none */
	uint64_t switches, migrations;
};

/** Why so many call stacks end, by the module that they end in. */
struct stack_end {
	const char *module; /**< interned; "" at a root, and where there is no frame */
	uint32_t why;       /**< enum unwind_end of the host's, an index of guest_end_names */
	uint64_t samples;
};

/** Frames of a module in the call stacks of samples. */
struct stack_module {
	const char *module; /**< interned */
	uint32_t way;       /**< by which their callers are found: enum unwind_way */
	uint64_t frames;
};

enum stack_side { STACK_HOST, STACK_GUEST, STACK_SIDES };

/** How call stacks of the samples on the CPU, the boot's left out, were walked. */
struct stack_walks {
	struct stack_end *ends;
	size_t n_ends;
	struct stack_module *modules;
	size_t n_modules;
};

/** Time in which a lane, a vCPU, waited for the host while threads of its guest waited for it. */
struct run_stuck {
	unsigned phase, lane;
	uint64_t ns, count;
};

/** The guest's scheduler between two phases: @phase is the one that begins, as an index. */
struct run_sched {
	unsigned phase;
	struct sched_snapshot snapshot;
	struct timers_snapshot timers; /**< empty: not known */
};

struct run_row {
	uint32_t task;
	uint32_t lane;
	uint64_t start_ns, end_ns;
};

/** What a kernel of `noise` found on a worker. */
struct run_distribution {
	struct distribution_head head;
	uint64_t *buckets; /**< DISTRIBUTION_BUCKETS; NULL after the run: it did not come whole */
	uint64_t counted;  /**< in them */
	bool torn;         /**< a line of it was malformed */
	struct distribution_value largest[DISTRIBUTION_LARGEST]; /**< the program's clock; after
								    the run the host's */
	size_t n_largest;
	struct series_head series_head; /**< begin_ns: likewise */
	uint32_t *series;               /**< its values, n of them; NULL: there are none */
	size_t n_series;                /**< that came */
	bool series_torn;
};

/** A lane's time stamp counter, as its program reads it, on the host's clock. */
struct run_clock {
	unsigned lane;
	const char *source; /**< the store's word; static */
	struct tick_line line;
};

/** Detours of a lane, with their causes. */
struct run_detours {
	unsigned lane;
	struct explained_detour *list;
	size_t n;
	struct detour_sum *sums; /**< one for each of the run's causes */
};

/** A number that the program reports by a marker, or that sums up its distributions over all workers. */
struct run_reported {
	char name[64];
	bool known;
	double value;
	enum output_wish wish;
};

struct run_counter {
	int lane;
	char name[64];
	bool counted;
	int64_t value;
	uint64_t enabled_ns, running_ns;
};

/** A number that the program wrote: the last one that matched. */
struct run_metric {
	const struct output_rule *rule; /**< the settings' */
	bool known;
	double value;
	char no_number[64]; /**< the first that matched and is none, for people; or "" */
};

#define RUN_HEAD_SIZE ((size_t)64 << 10)

/** What the program wrote, summed up. */
struct run_said {
	char sha256[SHA256_HEX_SIZE]; /**< of its lines, empty ones left out; "": not asked for */
	uint64_t lines, bytes;
	char last[64]; /**< the begin of the last line, for people */
	char *head; /**< the first RUN_HEAD_SIZE bytes of the lines, each with a newline; or NULL */
	size_t head_length;
	char *result; /**< the last match of --result, or NULL */
};

/** Everything a run left behind. */
struct run_result {
	bool ok;
	bool interrupted;
	char error[1024];
	char start_utc[32];
	uint64_t start_ns, end_ns, boot_ns, runtime_ns, guest_runtime_ns;
	bool has_boot, has_runtime, has_guest_runtime;
	struct phase phases[PROBE_PHASES_MAX];
	unsigned n_phases;
	struct boot_timeline boot; /**< empty where it is not known */
	unsigned lanes;
	bool has_books;
	struct books books;
	struct audit audit;
	struct profile profile;
	struct guest_view *view; /**< VMs: the inside of the guest, or NULL */
	struct stack_walks walks[STACK_SIDES];
	struct exit_sum *exits; /**< stacks of exits, by reason */
	size_t n_exits;
	struct guest_process *guest_processes;
	size_t n_guest_processes;
	struct queue_book queues; /**< run queues of the guest */
	struct run_stuck *stuck;
	size_t n_stuck;
	struct run_sched *scheds; /**< in order of time */
	size_t n_scheds;
	struct thread_book thread_book; /**< of the guest's threads */
	struct probe_losses losses;
	uint64_t lost_events;
	struct run_worker *workers;
	size_t n_workers;
	struct run_row *rows;
	size_t n_rows;
	struct run_counter *counters;
	size_t n_counters;
	struct timeline *timeline;  /**< or NULL; blocks of no lane are not the run's */
	struct run_thread *threads; /**< by CPU time, the most first */
	size_t n_threads;
	struct run_pin *pins;
	size_t n_pins;
	struct run_distribution *distributions;
	size_t n_distributions;
	struct run_clock *clocks;
	size_t n_clocks;
	struct detour_causes detour_causes;
	struct run_detours *detours;
	size_t n_detours;
	struct run_reported *reported;
	size_t n_reported;
	char raster_sha256[65];     /**< or of a kernel's results */
	struct run_metric *metrics; /**< as the settings': same number, same order */
	size_t n_metrics;
	struct run_said said;
	char *command; /**< JSON array */
	char *note;    /**< the stack's own: versions, what was made; or NULL */
	char **warnings;
	size_t n_warnings;
	int log_error; /**< negative errno: not all of the console could be logged */
};

/**
 * Execute. Returns 0 whenever there is a result, even that of a failed run; a negative errno, with
 * the message, if the run could not even be tried for a reason that will meet every other run too
 * (privileges, a missing program): the experiment should end.
 */
int run_execute(const struct run_settings *settings, const struct run_request *request,
	struct run_result *ret, struct error *error);

/** The share of wall time by which a lane's states may miss it before books do not close. */
#define RUN_RESIDUAL_SHARE 0.001

/** Every lane and phase sums to wall, and no event was lost. */
bool run_books_closed(const struct run_result *r);

void run_result_done(struct run_result *r);

void run_said_done(struct run_said *s);
