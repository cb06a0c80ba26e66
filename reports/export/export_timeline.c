/* SPDX-License-Identifier: GPL-2.0-or-later */

/* timeline.csv: the store's blocks of intervals, flat. */

#include <inttypes.h>

#include "reports/export/export.h"
#include "reports/text/csv.h"
#include "reports/time/time_walk.h"

static void put_line(FILE *out, const struct time_place *at, const struct timeline_item *item,
	const struct time_meaning *what, uint64_t ns)
{
	const uint64_t end_ns = item->begin_ns + item->ns;

	fprintf(out, "%" PRId64 ",", at->run);
	csv_text(out, at->phase);
	fprintf(out, ",%" PRId64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", at->lane, item->begin_ns,
		end_ns, ns);
	csv_text(out, what->state);
	fputc(',', out);
	csv_text(out, what->detail);
	fputc(',', out);
	csv_text(out, what->taken_by);
	fputc(',', out);
	if (item->kind == TIMELINE_INTERVAL && item->cpu != TIMELINE_CPU_NONE)
		fprintf(out, "%u", item->cpu);
	fprintf(out, ",%llu\n", (unsigned long long)item->count);
}

static int put_item(const struct time_place *at, const struct timeline_item *item, void *userdata)
{
	static const struct time_meaning lost = {"lost", "", ""};
	FILE *out = userdata;

	if (item->kind == TIMELINE_GAP)
		put_line(out, at, item, &lost, item->ns);
	else if (item->kind == TIMELINE_INTERVAL)
		put_line(out, at, item, &at->meanings[item->what], item->ns);
	for (uint32_t i = 0; i < item->n_parts; i++)
		put_line(out, at, item, &at->meanings[item->parts[i].what], item->parts[i].ns);
	return 0;
}

static int fill(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;

	fputs("run,phase,lane,begin_ns,end_ns,ns,state,detail,taken_by,cpu,merged\n", out);
	return time_walk(job->store, STORE_NULL, put_item, out, job->error);
}

int export_timeline(const struct export_job *job)
{
	void *userdata = (void *)(uintptr_t)job;

	if (!time_is_there(job->store))
		return 0;
	return output_file(job->output, "timeline.csv", fill, userdata, job->error);
}
