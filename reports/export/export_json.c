/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include <jansson.h>

#include "reports/export/export.h"

static int fill(void *userdata, FILE *out)
{
	int r = json_dumpf(userdata, out, JSON_INDENT(1));

	fputc('\n', out);
	return r < 0 ? -EIO : 0;
}

int export_json(const struct export_job *job)
{
	json_t *document = NULL;
	int r = summary_make_json(job->summary, &document);

	if (r < 0)
		return r;
	r = output_file(job->output, "summary.json", fill, document, job->error);
	json_decref(document);
	return r;
}
