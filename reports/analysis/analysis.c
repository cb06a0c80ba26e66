/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/analysis/analysis.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"

void analysis_free(struct analysis *a)
{
	if (!a)
		return;
	noise_free(a->noise);
	flames_free(a->flames);
	explanation_free(a->explanation);
	boot_report_free(a->boot);
	summary_free(a->summary);
	free(a);
}

/* Samples that cannot be read are told of where they are shown. */
static int find_tops(struct analysis *a)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < a->summary->n_configurations; i++) {
		const struct configuration *c = &a->summary->configurations[i];
		struct top_function *top = &a->explanation->tops[i];

		if (!configuration_is_alone(a->summary, c))
			continue;
		r = flame_top_function(a->flames, c, &top->symbol, &top->share);
		r = r == -EBADMSG ? 0 : r;
	}
	return r;
}

static int fill(struct analysis *a)
{
	int r = summary_make(a->store, &a->summary);

	if (r >= 0)
		r = boot_report_make(a->summary, &a->boot);
	if (r >= 0)
		r = explanation_make(a->summary, &a->explanation);
	if (r >= 0)
		r = flames_make(a->summary, &a->flames);
	if (r >= 0)
		r = noise_make(a->summary, &noise_usual_question, &a->noise);
	return r < 0 ? r : find_tops(a);
}

int analysis_make(struct store_reader *store, struct analysis **ret, struct error *error)
{
	_cleanup_analysis_ struct analysis *a = calloc(1, sizeof(*a));
	int r = a ? 0 : -ENOMEM;

	if (a) {
		a->store = store;
		r = fill(a);
	}
	if (r == -EBADMSG && *store_reader_error(store))
		return error_set(error, r, "%s", store_reader_error(store));
	if (r < 0)
		return error_set_errno(error, r, "cannot sum the store up");
	*ret = TAKE_PTR(a);
	return 0;
}
