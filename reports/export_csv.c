/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/boot.h"
#include "reports/explain.h"
#include "reports/export.h"

static int fill_cells(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;

	return summary_write_cells_csv(job->summary, out);
}

static int fill_runs(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;

	return summary_write_runs_csv(job->summary, out);
}

static int fill_explanation(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;

	return explanation_write_csv(job->summary, out);
}

static int fill_boot(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;

	return boot_write_csv(job->summary, out);
}

int export_tables(const struct export_job *job)
{
	void *userdata = (void *)(uintptr_t)job;
	int r = output_file(job->output, "summary.csv", fill_cells, userdata, job->error);

	if (r >= 0)
		r = output_file(job->output, "runs.csv", fill_runs, userdata, job->error);
	if (r >= 0)
		r = output_file(
			job->output, "explanation.csv", fill_explanation, userdata, job->error);
	return r < 0 ? r : output_file(job->output, "boot.csv", fill_boot, userdata, job->error);
}

int export_csv(const struct export_job *job)
{
	return export_tables(job);
}
