/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files behind summary.h share; nobody else includes this. */

#include "reports/summary/summary.h"

/** What makes the run's variant, as the store has it; malloced. NULL: it has none, or does not say. */
char *variant_words(const struct store_reader *store, const struct store_run *run);

/** Does the work of the run's experiment grow with the cores? */
bool run_is_weak(const struct store_reader *store, const struct store_run *run);

/** Fold all accounts: fill each configuration's series, whose phases are there, and the runs'
 * states. Whatever else is said of accounts is derived from these. -ENOMEM. */
int summary_make_series(struct summary *s);

void book_clear(struct book_series *b);
void series_clear(struct run_series *series, size_t n_phases);

/** A copy of a book of @n runs, without its helpers. -ENOMEM: what there is of it is to be cleared all the same. */
int book_copy(const struct book_series *book, size_t n, struct book_series *ret);

/** The configuration that a run counts in; NULL: in none, as it failed or is no run. */
const struct configuration *summary_configuration_of(const struct summary *s, int64_t run);

/** Fill each configuration's metrics; its series are there. -ENOMEM. */
int summary_make_metrics(struct summary *s);

/** The same of each configuration's threads. */
int summary_make_threads(struct summary *s);

/** The same of how their call stacks were walked, and why they end. -EBADMSG, too. */
int summary_make_stacks(struct summary *s);

/** Fill in the processes of all guests that have some. 0, -ENOMEM, -EBADMSG. */
int summary_make_processes(struct summary *s);

/** Fill in what samples saw of guests' run queues; phases are there. 0, -ENOMEM, -EBADMSG. */
int summary_make_queues(struct summary *s);

/** Split what guests' run queues say out of the states, for explanations: series are there. 0, -ENOMEM, -EBADMSG. */
int summary_make_terms(struct summary *s);
/** Fill in the causes of detours. 0, -ENOMEM, -EBADMSG. */
int summary_make_detours(struct summary *s);

/** Fill in what the guests' schedulers counted; phases are there. 0, -ENOMEM, -EBADMSG. */
int summary_make_sched(struct summary *s);

/** Fill in how the guests of failed runs ended. 0, -ENOMEM, -EBADMSG. */
int summary_make_failures(struct summary *s);

void summary_clear_failures(struct summary *s);

/** Fill each configuration's details from its series. -ENOMEM. */
int summary_make_details(struct summary *s);
