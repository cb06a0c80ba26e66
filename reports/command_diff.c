/* SPDX-License-Identifier: GPL-2.0-or-later */
/** report diff A B: differential flame graphs, and a table of what changed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "reports/command.h"
#include "reports/diff/diff.h"
#include "reports/output/output.h"

/** What "DIR", "DIR:STACK" or "DIR:STACK:CORES" names. */
struct operand {
	char *text;        /* a copy of the argument, cut into what follows */
	const char *path;  /* of the experiment */
	const char *stack; /* NULL: all */
	int64_t cores;     /* 0: all */
	struct store_reader *store;
	struct summary *summary;
	struct flames *flames;
};

struct diff_set {
	struct operand operands[TREE_SIDES];
	bool one_store; /* B's store and summary are A's */
	struct diff **diffs;
	char *(*names)[TREE_SIDES]; /* what the operands are called in each */
	size_t n_diffs;
};

static void diff_set_clear(struct diff_set *c)
{
	for (size_t i = 0; i < c->n_diffs; i++) {
		diff_free(c->diffs[i]);
		for (int side = 0; side < TREE_SIDES; side++)
			free(c->names[i][side]);
	}
	free(c->diffs);
	free(c->names);
	for (int side = 0; side < TREE_SIDES; side++) {
		struct operand *o = &c->operands[side];

		if (side == TREE_A || !c->one_store) {
			flames_free(o->flames);
			summary_free(o->summary);
			store_reader_close(o->store);
		}
		free(o->text);
	}
}

/** Cut what follows the last ':' off; NULL: there is none. */
static char *cut_last(char *text)
{
	char *colon = strrchr(text, ':');

	if (!colon)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

/** Is the path not there, but one that ends at an earlier ':', or the other operand's? */
static bool has_too_many_words(const struct operand *o)
{
	_cleanup_free_ char *path = strdup(o->path);
	struct stat st;

	if (!path || stat(path, &st) == 0)
		return false;
	while (cut_last(path))
		if (!*path || stat(path, &st) == 0)
			return true;
	return false;
}

static int parse_operand(
	const char *argument, const char *other_path, struct operand *ret, struct error *error)
{
	struct stat st;
	char *last;

	ret->text = strdup(argument);
	if (!ret->text)
		return error_set_errno(error, -ENOMEM, "cannot compare");
	ret->path = ret->text;
	/* A folder's own name may hold colons. */
	if (stat(argument, &st) == 0)
		return 0;
	last = cut_last(ret->text);
	if (last && *last && last[strspn(last, "0123456789")] == '\0') {
		ret->cores = strtoll(last, NULL, 10);
		last = cut_last(ret->text);
		if (!last)
			return error_set_user(
				error, -EINVAL, "\"%s\" names no stack: DIR:STACK:CORES", argument);
	}
	ret->stack = last && *last ? last : NULL;
	if (has_too_many_words(ret))
		return error_set_user(error, -EINVAL,
			"\"%s\" is none of DIR, DIR:STACK and DIR:STACK:CORES", argument);
	if (*ret->text)
		return 0;
	if (!other_path)
		return error_set_user(error, -EINVAL,
			"\"%s\" names no experiment: DIR, DIR:STACK or DIR:STACK:CORES", argument);
	ret->path = other_path;
	return 0;
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int open_operands(struct diff_set *c, enum stack_order order, struct error *error)
{
	struct operand *a = &c->operands[TREE_A], *b = &c->operands[TREE_B];

	c->one_store = same_file(a->path, b->path);
	for (int side = 0; side < TREE_SIDES; side++) {
		struct operand *o = &c->operands[side];
		int r;

		if (side == TREE_B && c->one_store) {
			o->store = a->store;
			o->summary = a->summary;
			o->flames = a->flames;
			continue;
		}
		r = store_reader_open(o->path, &o->store, error);
		if (r < 0)
			return r;
		store_set_order(o->store, order);
		r = summary_make(o->store, &o->summary);
		if (r >= 0)
			r = flames_make(o->summary, &o->flames);
		if (r < 0)
			return error_set_errno(error, r, "cannot sum up %s", o->path);
	}
	return 0;
}

/** Is @configuration of the stack that the operand names, if it names one? */
static bool takes_stack(const struct operand *o, const struct configuration *configuration)
{
	return configuration->n_ok > 0 &&
	       (!o->stack || strcmp(o->stack, configuration->guest) == 0 ||
		       strcmp(o->stack, configuration->name) == 0);
}

/** Does @configuration belong to what the operand names? */
static bool takes(const struct operand *o, const struct configuration *configuration)
{
	return takes_stack(o, configuration) && (o->cores == 0 || o->cores == configuration->cores);
}

/**
 * Are these two configurations to be compared? Who names stacks or cores on both sides says so;
 * what is left open must be equal, the scenario too unless @any_scenario.
 */
static bool are_pair(const struct diff_set *c, const struct configuration *x,
	const struct configuration *y, bool any_scenario)
{
	const struct operand *a = &c->operands[TREE_A], *b = &c->operands[TREE_B];

	if (!takes(a, x) || !takes(b, y) || x == y)
		return false;
	return ((a->stack && b->stack) ||
		       (strcmp(x->guest, y->guest) == 0 && strcmp(x->label, y->label) == 0)) &&
	       (any_scenario || strcmp(x->scenario, y->scenario) == 0) &&
	       ((a->cores && b->cores) || x->cores == y->cores);
}

/** The last part of a path, without trailing slashes. */
static char *base_name(const char *path)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	char *slash = real ? strrchr(real, '/') : NULL;

	if (slash && strcmp(slash + 1, STORE_FILE_NAME) == 0) {
		*slash = '\0';
		slash = strrchr(real, '/');
	}
	return strdup(slash ? slash + 1 : path);
}

/** What to call a side: the stack, with experiment and cores where they tell the two apart. */
static char *name_side(
	const struct diff_set *c, int side, const struct configuration *configuration, bool cores)
{
	_cleanup_free_ char *own = base_name(c->operands[side].path);
	_cleanup_free_ char *other = base_name(c->operands[!side].path);
	const char *folder = own && other && strcmp(own, other) != 0 ? own : c->operands[side].path;
	char count[32] = "", *name = NULL;

	if (cores)
		snprintf(count, sizeof(count), "-%lld", (long long)configuration->cores);
	if (asprintf(&name, "%s%s%s%s", configuration->name, c->one_store ? "" : "@",
		    c->one_store ? "" : folder, count) < 0)
		return NULL;
	return name;
}

static int add_pair(struct diff_set *c, const struct configuration *x,
	const struct configuration *y, struct error *error)
{
	const struct configuration *configurations[] = {x, y};
	struct diff_pair pair = {};
	char **names = c->names[c->n_diffs];
	int r;

	c->n_diffs++;
	for (int side = 0; side < TREE_SIDES; side++) {
		names[side] = name_side(c, side, configurations[side], x->cores != y->cores);
		if (!names[side])
			return error_set_errno(error, -ENOMEM, "cannot compare");
		pair.sides[side] = (struct diff_operand){c->operands[side].summary,
			c->operands[side].flames, configurations[side], names[side]};
	}
	r = diff_make(&pair, &c->diffs[c->n_diffs - 1]);
	if (r == -EBADMSG)
		for (int side = 0; side < TREE_SIDES; side++)
			if (*store_reader_error(c->operands[side].store))
				return error_set(error, r, "%s",
					store_reader_error(c->operands[side].store));
	return r < 0 ? error_set_errno(error, r, "cannot compare") : 0;
}

/** "native:1, native:2, osv:2": what a store has, for those who named something else. */
static void list_configurations(const struct operand *o, char *text, size_t size)
{
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < o->summary->n_configurations && used < size; i++) {
		const struct configuration *configuration = &o->summary->configurations[i];

		if (configuration->n_ok > 0)
			used += (size_t)snprintf(text + used, size - used, "%s%.60s:%lld",
				used ? ", " : "", configuration->name,
				(long long)configuration->cores);
	}
	if (!*text)
		snprintf(text, size, "no runs that ended well");
}

/** A stack, or a number of cores, that the store has not. */
static int check_operand(const struct diff_set *c, int side, struct error *error)
{
	const struct operand *o = &c->operands[side];
	bool any_stack = false;
	char has[300];

	for (size_t i = 0; i < o->summary->n_configurations; i++) {
		if (takes(o, &o->summary->configurations[i]))
			return 0;
		any_stack |= takes_stack(o, &o->summary->configurations[i]);
	}
	list_configurations(o, has, sizeof(has));
	if (o->stack && !any_stack)
		return error_set_user(error, -EINVAL, "%c has no stack \"%s\": %s has %s",
			"AB"[side], o -> stack, o -> path, has);
	if (any_stack && o->cores)
		return error_set_user(error, -EINVAL, "%c has no \"%s:%lld\": %s has %s",
			"AB"[side], o -> stack ? o -> stack : "", (long long)o->cores, o->path,
			has);
	return 0;
}

static int add_pairs(struct diff_set *c, bool any_scenario, struct error *error)
{
	const struct summary *a = c->operands[TREE_A].summary, *b = c->operands[TREE_B].summary;

	for (size_t i = 0; i < a->n_configurations; i++) {
		for (size_t j = 0; j < b->n_configurations; j++) {
			int r;

			if (!are_pair(
				    c, &a->configurations[i], &b->configurations[j], any_scenario))
				continue;
			r = add_pair(c, &a->configurations[i], &b->configurations[j], error);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/** Do both operands name the same of one experiment? */
static bool are_the_same(const struct diff_set *c)
{
	const struct operand *a = &c->operands[TREE_A], *b = &c->operands[TREE_B];

	return c->one_store && a->cores == b->cores &&
	       strcmp(a->stack ? a->stack : "", b->stack ? b->stack : "") == 0;
}

static int find_pairs(struct diff_set *c, struct error *error)
{
	const struct summary *a = c->operands[TREE_A].summary, *b = c->operands[TREE_B].summary;
	char has_a[300], has_b[300];
	int r;

	c->diffs = calloc(a->n_configurations * b->n_configurations + 1, sizeof(struct diff *));
	c->names = calloc(a->n_configurations * b->n_configurations + 1, sizeof(*c->names));
	if (!c->diffs || !c->names)
		return error_set_errno(error, -ENOMEM, "cannot compare");
	r = add_pairs(c, false, error);
	if (r >= 0 && c->n_diffs == 0)
		r = add_pairs(c, true, error);
	if (r < 0 || c->n_diffs > 0)
		return r;
	list_configurations(&c->operands[TREE_A], has_a, sizeof(has_a));
	if (are_the_same(c))
		return error_set_user(error, -EINVAL,
			"A and B are the same: name two of what it has (%s) as DIR:STACK or "
			"DIR:STACK:CORES",
			has_a);
	list_configurations(&c->operands[TREE_B], has_b, sizeof(has_b));
	return error_set_user(error, -EINVAL,
		"nothing to compare: A has %s; B has %s: name what to compare as DIR:STACK or "
		"DIR:STACK:CORES",
		has_a, has_b);
}

static int check_workloads(const struct diff_set *c, struct error *error)
{
	char why[512];

	for (size_t i = 0; i < c->n_diffs; i++) {
		diff_workloads(&c->diffs[i]->pair, why, sizeof(why));
		if (*why)
			return error_set(
				error, -EINVAL, "%s: --force compares them all the same", why);
	}
	return 0;
}

/** What one file is made from. */
struct flame_file {
	const struct diff *diff;
	size_t kind;
};

static int fill_flame(void *userdata, FILE *out)
{
	const struct flame_file *f = userdata;

	return diff_flame(f->diff, f->kind, true, 0, 0, out);
}

static int fill_states(void *userdata, FILE *out)
{
	const struct diff_set *c = userdata;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < c->n_diffs; i++)
		r = diff_write_states_csv(c->diffs[i], i == 0, out);
	return r;
}

static int fill_functions(void *userdata, FILE *out)
{
	const struct diff_set *c = userdata;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < c->n_diffs; i++)
		r = diff_write_functions_csv(c->diffs[i], i == 0, out);
	return r;
}

static int write_flames(
	const struct diff_set *c, size_t index, struct output *output, struct error *error)
{
	const struct diff *d = c->diffs[index];

	for (size_t k = 0; k < FLAME_KINDS; k++) {
		struct flame_file file = {d, k};
		_cleanup_free_ char *name = NULL;
		int r;

		if (!d->trees[k])
			continue;
		name = diff_flame_name(d, k);
		if (!name)
			return error_set_errno(error, -ENOMEM, "cannot compare");
		r = output_file(output, name, fill_flame, &file, error);
		if (r < 0)
			return r;
	}
	return 0;
}

/** Make all files; they appear when @ret is committed. */
static int make_files(struct diff_set *c, const struct report_options *o, struct output **ret,
	struct error *error)
{
	_cleanup_output_ struct output *output = NULL;
	_cleanup_free_ char *folder = command_target(o, c->operands[TREE_B].path);
	int r;

	if (!folder)
		return error_set_errno(error, -ENOMEM, "cannot compare");
	r = output_open(folder, !o->output || o->force, &output, error);
	for (size_t i = 0; r >= 0 && i < c->n_diffs; i++)
		r = write_flames(c, i, output, error);
	if (r >= 0)
		r = output_file(output, "diff-states.csv", fill_states, c, error);
	if (r >= 0)
		r = output_file(output, "diff-functions.csv", fill_functions, c, error);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(output);
	return 0;
}

static int print_json(const struct diff_set *c, struct error *error)
{
	json_t *document = json_object(), *array = json_array();
	int r = document && array ? 0 : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < c->n_diffs; i++)
		r = json_array_append_new(array, diff_json(c->diffs[i]));
	if (r >= 0)
		r = json_object_set_new(document, "guestscope", json_string(GUESTSCOPE_VERSION));
	if (r >= 0)
		r = json_object_set(document, "differences", array);
	json_decref(array);
	if (r >= 0)
		return command_print_json(document, error);
	json_decref(document);
	return error_set_errno(error, -ENOMEM, "cannot compare");
}

static int print_text(const struct diff_set *c, struct error *error)
{
	for (size_t i = 0; i < c->n_diffs; i++) {
		int r = diff_write_text(c->diffs[i], stdout);

		if (r < 0)
			return error_set_errno(error, r, "cannot write to standard output");
		putchar('\n');
	}
	return 0;
}

int command_diff(const struct report_options *o, struct error *error)
{
	_cleanup_(diff_set_clear) struct diff_set c = {};
	_cleanup_output_ struct output *output = NULL;
	int committed, r = parse_operand(o->paths[0], NULL, &c.operands[TREE_A], error);

	if (r >= 0)
		r = parse_operand(o->paths[1], c.operands[TREE_A].path, &c.operands[TREE_B], error);
	if (r >= 0)
		r = open_operands(&c, o->order, error);
	for (int side = 0; r >= 0 && side < TREE_SIDES; side++)
		r = check_operand(&c, side, error);
	if (r >= 0)
		r = find_pairs(&c, error);
	if (r >= 0 && !o->force)
		r = check_workloads(&c, error);
	if (r >= 0)
		r = make_files(&c, o, &output, error);
	if (r < 0)
		return r;
	/* The files do not depend on whether anybody reads the text. */
	r = o->json ? print_json(&c, error) : print_text(&c, error);
	committed = output_commit(output, o->json ? NULL : command_print_path, NULL, error);
	return r < 0 ? r : committed;
}
