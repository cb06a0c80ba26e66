/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The collector's command line. Its options are in option_table.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/options/scenario.h"
#include "common/error.h"
#include "common/output_rule.h"
#include "common/timeline_code.h"
#include "common/until.h"
#include "guests/guest.h"

#define OPTIONS_LIST_MAX 64

enum exit_status {
	EXIT_ALL_MEASURED = 0,
	EXIT_RUN_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_MISSING = 3,
	EXIT_INTERRUPTED = 130,
};

enum action {
	ACTION_MEASURE,
	ACTION_DRY_RUN,
	ACTION_DOCTOR,
	ACTION_LIST_GUESTS,
	ACTION_LIST_COUNTERS,
	ACTION_LIST_SCENARIOS,
	ACTION_PRINT_OPTIONS, /**< for completions */
};

struct options {
	enum action action;
	const struct guest_ops *guests[OPTIONS_LIST_MAX];
	size_t n_guests;
	unsigned cores[OPTIONS_LIST_MAX]; /**< empty: all of the machine */
	size_t n_cores;
	const struct scenario *scenario;
	unsigned repeat;        /**< with @until at least */
	struct until_aim until; /**< share 0: not asked for */
	const char *until_text; /**< as it was typed, or NULL */
	unsigned max_runs;      /**< of each configuration, with @until */
	unsigned max_time_s;    /**< likewise; 0: no bound */
	unsigned warmup;        /**< runs of each stack that do not count */
	bool aa;                /**< each configuration twice, as a and b */
	char **variants;        /**< --variant, NAME=WORDS each, NULL-ended, or NULL */
	size_t n_variants;
	bool weak;              /**< the work grows with the cores */
	unsigned shard, shards; /**< from 1; 0 of 0: all blocks */
	unsigned cooldown_s;
	enum accel accel;
	enum machine machine; /**< the type of QEMU's */
	const char *program;  /**< the workload, or NULL: searched */
	bool own; /**< the program is the user's: it gets its own arguments and no others */
	char **environment; /**< --env, NULL-ended, or NULL */
	size_t n_environment;
	const char *image;        /**< a container image of the user's, or NULL */
	const char *port_text;    /**< --port as it was typed, or NULL */
	unsigned port, host_port; /**< that the program serves, and where; 0: none, any */
	const char *client;       /**< the load generator's command line, or NULL */
	const char *cwd;          /**< that an own program runs in, or NULL: ours */
	char **with;              /**< --with, NULL-ended, or NULL */
	size_t n_with;
	const char *kernel;
	const char *symbols;
	const char *disk;
	const char *
		append; /**< the command line of a machine whose disk runs its own program, or NULL */
	bool alone;     /**< nothing of ours runs in the machine */
	uint64_t ram_bytes; /**< of virtual machines; 0: as the workload needs */
	bool oncpu, offcpu, exits;
	enum timeline_keep timeline;
	bool inside;           /**< stacks of guests too; with oncpu only */
	const char *counters;  /**< or NULL: the default set; or "none" */
	unsigned frequency_hz; /**< 0: auto */
	const char *pin;
	bool overcommit;      /**< lanes may share CPUs */
	const char *topology; /**< of a made-up machine, for --dry-run; or NULL: this one */
	bool has_seed;
	uint64_t seed;
	unsigned timeout_s;
	const char *output; /**< or NULL: made from the time */
	const char *resume; /**< the folder of an experiment to continue, or NULL */
	bool force;
	char **container_args; /**< NULL-ended, or NULL */
	size_t n_container_args;
	struct output_rules phases;  /**< that the program's output begins */
	struct output_rules metrics; /**< numbers in it */
	struct output_rules result;  /**< one at most: all runs must have the same */
	bool same_output;            /**< all runs must write the same */
	bool exact_split;
	bool boot_only;     /**< a run is over at the first marker */
	const char *attach; /**< a process's number, or a container; or NULL */
	bool json;
	bool verbose;
	char **arguments; /**< of the workload: after "--", or the scenario's; NULL-ended */
	bool own_arguments;
	uint64_t given; /**< a bit for each row of the table: the command line has it */
};

/**
 * Parse. Prints --help and --version itself and exits, as argp does. Mistakes: -EINVAL with a
 * message marked as the user's.
 */
int options_parse(int argc, char **argv, struct options *ret, struct error *error);

/** What the runs of @o do, in a word for the store: a scenario's name, SCENARIO_OWN or
 * SCENARIO_PROGRAM. */
const char *options_scenario(const struct options *o);

/**
 * Does the command line agree with itself, and the stacks of --guest with what it says? Where not: -EINVAL
 * with a message marked as the user's. Where --image names no stack it makes docker the one.
 */
int options_check(struct options *o, struct error *error);

/** May @words be among the program's arguments? -EINVAL as above, where the stacks add them by themselves. */
int options_check_words(const struct options *o, char *const *words, struct error *error);

/** Does a machine run what is its own, so that nothing of ours is in it? */
bool options_alone(const struct options *o);

/** Does the command line have the option of that long name? */
bool options_given(const struct options *o, const char *name);

void options_done(struct options *o);
