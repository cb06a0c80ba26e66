/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include <jansson.h>

#include "reports/export/export.h"
#include "reports/tables/tables.h"

static int fill(void *userdata, FILE *out)
{
	int r = json_dumpf(userdata, out, JSON_INDENT(1));

	fputc('\n', out);
	return r < 0 ? -EIO : 0;
}

int export_json(const struct export_job *job)
{
	json_t *document = NULL;
	int r = tables_make_json(job->analysis, &document);

	if (r < 0)
		return r;
	r = output_file(job->output, "summary.json", fill, document, job->error);
	json_decref(document);
	return r;
}
