/* SPDX-License-Identifier: GPL-2.0-or-later */
/** report gate A B --slower PERCENT: is B slower than A? For continuous integration: the exit status says it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/utf8.h"
#include "reports/command_pairs.h"
#include "reports/gate/gate.h"
#include "reports/text/format.h"
#include "reports/text/json.h"

/** Another build of the program is what a gate is for; other arguments, or other results, are not. */
static int check_workloads(const struct diff_set *c, struct error *error)
{
	char why[512];

	for (size_t i = 0; i < c->n_diffs; i++) {
		diff_workloads(&c->diffs[i]->pair, true, why, sizeof(why));
		if (*why)
			return error_set(
				error, -EINVAL, "%s: --force compares them all the same", why);
	}
	return 0;
}

/** A configuration of which a side has no run that ended well: nothing can be decided, and nothing must seem decided. */
static int check_failed(const struct diff_set *c, struct error *error)
{
	const struct configuration *a, *b, *bad;

	if (c->n_failed == 0)
		return 0;
	a = c->failed[0].a;
	b = c->failed[0].b;
	bad = b->n_ok == 0 ? b : a;
	if (bad->n_runs == 0)
		return 0;
	return error_set(error, -EINVAL, "no decision: all %zu runs of %s on %lld %s in %s failed",
		bad->n_runs, bad->name, (long long)bad->cores,
		cores_word(bad->cores, bad->scenario),
		c->operands[bad == b ? TREE_B : TREE_A].path);
}

static int open_pairs(struct diff_set *c, const struct report_options *o, struct error *error)
{
	int r = diff_set_open(c, o, error);

	if (r < 0)
		return r;
	r = diff_set_pair(c, error);
	/* What stores have in them is no mistake in what was typed. */
	if (r < 0 && !diff_set_is_same(c))
		error->user = false;
	if (c->n_failed > 0)
		r = check_failed(c, error);
	return r >= 0 && !o->force ? check_workloads(c, error) : r;
}

/** Call @each for every configuration of a side that is not compared. */
static void each_left_out(const struct diff_set *c, int side,
	void (*each)(const struct configuration *x, void *userdata), void *userdata)
{
	const struct summary *s = c->operands[side].summary;

	for (size_t i = 0; i < s->n_configurations; i++)
		if (diff_set_leaves_out(c, side, &s->configurations[i]))
			each(&s->configurations[i], userdata);
}

static void print_left_out(const struct configuration *x, void *userdata)
{
	const char **intro = userdata;

	printf("%s%s:%lld", *intro, x->name, (long long)x->cores);
	*intro = ", ";
}

static void print_all_left_out(const struct diff_set *c)
{
	static const char *const intros[] = {
		"Not compared, as B has it not: ", "Not compared, as A has it not: "};

	for (int side = 0; side < TREE_SIDES; side++) {
		const char *intro = intros[side];

		each_left_out(c, side, print_left_out, &intro);
		if (intro != intros[side])
			putchar('\n');
	}
}

/** The document's list of what is left out of one side. */
struct left_out {
	json_t *list;
	bool bad;
};

static void add_left_out(const struct configuration *x, void *userdata)
{
	struct left_out *l = userdata;
	json_t *o = json_object();

	l->bad |= put(o, "stack", text(x->name));
	l->bad |= put(o, "cores", number(x->cores));
	l->bad |= json_array_append_new(l->list, o) < 0;
}

static bool put_left_out(json_t *document, const char *key, const struct diff_set *c, int side)
{
	struct left_out l = {.list = json_array()};

	each_left_out(c, side, add_left_out, &l);
	return put(document, key, l.list) || l.bad;
}

static int print_json(const struct gate *g, const struct diff_set *c,
	const char *const names[TREE_SIDES], struct error *error)
{
	json_t *document = gate_json(g);
	bool bad = !document;

	bad |= put(document, "guestscope", text(GUESTSCOPE_VERSION));
	bad |= put(document, "a", text(names[TREE_A]));
	bad |= put(document, "b", text(names[TREE_B]));
	bad |= put_left_out(document, "only_a", c, TREE_A);
	bad |= put_left_out(document, "only_b", c, TREE_B);
	document = finish(document, bad);
	return document ? command_print_json(document, error) : error_no_memory(error);
}

static int print(const struct gate *g, const struct diff_set *c, const struct report_options *o,
	struct error *error)
{
	_cleanup_free_ char *a = utf8_clean(o->paths[0], strlen(o->paths[0]), false);
	_cleanup_free_ char *b = utf8_clean(o->paths[1], strlen(o->paths[1]), false);
	int r;

	if (!a || !b)
		return error_no_memory(error);
	if (o->json)
		return print_json(g, c, (const char *const[]){a, b}, error);
	printf("A: %s; B: %s\n\n", a, b);
	r = gate_write_text(g, stdout);
	print_all_left_out(c);
	return r < 0 ? error_set_errno(error, r, "cannot write to standard output") : 0;
}

int command_gate(const struct report_options *o, struct error *error)
{
	_cleanup_(diff_set_clear) struct diff_set c = {};
	_cleanup_gate_ struct gate *g = NULL;
	struct gate_question q = {.strict = o->strict, .metrics = o->metric};
	int r;

	if (!o->slower)
		return error_set_user(
			error, -EINVAL, "how much slower may B be? report gate A B --slower 2%%");
	r = gate_bound_parse("slower", o->slower, &q.bound, error);
	if (r >= 0)
		r = open_pairs(&c, o, error);
	if (r < 0)
		return r;
	q.pairs = c.diffs;
	q.n_pairs = c.n_diffs;
	r = gate_make(&q, &g, error);
	if (r >= 0)
		r = print(g, &c, o, error);
	return r < 0 ? r : gate_is_passed(g) ? 0 : COMMAND_NO;
}
