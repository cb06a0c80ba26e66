/* SPDX-License-Identifier: GPL-2.0-or-later */
/** What run queues of guests say: parallelism that the guest's scheduler lost, and that which the host's took from it. */
#include <math.h>

#include "reports/explain/words_internal.h"
#include "reports/text/format.h"

#define SHARE_TO_SAY 0.01 /* of a phase's lane time, for certain */

static void say_where(
	struct verdict *v, const struct configuration *c, const struct guest_queueing *q)
{
	say(v, "%s on %lld %s, phase %.*s: ", c->name, (long long)c->cores,
		cores_word(c->cores, c->scenario), said_of(q->phase), q->phase);
}

static void say_lost(
	struct verdicts *v, const struct configuration *c, const struct guest_queueing *q)
{
	struct verdict *verdict = verdict_begin(v, true);

	say_where(verdict, c, q);
	say(verdict,
		"in %s %% of the lanes' time (%s to %s by sampling) a vCPU had nothing to run while a "
		"thread of the guest waited for another one (lost parallelism)",
		format_percent(q->lost_ns, q->lane_ns).text,
		format_percent(q->lost_low_ns, q->lane_ns).text,
		format_percent(q->lost_high_ns, q->lane_ns).text);
	if (!isnan(q->within_ns))
		say(verdict, "; nine tenths of that in the first %s s of the phase",
			format_seconds(q->within_ns).text);
	say(verdict, ".");
}

static void say_stuck(
	struct verdicts *v, const struct configuration *c, const struct guest_queueing *q)
{
	struct verdict *verdict = verdict_begin(v, true);

	say_where(verdict, c, q);
	say(verdict,
		"in %s %% of the lanes' time the host ran something else on the CPU of a vCPU for "
		"which threads of the guest waited (double scheduling).",
		format_percent(q->stuck_ns, q->lane_ns).text);
}

void verdicts_of_queues(const struct configuration *c, struct verdicts *v)
{
	const struct guest_queueing *lost = NULL, *stuck = NULL;

	for (size_t i = 0; i < c->n_queueing; i++) {
		const struct guest_queueing *q = &c->queueing[i];

		if (q->position == 0) /* the boot */
			continue;
		if (q->lost_low_ns > SHARE_TO_SAY * q->lane_ns &&
			(!lost || q->lost_ns > lost->lost_ns))
			lost = q;
		if (q->stuck_ns > SHARE_TO_SAY * q->lane_ns &&
			(!stuck || q->stuck_ns > stuck->stuck_ns))
			stuck = q;
	}
	if (lost)
		say_lost(v, c, lost);
	if (stuck)
		say_stuck(v, c, stuck);
}
