/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/export/export.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct export_format export_formats[] = {
	{"folded", "stacks, one a line, for flame graph tools", export_folded},
	{"speedscope", "stacks of all configurations, one file", export_speedscope},
	{"pprof", "samples with labels, for go tool pprof", export_pprof},
	{"perfetto", "runs, lanes and rows on a time line", export_perfetto},
	{"firefox", "samples and phases over time, for profiler.firefox.com", export_firefox},
	{"perf-script", "samples over time as perf script writes them", export_perf_script},
	{"csv", "tables of configurations, runs, phases, accounts", export_csv},
	{"json", "the summary with every run, one document", export_json},
	{},
};

int export_find(const char *name, const struct export_format **ret, struct error *error)
{
	char known[256] = "";
	size_t used = 0;

	for (const struct export_format *f = export_formats; f->name; f++) {
		if (strcmp(f->name, name) == 0) {
			*ret = f;
			return 0;
		}
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
			f == export_formats ? ""
			: f[1].name         ? ", "
					    : " and ",
			f->name);
	}
	return error_set_user(error, -EINVAL, "unknown format \"%s\": there are %s", name, known);
}

int export_store_error(const struct export_job *job, int r)
{
	const char *text = store_reader_error(job->store);

	if (!*text && r == -EBADMSG && !*job->error->text)
		text = "the store is damaged: what one of its tables refers to is not there";
	return *text ? error_set(job->error, r, "%s", text) : r;
}
