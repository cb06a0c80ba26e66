/* SPDX-License-Identifier: GPL-2.0-or-later */
/** What run queues of guests say: parallelism that the guest's scheduler lost, and that which the host's took from it. */
#include "reports/explain/words_internal.h"
#include "reports/text/format.h"

#define SHARE_TO_SAY 0.01 /* of a phase's lane time, for certain */
#define PART_TO_SAY  0.5  /* of a phase */

static void say_where(
	struct verdict *v, const struct configuration *c, const struct guest_queueing *q)
{
	say(v, "%s on %lld %s, phase %.*s: ", c->name, (long long)c->cores,
		cores_word(c->cores, c->scenario), said_of(q->phase), q->phase);
}

/* How long its phase is, ns: lanes are as long. */
static double length_of(const struct configuration *c, const struct guest_queueing *q)
{
	return q->lane_ns / (double)c->cores;
}

static void say_lost(
	struct verdicts *v, const struct configuration *c, const struct guest_queueing *q)
{
	struct verdict *verdict = verdict_begin(v, true);

	say_where(verdict, c, q);
	say(verdict,
		"for %s %% of lane time (95 %% interval %s to %s) a vCPU was idle while a runnable thread of "
		"the guest was queued on another vCPU (lost parallelism)",
		format_percent(q->lost_ns, q->lane_ns).text,
		format_percent(q->lost_low_ns, q->lane_ns).text,
		format_percent(q->lost_high_ns, q->lane_ns).text);
	/* Else it is spread over the phase. */
	if (q->within_ns < PART_TO_SAY * length_of(c, q))
		say(verdict, "; 90 %% of it in the first %s s of the phase",
			format_seconds(q->within_ns).text);
	say(verdict, ".");
}

static void say_stuck(
	struct verdicts *v, const struct configuration *c, const struct guest_queueing *q)
{
	struct verdict *verdict = verdict_begin(v, true);

	say_where(verdict, c, q);
	say(verdict,
		"for %s %% of lane time the host had preempted a vCPU on which threads of the guest were "
		"queued (double scheduling).",
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
