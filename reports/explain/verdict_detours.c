/* SPDX-License-Identifier: GPL-2.0-or-later */
/** What held the loop of noise up most, and how much of it nothing explains. */
#include <string.h>

#include "reports/explain/words_internal.h"
#include "reports/text/format.h"

static bool is_known(const struct detour_share *d)
{
	return strcmp(d->cause, "unmatched") != 0 && strcmp(d->cause, "not kept") != 0;
}

static double share_of(const struct configuration *c, const char *cause)
{
	double ns = 0;

	for (size_t i = 0; i < c->n_detours; i++)
		ns += strcmp(c->detours[i].cause, cause) == 0 ? c->detours[i].ns : 0;
	return ns;
}

/* A cause's part, whatever or whoever of it: the table below has it by detail. */
static const struct detour_share *largest_cause(const struct configuration *c)
{
	const struct detour_share *most = NULL;

	/* The most time first, so this is also the cause's largest row. */
	for (size_t i = 0; i < c->n_detours; i++) {
		const struct detour_share *d = &c->detours[i];

		if (is_known(d) && (!most || share_of(c, d->cause) > share_of(c, most->cause)))
			most = d;
	}
	return most;
}

void verdicts_of_detours(const struct configuration *c, struct verdicts *v)
{
	const struct detour_share *most = largest_cause(c);
	struct verdict *verdict;

	if (!most || !(most->whole_ns > 0))
		return;
	verdict = verdict_begin(v, true);
	say(verdict, "%s on %lld %s: the largest cause of detours is %s, with %s %% of their time",
		c->name, (long long)c->cores, cores_word(c->cores, c->scenario), most->cause,
		format_percent(share_of(c, most->cause), most->whole_ns).text);
	if (most->detail[0])
		say(verdict, " (%s%.*s alone: %s %%)",
			strcmp(most->cause, "preempted") == 0 ? "by " : "", said_of(most->detail),
			most->detail, format_percent(most->ns, most->whole_ns).text);
	say(verdict, "; no cause is known for %s %%, and %s %% is in detours too short to be kept.",
		format_percent(share_of(c, "unmatched"), most->whole_ns).text,
		format_percent(share_of(c, "not kept"), most->whole_ns).text);
}
