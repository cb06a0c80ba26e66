/* SPDX-License-Identifier: GPL-2.0-or-later */
/** What held the loop of noise up most, and how much of it nothing explains. */
#include <string.h>

#include "reports/explain/words_internal.h"
#include "reports/text/format.h"

static bool is_known(const struct detour_share *d)
{
	return strcmp(d->cause, "unmatched") != 0 && strcmp(d->cause, "not kept") != 0;
}

/* A cause's part, whatever or whoever of it: the table below has it by detail. */
struct part {
	const struct detour_share *largest; /* of its rows */
	double ns;
};

struct parts {
	struct part list[DETOUR_CAUSES_MAX];
	size_t n;
};

/* The most time comes first, so a cause's first row is its largest. */
static void sum_up(const struct configuration *c, struct parts *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < c->n_detours; i++) {
		size_t k = 0;

		while (k < ret->n && ret->list[k].largest->cause != c->detours[i].cause)
			k++;
		if (k == DETOUR_CAUSES_MAX)
			continue;
		if (k == ret->n)
			ret->list[ret->n++] = (struct part){.largest = &c->detours[i]};
		ret->list[k].ns += c->detours[i].ns;
	}
}

static double share_of(const struct parts *p, const char *cause)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->list[i].largest->cause, cause) == 0)
			return p->list[i].ns;
	return 0;
}

static const struct part *largest_cause(const struct parts *p)
{
	const struct part *most = NULL;

	for (size_t i = 0; i < p->n; i++)
		if (is_known(p->list[i].largest) && (!most || p->list[i].ns > most->ns))
			most = &p->list[i];
	return most;
}

void verdicts_of_detours(const struct configuration *c, struct verdicts *v)
{
	struct parts parts;
	const struct part *part;
	const struct detour_share *most;
	struct verdict *verdict;

	sum_up(c, &parts);
	part = largest_cause(&parts);
	if (!part || !(part->largest->whole_ns > 0))
		return;
	most = part->largest;
	verdict = verdict_begin(v, true);
	say(verdict, "%s on %lld %s: the largest cause of detours is %s, with %s %% of their time",
		c->name, (long long)c->cores, cores_word(c->cores, c->scenario), most->cause,
		format_percent(part->ns, most->whole_ns).text);
	if (most->detail[0])
		say(verdict, " (%s%.*s alone: %s %%)",
			strcmp(most->cause, "preempted") == 0 ? "by " : "", said_of(most->detail),
			most->detail, format_percent(most->ns, most->whole_ns).text);
	say(verdict, "; no cause is known for %s %%, and %s %% is in detours too short to be kept.",
		format_percent(share_of(&parts, "unmatched"), most->whole_ns).text,
		format_percent(share_of(&parts, "not kept"), most->whole_ns).text);
}
