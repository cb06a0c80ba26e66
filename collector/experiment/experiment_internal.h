/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files behind experiment.h share; nobody else includes this. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "collector/experiment/client.h"
#include "collector/experiment/experiment.h"
#include "collector/experiment/output_folder.h"
#include "collector/experiment/own_program.h"
#include "collector/experiment/plan.h"
#include "collector/experiment/plan_document.h"
#include "collector/experiment/stopping.h"
#include "collector/experiment/variant.h"
#include "collector/probes/tick_cost.h"
#include "collector/run/run.h"
#include "collector/store/store_writer.h"

struct experiment {
	struct options *o;
	const struct topology *topology;
	struct variant *variants; /**< one at least */
	size_t n_variants;
	struct placement *placements; /**< for each variant one for each number of cores */
	size_t n_placements;
	struct attach *attach; /**< or NULL */
	struct plan plan;
	struct plan_document document; /**< as it is in the store; none where @attach */
	json_t *files;                 /**< SHA-256 by name, as the files are now */
	bool *measured;                /**< by index into the plan: is it in the store already? */
	double *times_ns; /**< of those, by id - 1, NAN where one failed; NULL where there are none */
	struct stopping stopping;
	size_t n_measured;                  /**< runs of the plan that are in the store */
	bool all_kept;                      /**< nothing is left but the report */
	bool begun;                         /**< there is a store, so that --resume can continue */
	size_t n_failed;                    /**< of all runs in the store */
	enum accel accel[OPTIONS_LIST_MAX]; /**< one for each guest */
	char accel_note[256];               /**< why virtual machines are emulated, if they are */
	char *program;
	char nonce[17];         /**< of guests that are not started; "": any will do */
	struct own_program own; /**< all 0 where the program is ours */
	struct client client;   /**< all 0 where there is none */
	char **left_out;        /**< of the stacks that cannot run it, a sentence each */
	size_t n_left_out;
	char *paths[3];       /**< of the options' files, as they are from the root on */
	char **variant_texts; /**< of the options' variants, likewise, or NULL */
	char *work_dir;
	struct output_folder output;
	struct keeper *keeper;
	struct symbols *names;
	struct unwind *unwind;
	struct store_writer *store;
	json_t *versions; /**< by guest: what each stack says of itself */
	struct run_settings settings;
	struct tick_cost tick; /**< all 0: not measured */
	char tick_words[256];  /**< what the user's own frequency takes, where it is much; or "" */
	struct run_said said;  /**< by the first run that went well, where runs must agree in it */
	unsigned said_by;      /**< that run's id; 0: there was none yet */
};

/** What all runs of a variant share; NULL: there are none. */
struct run_settings experiment_settings(const struct experiment *x, const char *variant);

/** What the program needs with these arguments: on the most cores, where they have {cores}. UINT64_MAX: too much. */
uint64_t experiment_memory(const struct options *o, char *const *arguments);

/** Find the variants' programs, and what is wrong with their words. */
int experiment_prepare_variants(struct experiment *x, struct error *error);

/** One line for each of @texts with a word in braces that is none of ours. */
void experiment_warn_of_words(char *const *texts, bool client);

/** A guest that is not to be started: for its command line and what it is made of. */
struct guest_spec experiment_trial_spec(
	const struct experiment *x, enum accel accel, const char *variant);

/** Could experiment_create() make its folder? Asked before anything that takes time. */
int experiment_check_output(const struct experiment *x, struct error *error);

/** Make the folder and the store, with all that is known before the first run. */
int experiment_create(struct experiment *x, char **argv, struct error *error);

/** Open a store to continue, and make the options those of its plan. */
int experiment_reopen(struct experiment *x, struct error *error);

/** Of one that was reopened: is no run of its plan left? 1, 0, or an error of the store. */
int experiment_is_finished(struct experiment *x, struct error *error);

/**
 * Is this still the experiment that the store describes: the machine, the files? And which of its
 * runs are there? To be called when it is prepared. -EXDEV with a message where something changed,
 * unless --force.
 */
int experiment_check_same(struct experiment *x, struct error *error);

/** With --until: note in the store how far that is, and, when it is over, that no more runs are planned than are there. */
int experiment_note_stopping(struct experiment *x, struct error *error);

/** Note in the store that the experiment goes on here and now. */
int experiment_note_resumed(struct experiment *x, struct error *error);

/** A run whose program did not write what that of the first good run wrote has failed, where they
 * must agree. 0, -ENOMEM, or what the store says. */
int experiment_compare_output(struct experiment *x, const struct run_request *q,
	struct run_result *r, struct error *error);

/** Measure what is left of the plan. An exit status, or a negative errno with a message. */
int experiment_run_all(struct experiment *x, struct error *error);

/** Print the plan. */
int experiment_print_plan(struct experiment *x, struct error *error);

/** Sets the frequency of all runs, where anything is sampled; a frequency of the user's own is judged. */
int experiment_choose_frequency(struct experiment *x, struct error *error);
