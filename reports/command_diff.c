/* SPDX-License-Identifier: GPL-2.0-or-later */
/** report diff A B: differential flame graphs, and a table of what changed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "reports/command_pairs.h"
#include "reports/output/output.h"

static int check_workloads(const struct diff_set *c, struct error *error)
{
	char why[512];

	for (size_t i = 0; i < c->n_diffs; i++) {
		diff_workloads(&c->diffs[i]->pair, false, why, sizeof(why));
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
	int committed, r = diff_set_open(&c, o, error);

	if (r >= 0)
		r = diff_set_pair(&c, error);
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
