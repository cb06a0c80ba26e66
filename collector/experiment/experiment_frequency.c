/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How often is sampled: by --frequency auto, or as the user says. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/experiment/experiment_internal.h"
#include "collector/probes/tick_cost.h"
#include "collector/store/store_writer.h"
#include "common/cleanup.h"

/* The frequency that this experiment began with. */
static int frequency_again(struct experiment *x, struct error *error)
{
	_cleanup_free_ char *text = NULL;
	int r = store_writer_get(x->store, "frequency_hz", &text, error);

	if (r == 0)
		x->settings.frequency_hz = (unsigned)strtoul(text, NULL, 10);
	return r == -ENODATA ? 0 : r;
}

/* The user's own frequency: is what it takes worth a word? Where that cannot be measured there is none. */
static int judge_frequency(struct experiment *x, struct error *error)
{
	const unsigned hz = x->o->frequency_hz;
	struct error why = {0};
	int r;

	if (x->o->resume || hz <= TICK_HZ_HIGH)
		return 0;
	r = tick_cost_measure(&x->tick, &why);
	if (r < 0)
		return r == -ENODATA ? 0 : error_set(error, r, "%s", why.text);
	if (tick_cost_percent(x->tick.ns, hz) <= TICK_PERCENT_SAID)
		return 0;
	snprintf(x->tick_words, sizeof(x->tick_words),
		"Sampling at %u Hz is predicted to take %.1f %% of each CPU that works (a tick takes "
		"%.1f us here), so run times are longer by about that; --frequency auto takes less "
		"than %.1f %%",
		hz, tick_cost_percent(x->tick.ns, hz), (double)x->tick.ns / 1000,
		TICK_BUDGET_PERCENT);
	fprintf(stderr, "collector: %s\n", x->tick_words);
	return 0;
}

int experiment_choose_frequency(struct experiment *x, struct error *error)
{
	struct error why = {0};
	int r;

	if (!x->o->oncpu)
		return 0;
	if (x->o->frequency_hz)
		return judge_frequency(x, error);
	if (x->o->resume) {
		r = frequency_again(x, error);
		if (r < 0 || x->settings.frequency_hz)
			return r;
	}
	r = tick_cost_measure(&x->tick, &why);
	if (r < 0 && r != -ENODATA)
		return error_set(error, r, "%s", why.text);
	if (r < 0) {
		fprintf(stderr, "collector: %s; sampling at %d Hz\n", why.text, TICK_HZ_UNKNOWN);
		x->settings.frequency_hz = TICK_HZ_UNKNOWN;
		return 0;
	}
	x->settings.frequency_hz = tick_cost_frequency(x->tick.ns);
	fprintf(stderr,
		"collector: sampling at %u Hz: a tick takes %.1f us here, %.2f %% of a CPU\n",
		x->settings.frequency_hz, (double)x->tick.ns / 1000,
		tick_cost_percent(x->tick.ns, x->settings.frequency_hz));
	return 0;
}
