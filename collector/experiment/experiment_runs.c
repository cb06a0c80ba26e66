/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The runs of an experiment, one after the other. */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/experiment/experiment_internal.h"
#include "collector/experiment/progress.h"

/* Somebody else's work on the lanes' CPUs spoils a measurement: say so. */
#define NOISY_SHARE 0.05

/* Without a number: equal warnings of several runs are shown as one, and the books have the number.
 */
static const char noisy[] = "noisy neighbours: other work ran in place of the lanes for more than "
			    "5 % of their time (books: preempted)";

static void warn_noise(struct run_result *r)
{
	uint64_t waited = 0, wall = 0;
	char **grown;

	for (size_t i = 0; i < r->books.n; i++)
		if (r->books.accounts[i].phase > 0 && r->books.accounts[i].state == STATE_PREEMPTED)
			waited += r->books.accounts[i].ns;
	for (unsigned i = 1; i < r->n_phases; i++)
		wall += (r->phases[i].end_ns - r->phases[i].start_ns) * r->lanes;
	if (!wall || (double)waited < NOISY_SHARE * (double)wall)
		return;
	grown = realloc(r->warnings, (r->n_warnings + 1) * sizeof(*grown));
	if (!grown)
		return;
	r->warnings = grown;
	grown[r->n_warnings] = strdup(noisy);
	if (grown[r->n_warnings])
		r->n_warnings++;
}

/* Process numbers come round: the next run's must not meet this one's mappings. */
static void forget_processes(struct experiment *x, const struct run_result *r)
{
	for (size_t i = 0; i < r->profile.n; i++)
		symbols_process_forget(x->names, (pid_t)r->profile.entries[i]->tgid);
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

static int run_one(struct experiment *x, struct run_request *q, struct progress *progress,
	bool *ret_ok, bool *ret_interrupted, struct error *error)
{
	struct run_result result;
	int r;

	progress_run(progress, q);
	r = run_execute(&x->settings, q, &result, error);
	if (r == 0 && !result.interrupted) {
		warn_noise(&result);
		r = store_writer_run(x->store, &x->settings, q, &result, error);
	}
	if (r == 0)
		r = note_version(x, q, &result, error);
	forget_processes(x, &result);
	if (r == 0 && !result.interrupted)
		progress_done(progress, q, &result);
	*ret_ok = result.ok;
	*ret_interrupted = result.interrupted;
	run_result_done(&result);
	return r;
}

int experiment_run_all(struct experiment *x, struct error *error)
{
	struct progress progress;
	int status = x->n_failed ? EXIT_RUN_FAILED : EXIT_ALL_MEASURED;
	bool first = true;

	progress_begin(&progress, x->plan.n, x->n_measured, x->o->cooldown_s);
	for (size_t i = 0; i < x->plan.n; i++) {
		bool ok, interrupted;
		int r;

		if (x->measured && x->measured[i])
			continue;
		if (*x->settings.interrupted || (!first && !rest(x, &progress)))
			return EXIT_INTERRUPTED;
		first = false;
		r = run_one(x, &x->plan.runs[i], &progress, &ok, &interrupted, error);
		if (r < 0)
			return r;
		if (interrupted)
			return EXIT_INTERRUPTED;
		if (!ok)
			status = EXIT_RUN_FAILED;
	}
	return status;
}
