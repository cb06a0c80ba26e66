/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/command_pairs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/utf8.h"

void diff_set_clear(struct diff_set *c)
{
	for (size_t i = 0; i < c->n_diffs; i++) {
		diff_free(c->diffs[i]);
		for (int side = 0; side < TREE_SIDES; side++)
			free(c->names[i][side]);
	}
	free(c->diffs);
	free(c->names);
	free(c->failed);
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
			"\"%s\" is none of DIR, DIR:STACK and DIR:STACK:CORES (a variant is "
			"named in place of STACK: thread, or 'osv (thread)')",
			argument);
	if (*ret->text)
		return 0;
	if (!other_path)
		return error_set_user(error, -EINVAL,
			"\"%s\" names no experiment: DIR, DIR:STACK or DIR:STACK:CORES", argument);
	ret->path = other_path;
	return 0;
}

bool command_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int open_operands(struct diff_set *c, enum stack_order order, struct error *error)
{
	struct operand *a = &c->operands[TREE_A], *b = &c->operands[TREE_B];

	c->one_store = command_same_file(a->path, b->path);
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

static bool names_variant(const struct operand *o, const struct configuration *configuration)
{
	return o->stack && *configuration->variant && strcmp(o->stack, configuration->variant) == 0;
}

/** Is @configuration of the stack, or the variant, that the operand names, if it names one? */
static bool names_stack(const struct operand *o, const struct configuration *configuration)
{
	return !o->stack || strcmp(o->stack, configuration->guest) == 0 ||
	       strcmp(o->stack, configuration->name) == 0 || names_variant(o, configuration);
}

/** Does @configuration belong to what the operand names? */
static bool names(const struct operand *o, const struct configuration *configuration)
{
	return names_stack(o, configuration) && (o->cores == 0 || o->cores == configuration->cores);
}

/** Stacks in one variant where stacks are named, variants of one stack where variants are, both where neither is. */
static bool are_of_row(
	const struct diff_set *c, const struct configuration *x, const struct configuration *y)
{
	const struct operand *a = &c->operands[TREE_A], *b = &c->operands[TREE_B];
	bool same_guest = strcmp(x->guest, y->guest) == 0,
	     same_variant = strcmp(x->variant, y->variant) == 0;

	if (!a->stack || !b->stack)
		return same_guest && same_variant && strcmp(x->label, y->label) == 0;
	if (names_variant(a, x) && names_variant(b, y))
		return same_guest;
	return strcmp(a->stack, x->guest) != 0 || strcmp(b->stack, y->guest) != 0 || same_variant;
}

/**
 * Are these two configurations to be compared? Who names stacks or cores on both sides says so;
 * what is left open must be equal, the scenario too unless @any_scenario.
 */
static bool are_pair(const struct diff_set *c, const struct configuration *x,
	const struct configuration *y, bool any_scenario)
{
	const struct operand *a = &c->operands[TREE_A], *b = &c->operands[TREE_B];

	if (!names(a, x) || !names(b, y) || x == y)
		return false;
	return are_of_row(c, x, y) && (any_scenario || strcmp(x->scenario, y->scenario) == 0) &&
	       ((a->cores && b->cores) || x->cores == y->cores);
}

char *command_base_name(const char *path)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	char *slash = real ? strrchr(real, '/') : NULL;

	if (slash && strcmp(slash + 1, STORE_FILE_NAME) == 0) {
		*slash = '\0';
		slash = strrchr(real, '/');
	}
	path = slash ? slash + 1 : path;
	return utf8_clean(path, strlen(path), false);
}

/** What to call a side: the stack, with experiment and cores where they tell the two apart. */
static char *name_side(
	const struct diff_set *c, int side, const struct configuration *configuration, bool cores)
{
	_cleanup_free_ char *own = command_base_name(c->operands[side].path);
	_cleanup_free_ char *other = command_base_name(c->operands[!side].path);
	const char *folder = own && other && strcmp(own, other) != 0 ? own : c->operands[side].path;
	char count[32] = "", *name = NULL, *clean;

	if (cores)
		snprintf(count, sizeof(count), "-%lld", (long long)configuration->cores);
	if (asprintf(&name, "%s%s%s%s", configuration->name, c->one_store ? "" : "@",
		    c->one_store ? "" : folder, count) < 0)
		return NULL;
	clean = utf8_clean(name, strlen(name), false);
	free(name);
	return clean;
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
		const struct configuration *configuration = &o->summary->configurations[i];

		/* One whose runs all failed is there: what that means is for the caller to say. */
		if (names(o, configuration))
			return 0;
		any_stack |= names_stack(o, configuration);
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
			const struct configuration *x = &a->configurations[i],
						   *y = &b->configurations[j];
			int r;

			if (!are_pair(c, x, y, any_scenario))
				continue;
			if (x->n_ok == 0 || y->n_ok == 0) {
				c->failed[c->n_failed++] = (struct failed_pair){x, y};
				continue;
			}
			r = add_pair(c, x, y, error);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

bool diff_set_is_same(const struct diff_set *c)
{
	const struct operand *a = &c->operands[TREE_A], *b = &c->operands[TREE_B];

	return c->one_store && a->cores == b->cores &&
	       strcmp(a->stack ? a->stack : "", b->stack ? b->stack : "") == 0;
}

int diff_set_pair(struct diff_set *c, struct error *error)
{
	const struct summary *a = c->operands[TREE_A].summary, *b = c->operands[TREE_B].summary;
	char has_a[300], has_b[300];
	int r;

	c->diffs = calloc(a->n_configurations * b->n_configurations + 1, sizeof(struct diff *));
	c->names = calloc(a->n_configurations * b->n_configurations + 1, sizeof(*c->names));
	c->failed = calloc(a->n_configurations * b->n_configurations + 1, sizeof(*c->failed));
	if (!c->diffs || !c->names || !c->failed)
		return error_set_errno(error, -ENOMEM, "cannot compare");
	r = add_pairs(c, false, error);
	if (r >= 0 && c->n_diffs == 0) {
		c->n_failed = 0;
		r = add_pairs(c, true, error);
	}
	if (r < 0 || c->n_diffs > 0)
		return r;
	list_configurations(&c->operands[TREE_A], has_a, sizeof(has_a));
	if (diff_set_is_same(c))
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

bool diff_set_leaves_out(const struct diff_set *c, int side, const struct configuration *x)
{
	for (size_t i = 0; i < c->n_diffs; i++)
		if (c->diffs[i]->pair.sides[side].configuration == x)
			return false;
	return names(&c->operands[side], x);
}

int diff_set_open(struct diff_set *c, const struct report_options *o, struct error *error)
{
	int r = parse_operand(o->paths[0], NULL, &c->operands[TREE_A], error);

	if (r >= 0)
		r = parse_operand(
			o->paths[1], c->operands[TREE_A].path, &c->operands[TREE_B], error);
	if (r >= 0)
		r = open_operands(c, o->order, error);
	for (int side = 0; r >= 0 && side < TREE_SIDES; side++)
		r = check_operand(c, side, error);
	return r;
}
