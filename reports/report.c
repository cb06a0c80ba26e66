/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/page.h"
#include "reports/summary.h"

static int fill_page(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;
	int r = page_write(job->summary, out);

	return r == -EBADMSG ? export_store_error(job, r) : r;
}

/** The files of a report, in the order in which they appear. */
static int make_all(const struct export_job *job)
{
	int r = export_flames(job, true);

	if (r >= 0)
		r = export_tables(job);
	return r < 0 ? r
		     : output_file(job->output, "index.html", fill_page, (void *)(uintptr_t)job,
			       job->error);
}

static int run_job(struct store_reader *store, const struct report_target *target,
	int (*make)(const struct export_job *job), struct error *error)
{
	_cleanup_summary_ struct summary *s = NULL;
	_cleanup_output_ struct output *output = NULL;
	struct error own = {};
	struct export_job job = {.store = store, .error = error ? error : &own};
	int r = summary_make(store, &s);

	if (r < 0)
		return error_set_errno(error, r, "cannot sum the store up");
	r = output_open(target->folder, target->replace, &output, error);
	if (r < 0)
		return r;
	job.summary = s;
	job.output = output;
	r = make(&job);
	if (r < 0 && !*job.error->text)
		return error_set_errno(error, r, "cannot write to %s", target->folder);
	return r < 0 ? r : output_commit(output, target->written, target->userdata, error);
}

int report_export(struct store_reader *store, const struct export_format *format,
	const struct report_target *target, struct error *error)
{
	return run_job(store, target, format->make, error);
}

int report_write(
	struct store_reader *store, const struct report_target *target, struct error *error)
{
	return run_job(store, target, make_all, error);
}

int report_make(const char *experiment_dir, struct error *error)
{
	_cleanup_store_ struct store_reader *store = NULL;
	_cleanup_free_ char *folder = NULL;
	struct report_target target = {.replace = true};
	int r = store_reader_open(experiment_dir, &store, error);

	if (r < 0)
		return r;
	if (asprintf(&folder, "%s/report", experiment_dir) < 0) {
		folder = NULL;
		return error_set_errno(error, -ENOMEM, "cannot report on %s", experiment_dir);
	}
	target.folder = folder;
	return report_write(store, &target, error);
}

int report_text(const char *experiment_dir, FILE *out, struct error *error)
{
	_cleanup_store_ struct store_reader *store = NULL;
	int r = store_reader_open(experiment_dir, &store, error);

	if (r < 0)
		return r;
	r = summary_text(store, out);
	return r < 0 ? error_set_errno(error, r, "cannot write the summary") : 0;
}

int report_json(const char *experiment_dir, json_t **ret, struct error *error)
{
	_cleanup_store_ struct store_reader *store = NULL;
	int r = store_reader_open(experiment_dir, &store, error);

	if (r < 0)
		return r;
	r = summary_json(store, ret);
	return r < 0 ? error_set_errno(error, r, "cannot sum the store up") : 0;
}
