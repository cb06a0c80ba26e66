/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/figures/figures.h"
#include "reports/page/page.h"
#include "reports/tables/tables.h"

/** What the page is made from. */
struct page_job {
	const struct export_job *job;
	const struct figures *figures;
	const struct page_times *times;
};

static int fill_page(void *userdata, FILE *out)
{
	const struct page_job *page = userdata;
	int r = page_write(page->job->analysis, page->figures, page->times, out);

	return r == -EBADMSG ? export_store_error(page->job, r) : r;
}

/** Draw the figures into @output, the folder "figures" of the report's. */
static int make_figures(const struct export_job *job, const struct report_target *target,
	struct output *output, struct figures **ret)
{
	const struct analysis *a = job->analysis;
	const struct figures_source source = {.summary = a->summary,
		.explanation = a->explanation,
		.boot = a->boot,
		.flames = a->flames,
		.noise = a->noise,
		.reference = target->reference};
	int r = figures_make(&source, output, ret, job->error);

	return r == -EBADMSG ? export_store_error(job, r) : r;
}

/** A folder in the report's. */
static int open_folder(const struct report_target *target, const char *name, struct output **ret,
	struct error *error)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", target->folder, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return output_open(path, target->replace, ret, error);
}

/** Say so if the reference tells nothing of what was measured. */
static void check_reference(const struct summary *s, const struct report_target *target)
{
	const struct reference *reference = target->reference;
	char text[400];

	if (!reference || !target->warn || s->n_configurations == 0)
		return;
	for (size_t i = 0; i < s->n_configurations; i++)
		for (size_t k = 0; k < reference->n_configurations; k++)
			if (strcmp(s->configurations[i].scenario,
				    reference->configurations[k].scenario) == 0)
				return;
	snprintf(text, sizeof(text),
		"reference %.100s has no scenario \"%.100s\" (it has %.100s), so its runs are not "
		"shown",
		reference->name, s->configurations[0].scenario,
		reference->configurations[0].scenario);
	target->warn(text, target->userdata);
}

/** The timelines that find no room in the page; *ret NULL: all do. */
static int make_timelines(const struct export_job *job, const struct report_target *target,
	const struct page_times *times, struct output **ret)
{
	int r;

	if (page_times_files(times) == 0)
		return 0;
	r = open_folder(target, TIME_FOLDER, ret, job->error);
	return r < 0 ? r : page_time_files(job->analysis, times, *ret, job->error);
}

/** The files of a report, in the order in which they appear. */
static int make_all(const struct export_job *job, const struct report_target *target)
{
	_cleanup_output_ struct output *output = NULL, *timelines = NULL;
	_cleanup_figures_ struct figures *figures = NULL;
	_cleanup_page_times_ struct page_times *times = NULL;
	int r = open_folder(target, FIGURES_FOLDER, &output, job->error);

	if (r >= 0)
		r = make_figures(job, target, output, &figures);
	if (r >= 0)
		r = export_flames(job, true);
	if (r >= 0)
		r = export_tables(job);
	if (r >= 0)
		r = page_times_make(job->analysis, &times);
	if (r == -EBADMSG)
		return export_store_error(job, r);
	if (r >= 0)
		r = make_timelines(job, target, times, &timelines);
	if (r >= 0) {
		struct page_job page = {job, figures, times};

		r = output_file(job->output, "index.html", fill_page, &page, job->error);
	}
	if (r >= 0)
		r = output_commit(output, target->written, target->userdata, job->error);
	if (r >= 0 && timelines)
		r = output_commit(timelines, target->written, target->userdata, job->error);
	if (r < 0)
		return r;
	check_reference(job->analysis->summary, target);
	if (*figures->trouble && target->warn)
		target->warn(figures->trouble, target->userdata);
	return 0;
}

/** Write the files of @format, or of the report where it is NULL. */
static int run_job(const struct analysis *a, const struct report_target *target,
	const struct export_format *format, struct error *error)
{
	_cleanup_output_ struct output *output = NULL;
	struct error own = {};
	struct export_job job = {.store = a->store, .analysis = a, .error = error ? error : &own};
	int r = output_open(target->folder, target->replace, &output, error);

	if (r < 0)
		return r;
	job.output = output;
	r = format ? format->make(&job) : make_all(&job, target);
	if (r < 0 && !*job.error->text)
		return error_set_errno(error, r, "cannot write to %s", target->folder);
	return r < 0 ? r : output_commit(output, target->written, target->userdata, error);
}

int report_export(const struct analysis *a, const struct export_format *format,
	const struct report_target *target, struct error *error)
{
	return run_job(a, target, format, error);
}

int report_write(const struct analysis *a, const struct report_target *target, struct error *error)
{
	return run_job(a, target, NULL, error);
}

static int close_with(
	const struct analysis *a, const struct report_closing *closing, struct error *error)
{
	int r = 0;

	if (closing->text)
		r = closing->verbose ? tables_write_text(a, closing->text)
				     : tables_write_brief(a, closing->text);
	if (r >= 0 && closing->json)
		r = tables_make_json(a, closing->json);
	return r < 0 ? error_set_errno(error, r, "cannot write the summary") : 0;
}

int report_make(
	const char *experiment_dir, const struct report_closing *closing, struct error *error)
{
	_cleanup_store_ struct store_reader *store = NULL;
	_cleanup_analysis_ struct analysis *a = NULL;
	_cleanup_free_ char *folder = NULL;
	struct report_target target = {
		.replace = true, .warn = closing->warn, .userdata = closing->userdata};
	int r = store_reader_open(experiment_dir, &store, error);

	if (r == 0)
		r = analysis_make(store, &a, error);
	if (r < 0 || !a)
		return r;
	if (asprintf(&folder, "%s/report", experiment_dir) < 0) {
		folder = NULL;
		return error_set_errno(error, -ENOMEM, "cannot report on %s", experiment_dir);
	}
	target.folder = folder;
	r = report_write(a, &target, error);
	return r < 0 ? r : close_with(a, closing, error);
}
