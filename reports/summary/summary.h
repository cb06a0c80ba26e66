/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The closing summary of an experiment: per configuration (a stack on a number of cores, in a
 * scenario and a variant, with a label) the times, the books, and how far they can be trusted.
 *
 * Means are over the counted runs that ended well; a failed run counts nowhere but among the
 * failures, a warm-up (counted = 0) nowhere but among the warm-ups.
 * The *window* is what run time measures: all phases but "boot". The books of the
 * window therefore sum to run time times lanes.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/state.h"
#include "reports/statistics/statistics.h"
#include "reports/store/store_reader.h"
#include "reports/summary/failure.h"

#define SUMMARY_DETAILS_TOP 8

/** Where the time of one phase, or of the window, went: means over the runs, sums over the lanes.
 */
struct book {
	const char *name;             /**< the phase, or "window" */
	size_t n_runs;                /**< runs that have this phase */
	double lane_time_ns;          /**< wall time times lanes: the whole */
	double state_ns[STATE_COUNT]; /**< STATE_NONE holds what this report has no name for */
	bool sampled[STATE_COUNT];    /**< some of it was split by samples */
	double residual_ns;           /**< the whole minus all states */
	double helper_ns;             /**< threads beside the lanes; not part of the whole */
	bool has_accounts;
};

/** One detail of one state in a configuration's window: who preempted, which system call, what
 * exit. */
struct book_detail {
	enum lane_state state; /**< STATE_COUNT: a helper thread */
	const char *detail;
	double ns;    /**< mean over the runs, summed over the lanes */
	double count; /**< mean number of intervals or events; NAN where not known */
	bool exact;
	double samples; /**< where not exact: samples behind the split, all runs */
	double low_ns;  /**< 95 % interval of ns by the sampling alone */
	double high_ns;
	double lane_time_ns; /**< of the window */
};

/** The index after all states: what they leave of the whole. */
#define TERM_RESIDUAL STATE_COUNT
/** Split out of the states in which they lie, for explanations alone: see run_series.split_window. */
#define TERM_LOST_PARALLELISM  (STATE_COUNT + 1) /**< out of blocked; of guest (idle) and vmm */
#define TERM_DOUBLE_SCHEDULING (STATE_COUNT + 2) /**< out of preempted; throttled */
#define TERM_COUNT             (STATE_COUNT + 3)

/** One detail of one state, run by run. */
struct detail_series {
	enum lane_state state; /**< STATE_COUNT: a helper thread */
	const char *detail;
	double *ns;   /**< for each run: sum over the lanes */
	bool any;     /**< in some run there was such time at all; of that time: */
	bool exact;   /**< none was split by samples */
	double count; /**< intervals or events in all runs; NAN where not known */
};

/**
 * A phase, or the window, run by run. With k over all terms, in each run
 * Σₖ term_ns[k] = cores × wall_ns, to the nanosecond: the residual is a term of its own. The mean
 * over the lanes of state k, C̄ₖ, is term_ns[k] / cores.
 */
struct book_series {
	const char *name;  /**< the phase, or "window" */
	bool has_accounts; /**< every run was accounted */
	double *wall_ns;   /**< for each run; of the window: its run time; 0: not in this run */
	double *whole_ns;  /**< cores × wall_ns */
	double *term_ns[TERM_COUNT]; /**< for each run: sum over the lanes */
	bool accounted;              /**< some run was */
	bool sampled[TERM_COUNT];    /**< some of it was split by samples */
	struct detail_series *details;
	size_t n_details;
	struct detail_series *helpers; /**< threads beside the lanes; part of no term */
	size_t n_helpers;
};

/** A configuration's counted runs that ended well, in order of execution. Times not known are
 * NAN. */
struct run_series {
	size_t n;
	const struct store_run **runs; /**< owned by the store */
	double *position;
	double *start_ns;
	double *boot_ns;
	double *runtime_ns;
	double *guest_runtime_ns;
	double *cpu_ns; /**< of the window: time that the lanes were on a CPU, their sum */
	bool exact; /**< every run time is known, and all sums are below 2^53: so the books below
			 are exact */
	struct book_series window;
	double *between_ns; /**< cores × what of the run time is in no phase: part of the window's
				 residual */
	struct book_series *phases; /**< as the configuration's: same number, same order */
	/** The same books for explanations: what the guest's run queues say is taken out of the states in which it lies,
	 * and is TERM_LOST_PARALLELISM and TERM_DOUBLE_SCHEDULING, which are 0 above. Where nothing is known of run queues
	 * these are the books above. */
	struct book_series *split_window, *split_phases;
};

/** A number that the program wrote in a configuration's runs. */
struct configuration_metric {
	const char *name; /**< one pointer for all configurations */
	enum output_wish wish;
	double *values; /**< for each run of the series; NAN: its output has none */
	struct statistic known;
};

/** So many names of threads are told apart; the last stands for all that remain. */
#define SUMMARY_THREADS_MAX   24
#define SUMMARY_OTHER_THREADS "(others)"

/** Threads of one name, where lanes are CPUs: sums of the threads, means of the runs. */
struct thread_group {
	const char *name;
	double threads, processes; /**< how many of them a run has */
	double cpu_ns;
	double wait_siblings_ns; /**< for a CPU that others of the program had */
	double wait_others_ns;
	double blocked_ns;
	double switches, migrations;
	const char *cause; /**< why they slept most, or NULL */
	double cause_ns;   /**< in one of the runs */
};

/** So many reasons are told apart for each side, worst first; the last stands for all that remain. */
#define SUMMARY_STACK_ENDS_MAX    8
#define SUMMARY_STACK_MODULES_MAX 16
#define SUMMARY_OTHER_STACKS      "(others)"

/** Call stacks by why they end, or their frames by how they were walked. */
struct stack_share {
	const char *side; /**< "host", "guest" */
	const char *what; /**< as the store has it; of ends the first of a side is "root" */
	const char *
		module; /**< of the outermost frame, or of these; empty: not known, or it does not matter */
	double count; /**< samples or frames of all runs */
	double whole; /**< of that side */
};

/** The host's, then the guest's; of a side root, and at most SUMMARY_STACK_..._MAX others. */
struct stack_shares {
	struct stack_share *list;
	size_t n;
};

/** A process of the guest, or a thread of its kernel ("[swapper]"). */
struct process_time {
	const char *name;
	double samples; /**< of the lanes, of all runs */
	double user;    /**< of these in user mode */
	double whole;   /**< of all processes */
};

/** Threads of the guest of one name in one phase, as its own scheduler counts: means of the runs. */
struct guest_work {
	const char *phase, *name;
	size_t position; /**< of the phase among the configuration's */
	bool unknown; /**< what is left of the CPUs' time, of no thread that is there at the end */
	bool idle;    /**< those that run where there is nothing to run, of all CPUs */
	double threads;                           /**< a run; of older stores: at the phase's end */
	double cpu_ns;                            /**< a run */
	double whole_ns;                          /**< likewise, of all the guest's CPUs */
	double switches, preemptions, migrations; /**< a second */
	/* Of their books: with cpu_ns these sum to threads × the phase. NAN: there are none. */
	double queued_ns; /**< could run, and had no CPU of the guest's; NAN, too: no reading tells */
	double queued_low_ns,
		queued_high_ns; /**< 95 % interval, by readings; none if it is exact */
	double waiting_ns;      /**< for anything else */
	double absent_ns;       /**< had not begun, had ended */
	double unknown_ns;
	double over_ns;                   /**< counted beyond the phase, in none of these */
	double within_ns;                 /**< cpu_ns of one of them may be off by that */
	bool exact;                       /**< the guest counts queued_ns itself */
	double readings, queued_readings; /**< of each thread */
	double instants;                  /**< of the one that was read most, of all runs */
};

/** More causes there are not, in detour and detour_cause. */
#define DETOUR_CAUSES_MAX 64

/** Where the time of detours went (workload noise): means of the runs, sums of the lanes. */
struct detour_share {
	const char *cause, *detail,
		*taken_by; /**< as in the store; may be empty but for the first */
	double detours;    /**< whose one cause it is */
	double ns, around_ns, sampled_ns;
	double whole_ns; /**< of all causes */
};

/** What became of the parallelism of a guest in one phase, by its run queues: means of the runs. */
struct guest_queueing {
	const char *phase;
	size_t position; /**< of the phase among the configuration's */
	double runs;
	double lane_ns;      /**< wall time × lanes */
	double ticks;        /**< samples of the lanes, of all runs */
	double queued, most; /**< threads queued for a vCPU: in the mean, at most */
	double booked;       /**< the mean by the books of the threads; NAN: there are none */
	double lost_ticks;   /**< of all runs */
	double lost_ns;      /**< lane time that idle vCPUs could have been of use in */
	double lost_low_ns, lost_high_ns; /**< 95 % interval by the sampling alone */
	double within_ns; /**< from the phase's begin, most of it; NAN: there is none */
	double within_runs;
	double stuck_ns; /**< vCPUs waited for the host while threads were queued for them; exact */
	double stuck_count;
};

/** Is that a row of no thread's name? These are a phase's last, and always shown. */
static inline bool guest_work_is_rest(const struct guest_work *w)
{
	return w->idle || w->unknown;
}

struct configuration {
	const char *guest;
	int64_t cores;
	const char *scenario;
	const char *variant; /**< may be empty, as the next */
	const char *label;
	bool weak;   /**< its work grows with the cores (--weak) */
	char *words; /**< what makes the variant (--variant); NULL: not known, or none */
	const char *accel;
	/** The stack, and what tells its configurations apart here: "osv (thread)", "osv a", "osv paper-2"; one
	 * pointer for all configurations that differ in their cores alone. */
	const char *name;
	char *own_name;        /**< the memory behind it, in one of them */
	const char *file_name; /**< the same for names of files: no two stacks have the same */
	char *own_file_name;
	size_t n_runs;    /**< counted ones */
	size_t n_warmups; /**< the others */
	size_t n_ok;
	size_t n_closed;
	size_t n_audited;     /**< books and independent clocks agreed */
	size_t n_not_audited; /**< there was nothing to compare with */
	int64_t lost_events;
	struct statistic boot_ns;
	struct statistic runtime_ns;
	struct statistic guest_runtime_ns;
	struct statistic residual_ns;
	struct book window;
	struct book *phases; /**< in order of time, boot included */
	struct statistic *phase_ns;
	size_t n_phases;
	struct book_detail *details; /**< window only; by state, largest first */
	size_t n_details;
	struct run_series series;
	struct configuration_metric *metrics; /**< in the order in which they were asked for */
	size_t n_metrics;
	struct thread_group *threads; /**< by CPU time, the most first */
	size_t n_threads;
	struct stack_shares stack_ends, stack_modules;
	struct process_time *processes; /**< the most samples first */
	size_t n_processes;
	struct guest_work *work; /**< by phase, in order of time; the most CPU time first */
	size_t n_work;
	struct guest_queueing *queueing; /**< by phase, in order of time */
	size_t n_queueing;
	struct detour_share *detours; /**< the most time first */
	size_t n_detours;
	/** Above which a gap is a detour: the least and the largest of all runs and workers; 0: there is none. */
	double threshold_low_ns, threshold_high_ns;
	double audit_worst; /**< largest |books - other| / bound over all rows; NAN without any */
	const struct store_audit *audit_farthest; /**< that row; NULL without any */
};

/**
 * Some of a configuration's runs as a configuration: times and split books are of these alone, what else is
 * said of the whole stays, and is borrowed. @runs: their places in the series, rising. -ENOMEM: to
 * be cleared all the same.
 */
int configuration_subset(
	const struct configuration *whole, const size_t *runs, size_t n, struct configuration *ret);

void configuration_subset_clear(struct configuration *some);

/** The window's books of one run, be it counted or not, failed or not. */
struct run_states {
	bool known; /**< lanes were accounted */
	double ns[STATE_COUNT];
};

struct summary {
	struct store_reader *store; /**< borrowed */
	/** By scenario, cores, then from the fewest layers to the most, variant, label. */
	struct configuration *configurations;
	size_t n_configurations;
	size_t n_runs;    /**< counted ones */
	size_t n_warmups; /**< the others */
	size_t n_ok;
	bool state_used[STATE_COUNT];
	struct run_states *runs;  /**< as the runs of store_tables() */
	struct failure *failures; /**< runs that failed, of which the guest's end is known */
	size_t n_failures;
};

/** Work the summary out. -ENOMEM. The store must outlive it. */
int summary_make(struct store_reader *store, struct summary **ret);

void summary_free(struct summary *s);

static inline void summary_freep(struct summary **s)
{
	summary_free(*s);
}

#define _cleanup_summary_ __attribute__((cleanup(summary_freep)))

/*
 * What makes two configurations the same, or fit to be compared, is said here alone. Names are interned by the store: of two
 * stores no two configurations are the same.
 */

/** Of the same cores and scenario? */
bool configurations_are_beside(const struct configuration *a, const struct configuration *b);

/** The same but for the cores? */
bool configurations_are_kin(const struct configuration *a, const struct configuration *b);

/** The same stack and variant, told apart by the label alone; or variants of one stack whose words are the same? */
bool configurations_are_control(const struct configuration *a, const struct configuration *b);

/** In one row of those that are compared with each other: all variants of a stack, or all stacks in a variant; on the same
 * cores in the same scenario. */
bool configurations_are_variants(const struct configuration *a, const struct configuration *b);
bool configurations_are_stacks(const struct configuration *a, const struct configuration *b);

/** Is it as the scenario says, not made another by a variant's words? */
bool configuration_is_plain(const struct configuration *configuration);

/** Either. */
bool configurations_compare(const struct configuration *a, const struct configuration *b);

/** The same in two experiments, whose names are told apart by their text: stack, variant, cores, scenario, label? */
bool configurations_are_same(const struct configuration *a, const struct configuration *b);

/** Is @run of that configuration, be it counted or not, failed or not? */
bool configuration_has(const struct configuration *configuration, const struct store_run *run);

/** Is @run one of those that the configuration's statistics are made of: counted, and ended
 * well? */
bool configuration_counts(const struct configuration *configuration, const struct store_run *run);

/** The configuration that @run is of, or NULL. */
struct configuration *summary_configuration(const struct summary *s, const struct store_run *run);

/** That phase of the configuration, run by run, or NULL. @configuration may be NULL. */
struct book_series *configuration_phase(
	const struct configuration *configuration, const char *name);

/** The configuration's metric of that name, or NULL. */
struct configuration_metric *configuration_metric(
	const struct configuration *configuration, const char *name);

/** That phase with what explanations split out of its states (run_series.split_phases), or NULL. */
const struct book_series *configuration_terms(
	const struct configuration *configuration, const char *name);

/** Name, meaning and colour of a state, or another term. */
const struct state_info *term_info(int term);

/** Of the configuration's counted runs that ended well the one whose run time is in the middle; of an even number the quicker of
 * the two. NULL: there is none. */
const struct store_run *configuration_median(const struct configuration *configuration);

/** What a term is called; NULL: it is none (less than 0). */
const char *state_label(int state);

/** What its scenarios begin with. */
#define SUMMARY_NOISE "noise-"

/** Is it the workload noise? Its runs take as long as they are told. */
bool configuration_is_noise(const struct configuration *configuration);

/** Is that phase outside the window (boot)? */
bool phase_is_outside(const char *name);
