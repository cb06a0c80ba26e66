/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/experiment/stopping.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"

#define ALL_LOOKS 0.05 /* by how much they may err together */

static bool asked(const struct stopping *s)
{
	return s->o && s->o->until.share > 0;
}

/* What a name says of a configuration. */
enum {
	SAYS_STACK = 1,
	SAYS_VARIANT = 2,
	SAYS_LABEL = 4,
};

/* Takes @word from *rest, where a name, or a part of it, ends behind it. */
static bool take(const char **rest, const char *word)
{
	size_t length = word ? strlen(word) : 0;

	if (!length || strncmp(*rest, word, length) != 0 || !strchr(":@", (*rest)[length]))
		return false;
	*rest += length;
	return true;
}

static bool take_after(const char **rest, char mark, const char *word)
{
	const char *word_at = *rest + 1;

	if (**rest != mark || !take(&word_at, word))
		return false;
	*rest = word_at;
	return true;
}

/* STACK, STACK:VARIANT or VARIANT, each with @LABEL or without. What it says; 0: it is another's name. */
static unsigned says(const struct run_request *q, const char *name)
{
	const char *rest = name;
	unsigned said = 0;

	if (take(&rest, q->ops->name))
		said = SAYS_STACK | (take_after(&rest, ':', q->variant) ? SAYS_VARIANT : 0);
	else if (take(&rest, q->variant))
		said = SAYS_VARIANT;
	if (said && take_after(&rest, '@', q->label))
		said |= SAYS_LABEL;
	return *rest ? 0 : said;
}

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* In what the two names leave open they must agree: osv/native is that in each variant. */
static bool are_compared(const struct run_request *a, unsigned said_of_a,
	const struct run_request *b, unsigned said_of_b)
{
	unsigned said = said_of_a & said_of_b;

	return said_of_a && said_of_b && a != b && a->lanes == b->lanes &&
	       ((said & SAYS_STACK) || a->ops == b->ops) &&
	       ((said & SAYS_VARIANT) || same(a->variant, b->variant)) &&
	       ((said & SAYS_LABEL) || same(a->label, b->label));
}

static const struct run_request *run_of(const struct stopping *s, size_t i)
{
	return &s->runs[s->runs_of[i]];
}

static void add_name(char *names, size_t size, const struct run_request *q)
{
	snprintf(names + strlen(names), size - strlen(names), "%s%s%s%s%s%s", names[0] ? ", " : "",
		q->ops->name, q->variant ? ":" : "", q->variant ? q->variant : "",
		q->label[0] ? "@" : "", q->label);
}

static int check_comparison(const struct stopping *s, struct error *error)
{
	const struct until_aim *aim = &s->o->until;
	char names[256] = "";

	for (size_t i = 0; i < s->n_samples; i++) {
		const struct run_request *q = run_of(s, i);

		for (size_t k = 0; k < s->n_samples; k++)
			if (are_compared(
				    q, says(q, aim->a), run_of(s, k), says(run_of(s, k), aim->b)))
				return 0;
		if (q->lanes == run_of(s, 0)->lanes)
			add_name(names, sizeof(names), q);
	}
	return error_set_user(error, -EINVAL,
		"--until compares '%s' with '%s', and no such two are measured on the same number of cores: "
		"there is %s",
		aim->a, aim->b, names);
}

/* Its runs in the first block tell how many configurations there are. */
static int find_configurations(struct stopping *s)
{
	for (size_t i = 0; i < s->n_runs; i++)
		if (s->runs[i].block == 1 && s->runs[i].configuration >= s->n_samples)
			s->n_samples = s->runs[i].configuration + 1;
	s->samples = calloc(s->n_samples + 1, sizeof(*s->samples));
	s->runs_of = calloc(s->n_samples + 1, sizeof(*s->runs_of));
	s->done = json_array();
	if (!s->samples || !s->runs_of || !s->done)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_runs; i++)
		if (s->runs[i].block == 1)
			s->runs_of[s->runs[i].configuration] = i;
	return 0;
}

int stopping_begin(
	struct stopping *s, const struct options *o, const struct plan *plan, struct error *error)
{
	int r;

	*s = (struct stopping){.o = o, .runs = plan->runs, .n_runs = plan->n, .width = INFINITY};
	if (!asked(s))
		return 0;
	s->begin_ns = clock_ns();
	s->n_looks = until_looks(o->repeat, o->max_runs, s->looks);
	s->n_levels = s->n_looks + (o->max_time_s > 0);
	r = find_configurations(s);
	return r == 0 && o->until.a[0] ? check_comparison(s, error) : r;
}

void stopping_add(struct stopping *s, const struct run_request *q, double ns, bool fresh)
{
	if (!asked(s) || !q->counted)
		return;
	if (fresh && !s->first_block)
		s->first_block = q->block;
	if (!isnan(ns))
		until_add(&s->samples[q->configuration], ns);
}

/* As the reports call it. */
static void name_of(const struct run_request *q, char *ret, size_t size)
{
	snprintf(ret, size, "%s%s%s%s%s%s", q->ops->name, q->variant ? " (" : "",
		q->variant ? q->variant : "", q->variant ? ")" : "", q->label[0] ? " " : "",
		q->label);
}

static void widen(struct stopping *s, const struct until_sample *const *samples, size_t n,
	const struct run_request *q, const struct run_request *other)
{
	double width = until_width(samples, n, s->n_levels);
	char name[128], others[128] = "";

	if (s->widest[0] && !(width > s->width))
		return;
	name_of(q, name, sizeof(name));
	if (other)
		name_of(other, others, sizeof(others));
	s->width = width;
	snprintf(s->widest, sizeof(s->widest), "%s%s%s on %u %s", name, other ? " over " : "",
		others, q->lanes, q->lanes == 1 ? "core" : "cores");
}

/* The named comparison, on each number of cores; or each configuration. */
static void find_widest(struct stopping *s)
{
	const struct until_aim *aim = &s->o->until;

	s->widest[0] = '\0';
	s->width = INFINITY;
	for (size_t i = 0; i < s->n_samples; i++) {
		const struct run_request *q = run_of(s, i);

		if (!aim->a[0])
			widen(s, &(const struct until_sample *){&s->samples[i]}, 1, q, NULL);
		for (size_t k = 0; k < s->n_samples && aim->a[0]; k++)
			if (are_compared(
				    q, says(q, aim->a), run_of(s, k), says(run_of(s, k), aim->b)))
				widen(s,
					(const struct until_sample *[]){
						&s->samples[i], &s->samples[k]},
					2, q, run_of(s, k));
	}
}

static bool is_planned(const struct stopping *s)
{
	for (size_t i = 0; i < s->n_looks; i++)
		if (s->looks[i] == s->blocks)
			return true;
	return false;
}

/* Would another block end later than it may? The first blocks, which were asked for, are measured in any case. */
static bool is_out_of_time(const struct stopping *s)
{
	double spent_s = (double)(clock_ns() - s->begin_ns) / 1e9;

	return s->o->max_time_s && s->blocks >= s->o->repeat && s->first_block &&
	       spent_s + spent_s / (s->blocks - s->first_block + 1) > s->o->max_time_s;
}

bool stopping_look(struct stopping *s, const struct run_request *q)
{
	bool late;

	if (!asked(s) || q->block == 0 ||
		(size_t)(q + 1 - s->runs) % s->n_samples != s->n_runs % s->n_samples)
		return false;
	s->blocks = q->block;
	find_widest(s);
	late = is_out_of_time(s);
	if (!late && !is_planned(s))
		return false;
	if (s->width <= s->o->until.share)
		s->end = STOPPING_REACHED;
	else if (s->blocks >= s->o->max_runs)
		s->end = STOPPING_RUNS;
	else if (late)
		s->end = STOPPING_TIME;
	json_array_append_new(
		s->done, json_pack("{s:i, s:o, s:s}", "runs", (int)s->blocks, "width",
				 isfinite(s->width) ? json_real(s->width) : json_null(), "widest",
				 s->widest));
	return true;
}

json_t *stopping_record(const struct stopping *s)
{
	static const char *const ends[] = {
		[STOPPING_REACHED] = "reached", [STOPPING_RUNS] = "runs", [STOPPING_TIME] = "time"};
	const struct options *o = s->o;
	json_t *planned = json_array(), *record;

	for (size_t i = 0; i < s->n_looks; i++)
		json_array_append_new(planned, json_integer(s->looks[i]));
	record = json_pack("{s:s, s:f, s:s?, s:s?, s:i, s:i, s:i, s:f, s:o, s:O, s:s?}", "of",
		o->boot_only ? "boot" : "runtime", "share", o->until.share, "a",
		o->until.a[0] ? o->until.a : NULL, "b", o->until.b[0] ? o->until.b : NULL, "least",
		(int)o->repeat, "most", (int)o->max_runs, "max_time_s", (int)o->max_time_s, "level",
		1 - ALL_LOOKS / (double)s->n_levels, "planned", planned, "looks", s->done, "ended",
		ends[s->end]);
	return record;
}

size_t stopping_expected(const struct stopping *s)
{
	size_t first = s->n_runs - (size_t)s->o->max_runs * s->n_samples; /* warm-ups */
	double blocks = s->o->repeat;

	if (isfinite(s->width) && s->blocks)
		blocks = until_needed(s->blocks, s->width, s->o->until.share);
	for (size_t i = 0; i < s->n_looks; i++)
		if (s->looks[i] > s->blocks && s->looks[i] >= blocks)
			return first + s->looks[i] * s->n_samples;
	return s->n_runs;
}

void stopping_done(struct stopping *s)
{
	free(s->samples);
	free(s->runs_of);
	json_decref(s->done);
	*s = (struct stopping){0};
}
