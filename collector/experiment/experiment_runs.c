/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The runs of an experiment, one after the other. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/experiment/experiment_internal.h"
#include "collector/experiment/progress.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/clock.h"

/* Somebody else's work on the lanes' CPUs spoils a measurement: say so. */
#define NOISY_SHARE 0.05

/* Without a number: equal warnings of several runs are shown as one, and the books have the number.
 */
static const char noisy[] = "noisy neighbours: strangers ran in place of the lanes for more than "
			    "5 % of their time (books: preempted)";

static void warn_noise(struct run_result *r)
{
	unsigned first = r->n_phases > 1; /* after the boot; who is attached to has none */
	uint64_t waited = books_strangers_ns(&r->books, first), wall = 0;

	for (unsigned i = first; i < r->n_phases; i++)
		wall += (r->phases[i].end_ns - r->phases[i].start_ns) * r->lanes;
	if (!wall || (double)waited < NOISY_SHARE * (double)wall)
		return;
	(void)array_add_text(&r->warnings, &r->n_warnings, strdup(noisy));
}

static int note_version(struct experiment *x, const struct run_request *q,
	const struct run_result *r, struct error *error)
{
	if (!r->note || json_object_get(x->versions, q->ops->name))
		return 0;
	if (!x->versions)
		x->versions = json_object();
	if (json_object_set_new(x->versions, q->ops->name, json_string(r->note)) < 0)
		return 0; /* not UTF-8: nothing to keep */
	return store_writer_set(x->store, "versions", x->versions, error);
}

#define NAP_NS 100000000 /* how soon a signal is seen during the rest */

/* Returns false when it was interrupted. */
static bool rest(const struct experiment *x, struct progress *progress)
{
	uint64_t end_ns = clock_ns() + x->o->cooldown_s * 1000000000ULL, now;

	while ((now = clock_ns()) < end_ns) {
		uint64_t left_ns = end_ns - now;
		struct timespec nap = {.tv_nsec = (long)(left_ns < NAP_NS ? left_ns : NAP_NS)};

		if (*x->settings.interrupted)
			return false;
		progress_rest(progress, (left_ns + 999999999) / 1000000000);
		nanosleep(&nap, NULL);
	}
	return !*x->settings.interrupted;
}

/* So many failures in a row, all with the same words, before any run went well: what is wrong is
 * wrong with the experiment. */
#define HOPELESS 3

/* What has come of the runs so far. */
struct outcome {
	bool interrupted;
	bool any_ok;
	bool any_failed;
	unsigned alike; /**< failures in a row with the words of ... */
	char failure[sizeof(((struct run_result *)0)->error)];
	uint64_t longest_boot_ns[OPTIONS_LIST_MAX]; /**< of each virtual machine of --guest */
};

/* Where it is kept; NULL: what is no virtual machine does not boot a kernel that may hang. */
static uint64_t *longest_boot(
	const struct experiment *x, struct outcome *o, const struct run_request *q)
{
	for (size_t i = 0; i < x->o->n_guests && q->ops->is_vm; i++)
		if (x->o->guests[i] == q->ops)
			return &o->longest_boot_ns[i];
	return NULL;
}

static void note_boot(const struct experiment *x, struct outcome *o, const struct run_request *q,
	const struct run_result *r)
{
	uint64_t *longest = longest_boot(x, o, q);

	if (longest && r->has_boot && r->boot_ns > *longest)
		*longest = r->boot_ns;
}

static void note_outcome(struct outcome *o, const struct run_result *r)
{
	o->interrupted = r->interrupted;
	if (r->ok) {
		o->any_ok = true;
		return;
	}
	o->any_failed = true;
	o->alike = strcmp(o->failure, r->error) == 0 ? o->alike + 1 : 1;
	memcpy(o->failure, r->error, sizeof(o->failure));
}

static int warn_hopeless(struct experiment *x, const struct outcome *o, struct error *error)
{
	_cleanup_free_ char *text = NULL;

	if (asprintf(&text,
		    "the first %u runs all failed in the same way, so the others were not tried: %s",
		    o->alike, o->failure) < 0) {
		text = NULL;
		return error_set_errno(error, -ENOMEM, "cannot say why the experiment stopped");
	}
	return store_writer_warn(x->store, text, error);
}

/* What --until looks at: the run time, of boots alone the boot's. */
static double time_of(const struct run_result *r)
{
	return !r->ok           ? NAN
	       : r->has_runtime ? (double)r->runtime_ns
	       : r->has_boot    ? (double)r->boot_ns
				: NAN;
}

static int run_one(struct experiment *x, struct run_request *q, struct progress *progress,
	struct outcome *outcome, struct error *error)
{
	const struct run_settings settings = experiment_settings(x, q->variant);
	const uint64_t *longest = longest_boot(x, outcome, q);
	struct run_result result;
	int r;

	progress_run(progress, q);
	q->longest_boot_ns = longest ? *longest : 0;
	r = run_execute(&settings, q, &result, error);
	if (r == 0 && !result.interrupted) {
		warn_noise(&result);
		r = experiment_compare_output(x, q, &result, error);
	}
	if (r == 0 && !result.interrupted) {
		r = store_writer_run(x->store, &settings, q, &result, error);
		x->n_measured += r == 0;
		stopping_add(&x->stopping, q, time_of(&result), true);
	}
	if (r == 0)
		r = note_version(x, q, &result, error);
	/* Process numbers come round: the next run's must not meet this one's mappings. */
	symbols_forget_processes(x->names);
	if (r == 0 && result.log_error)
		r = error_set_errno(error, result.log_error,
			"cannot write the console of run %u to %s", q->id, x->settings.log_dir);
	if (r == 0 && !result.interrupted)
		progress_done(progress, q, &result);
	note_outcome(outcome, &result);
	note_boot(x, outcome, q, &result);
	run_result_done(&result);
	return r;
}

/* Is there enough, or no more to be had? What is planned beyond that is no more. */
static int look(
	struct experiment *x, size_t i, bool fresh, struct progress *progress, struct error *error)
{
	bool looked = stopping_look(&x->stopping, &x->plan.runs[i]);

	if (x->stopping.end != STOPPING_NOT)
		x->plan.n = i + 1;
	progress_aim(progress, &x->stopping, looked && fresh);
	return looked ? experiment_note_stopping(x, error) : 0;
}

int experiment_run_all(struct experiment *x, struct error *error)
{
	struct outcome outcome = {
		.any_ok = x->n_measured > x->n_failed, .any_failed = x->n_failed > 0};
	struct progress progress;
	bool first = true;

	progress_begin(&progress, x->plan.n, x->n_measured, x->o->cooldown_s);
	progress_aim(&progress, &x->stopping, false);
	for (size_t i = 0; i < x->plan.n; i++) {
		int r;

		if (x->measured && x->measured[i]) {
			stopping_add(&x->stopping, &x->plan.runs[i],
				x->times_ns[x->plan.runs[i].id - 1], false);
			r = look(x, i, false, &progress, error);
			if (r < 0)
				return r;
			continue;
		}
		if (*x->settings.interrupted || (!first && !rest(x, &progress)))
			outcome.interrupted = true;
		r = outcome.interrupted ? 0
					: run_one(x, &x->plan.runs[i], &progress, &outcome, error);
		if (r == 0 && !outcome.interrupted)
			r = look(x, i, true, &progress, error);
		if (r < 0 || outcome.interrupted) {
			progress_stop(&progress);
			return r < 0 ? r : EXIT_INTERRUPTED;
		}
		first = false;
		if (!outcome.any_ok && outcome.alike == HOPELESS && i + 1 < x->plan.n) {
			r = warn_hopeless(x, &outcome, error);
			return r < 0 ? r : EXIT_RUN_FAILED;
		}
	}
	return outcome.any_failed ? EXIT_RUN_FAILED : EXIT_ALL_MEASURED;
}
