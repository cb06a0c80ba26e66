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

void verdicts_of_detours(const struct configuration *c, struct verdicts *v)
{
	const struct detour_share *most = NULL;
	struct verdict *verdict;

	/* The most time first. */
	for (size_t i = 0; i < c->n_detours && !most; i++)
		if (is_known(&c->detours[i]))
			most = &c->detours[i];
	if (!most || !(most->whole_ns > 0))
		return;
	verdict = verdict_begin(v, true);
	say(verdict, "%s on %lld %s: the largest cause of detours is %s%s%.*s, %s %% of their time",
		c->name, (long long)c->cores, cores_word(c->cores, c->scenario), most->cause,
		strcmp(most->cause, "preempted") == 0 ? " by "
		: most->detail[0]                     ? ", "
						      : "",
		said_of(most->detail), most->detail, format_percent(most->ns, most->whole_ns).text);
	say(verdict, "; no cause is known for %s %%, and %s %% is in detours too short to be kept.",
		format_percent(share_of(c, "unmatched"), most->whole_ns).text,
		format_percent(share_of(c, "not kept"), most->whole_ns).text);
}
