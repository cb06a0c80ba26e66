/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_metrics.h"

#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/output_rule.h"
#include "common/utf8.h"

/* More than that no program of ours has, and a guest's output is not trusted. */
#define METRICS_MAX 32

static enum output_wish wish_of(const char *better)
{
	for (int w = WISH_HIGHER; w <= WISH_LOWER; w++)
		if (better && strcmp(better, output_wish_name((enum output_wish)w)) == 0)
			return (enum output_wish)w;
	return WISH_NONE;
}

static bool has_metric(const struct run_result *r, const char *name)
{
	for (size_t i = 0; i < r->n_reported; i++)
		if (strcmp(r->reported[i].name, name) == 0)
			return true;
	return false;
}

void run_take_metric(struct run *run, const struct marker *m)
{
	const char *said = marker_get(m, "name"), *value = marker_get(m, "value");
	_cleanup_free_ char *name = said ? utf8_clean(said, strlen(said), false) : NULL;
	struct run_result *r = run->result;
	struct run_reported fresh = {.known = true, .wish = wish_of(marker_get(m, "better"))};

	if (!name || !*name || strlen(name) >= sizeof(fresh.name) || !value ||
		output_number(value, strlen(value), &fresh.value) < 0) {
		run_warn(run, "a metric that the program reports has no name, or is no number");
		return;
	}
	memcpy(fresh.name, name, strlen(name) + 1);
	if (r->n_reported >= METRICS_MAX || has_metric(r, name)) {
		run_warn(run,
			"the program reports a metric twice, or more than %d: the rest is left out",
			METRICS_MAX);
		return;
	}
	(void)ARRAY_ADD(r->reported, r->n_reported, fresh);
}
