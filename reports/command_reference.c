/* SPDX-License-Identifier: GPL-2.0-or-later */
/** report --reference NAME: what published runs say, without an experiment. */
#include <errno.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "reports/command.h"
#include "reports/figures/figures.h"
#include "reports/reference/reference_analysis.h"

static int fill_table(void *userdata, FILE *out)
{
	return reference_write_csv(userdata, out);
}

/** With --output: the table, and the figures that can be drawn of a reference alone. */
static int write_files(
	const struct report_options *o, struct reference_analysis *a, struct error *error)
{
	_cleanup_output_ struct output *output = NULL, *folder = NULL;
	_cleanup_figures_ struct figures *figures = NULL;
	_cleanup_free_ char *path = NULL;
	const struct figures_source source = {.reference = a->reference};
	int r = output_open(o->output, o->force, &output, error);

	if (r >= 0)
		r = output_file(output, "reference.csv", fill_table, a, error);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s/" FIGURES_FOLDER, o->output) < 0) {
		path = NULL;
		return error_set_errno(error, -ENOMEM, "cannot write to %s", o->output);
	}
	r = output_open(path, o->force, &folder, error);
	if (r >= 0)
		r = figures_make(&source, folder, &figures, error);
	if (r >= 0)
		r = output_commit(folder, NULL, NULL, error);
	if (r >= 0)
		r = output_commit(output, NULL, NULL, error);
	if (r < 0)
		return r;
	if (*figures->trouble)
		fprintf(stderr, "report: figures are left out: %s\n", figures->trouble);
	fprintf(o->json ? stderr : stdout, "\nTable and figures are in %s\n", o->output);
	return 0;
}

static int print_json(const struct reference_analysis *a, struct error *error)
{
	json_t *document = NULL;
	int r = reference_make_json(a, &document);

	if (r < 0)
		return error_set_errno(error, r, "cannot sum the reference up");
	return command_print_json(document, error);
}

int command_reference(const struct report_options *o, struct error *error)
{
	_cleanup_reference_ struct reference *reference = NULL;
	_cleanup_reference_analysis_ struct reference_analysis *a = NULL;
	int r = reference_open(o->reference, &reference, error);

	if (r < 0)
		return r;
	r = reference_analyse(reference, &a);
	if (r < 0)
		return error_set_errno(error, r, "cannot sum the reference up");
	r = o->json ? print_json(a, error) : reference_write_text(a, stdout);
	if (r < 0)
		return *error->text ? r : error_set_errno(error, r, "cannot print the reference");
	return o->output ? write_files(o, a, error) : 0;
}
