/* SPDX-License-Identifier: GPL-2.0-or-later */
/** report DIR...: the page, flame graphs and tables, and the closing summary. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/command.h"
#include "reports/reference/reference_analysis.h"
#include "reports/report.h"
#include "reports/tables/tables.h"

int command_open(const struct report_options *o, struct store_reader **ret, struct error *error)
{
	int r = o->n_paths == 1
			? store_reader_open(o->paths[0], ret, error)
			: store_reader_open_many(o->paths, o->n_paths, o->force, ret, error);

	if (r >= 0)
		store_set_order(*ret, o->order);
	return r;
}

char *command_target(const struct report_options *o, const char *path)
{
	static const char file[] = "/" STORE_FILE_NAME;
	size_t n = strlen(path);
	char *target;

	if (o->output)
		return strdup(o->output);
	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n >= sizeof(file) - 1 && strcmp(path + n - (sizeof(file) - 1), file) == 0)
		n -= sizeof(file) - 1;
	else if (strcmp(path, STORE_FILE_NAME) == 0)
		return strdup("report");
	return asprintf(&target, "%.*s/report", (int)n, path) < 0 ? NULL : target;
}

void command_print_path(const char *path, void *userdata)
{
	(void)userdata;
	puts(path);
}

int command_print_json(json_t *document, struct error *error)
{
	int r = json_dumpf(document, stdout, JSON_INDENT(1));

	json_decref(document);
	putchar('\n');
	return r < 0 ? error_set_errno(error, -EIO, "cannot write to standard output") : 0;
}

/** Print the summary for people, and what @reference says beside it, unless that is NULL. */
static int print_text(
	const struct analysis *analysis, const struct reference *reference, bool verbose)
{
	_cleanup_reference_analysis_ struct reference_analysis *a = NULL;
	int r = verbose ? tables_write_text(analysis, stdout)
			: tables_write_brief(analysis, stdout);

	if (r >= 0 && reference)
		r = reference_analyse(reference, &a);
	return r >= 0 && reference ? reference_write_beside(analysis->explanation, a, stdout) : r;
}

/** Put what @reference says into @document. */
static int add_reference(json_t *document, const struct reference *reference)
{
	_cleanup_reference_analysis_ struct reference_analysis *a = NULL;
	json_t *object = NULL;
	int r = reference_analyse(reference, &a);

	if (r >= 0)
		r = reference_make_json(a, &object);
	if (r >= 0 && json_object_set_new(document, "reference", object) < 0)
		r = -ENOMEM;
	return r;
}

static int print_json(
	const struct analysis *analysis, const struct reference *reference, struct error *error)
{
	json_t *document = NULL;
	int r = tables_make_json(analysis, &document);

	if (r >= 0 && reference)
		r = add_reference(document, reference);
	if (r < 0) {
		json_decref(document);
		return error_set_errno(error, r, "cannot sum the store up");
	}
	return command_print_json(document, error);
}

static void print_warning(const char *text, void *userdata)
{
	(void)userdata;
	fprintf(stderr, "report: %s\n", text);
}

static int report_stores(
	const struct report_options *o, const struct reference *reference, struct error *error)
{
	_cleanup_store_ struct store_reader *store = NULL;
	_cleanup_analysis_ struct analysis *a = NULL;
	_cleanup_free_ char *folder = command_target(o, o->paths[0]);
	/* An experiment's report/ is ours to remake. */
	const struct report_target target = {.folder = folder,
		.replace = !o->output || o->force,
		.reference = reference,
		.warn = print_warning};
	int r;

	if (!folder)
		return error_set_errno(error, -ENOMEM, "cannot report");
	r = command_open(o, &store, error);
	if (r >= 0)
		r = analysis_make(store, &a, error);
	if (r >= 0)
		r = report_write(a, &target, error);
	if (r < 0)
		return r;
	r = o->json ? print_json(a, reference, error) : print_text(a, reference, o->verbose);
	if (r < 0)
		return *error->text ? r : error_set_errno(error, r, "cannot print the summary");
	fprintf(o->json ? stderr : stdout, "\nThe page is %s/index.html%s\n", folder,
		o->json || o->verbose ? "" : "; --verbose prints all tables");
	return 0;
}

int command_report(const struct report_options *o, struct error *error)
{
	_cleanup_reference_ struct reference *reference = NULL;
	int r = 0;

	if (o->n_paths == 0)
		return command_reference(o, error);
	if (o->reference)
		r = reference_open(o->reference, &reference, error);
	return r < 0 ? r : report_stores(o, reference, error);
}
