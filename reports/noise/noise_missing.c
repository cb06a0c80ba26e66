/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why there is no estimate for many ranks. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/noise/noise_internal.h"
#include "reports/text/format.h"

/* The kernel by which the configuration's first run was measured, NULL: none told. */
static int find_kernel(const struct summary *s, const struct configuration *c, const char **ret)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r;

	*ret = NULL;
	if (!store_has_table(s->store, "distribution") || !c->series.n)
		return 0;
	r = store_prepare(s->store, &query, "SELECT min(kernel) FROM distribution WHERE run = ?1");
	if (r < 0)
		return r;
	sqlite3_bind_int64(query, 1, c->series.runs[0]->id);
	r = store_step(s->store, query);
	if (r > 0 && sqlite3_column_type(query, 0) != SQLITE_NULL) {
		*ret = store_text(s->store, query, 0);
		r = *ret ? 0 : -ENOMEM;
	}
	return r < 0 ? r : 0;
}

/* Has any run lanes by its detours? */
static int find_lanes(const struct summary *s, const struct configuration *c, bool *ret)
{
	int r = 0;

	*ret = false;
	for (size_t i = 0; i < c->series.n && r >= 0 && !*ret; i++) {
		_cleanup_noise_lanes_ struct noise_lanes lanes = {.n = 0};

		r = noise_lanes_of_detours(s, c->series.runs[i], &lanes);
		*ret = lanes.n > 0;
	}
	return r < 0 ? r : 0;
}

static void say_of(const char *kernel, bool lanes, const struct noise_question *question, char *ret)
{
	bool detour = strcmp(kernel, "detour") == 0;

	if (strcmp(kernel, "fwq") != 0 && strcmp(kernel, "ftq") != 0 && !detour)
		snprintf(ret, NOISE_WORDS_MAX,
			"only the kernels fwq, ftq and detour give one, and this is %.32s", kernel);
	else if (lanes)
		snprintf(ret, NOISE_WORDS_MAX,
			"no lane was measured for as long as a step of %s (--work)",
			format_time(question->work_ns).text);
	else
		snprintf(ret, NOISE_WORDS_MAX, "%s",
			strcmp(kernel, "fwq") == 0 ? "its distribution has no values"
			: detour
				? "the detours that are kept one by one do not make up what was measured"
				: "values in order of time are not kept");
}

int noise_say_missing(const struct summary *s, const struct noise_series_list *l,
	const struct noise_question *question, struct noise_of *ret)
{
	const struct configuration *c = ret->configuration;
	const char *kernel;
	bool lanes = false;
	int r;

	if (ret->n_amplified)
		return 0;
	r = find_kernel(s, c, &kernel);
	if (r < 0)
		return r;
	if (!kernel) {
		if (configuration_is_noise(c))
			snprintf(ret->missing, sizeof(ret->missing), "%s",
				c->series.n ? "its runs tell no distribution"
					    : "no counted run of it ended well");
		return 0;
	}
	r = find_lanes(s, c, &lanes);
	if (r >= 0)
		say_of(kernel, lanes || l->n, question, ret->missing);
	return r;
}
