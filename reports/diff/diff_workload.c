/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Did two configurations do the same work? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/diff/diff.h"

/** The picture that the configuration's runs made; NULL: not known, or they differ. */
static const char *picture_of(const struct diff_operand *o)
{
	const struct store_tables *t = store_tables(o->summary->store);
	const char *picture = NULL;

	for (size_t i = 0; i < t->n_runs; i++) {
		const struct store_run *run = &t->runs[i];

		if (!configuration_counts(o->configuration, run))
			continue;
		if (!run->raster_sha256 || (picture && strcmp(picture, run->raster_sha256) != 0))
			return NULL;
		picture = run->raster_sha256;
	}
	return picture;
}

/** As store_plan_member(), of the experiment's plan. NULL also: not known (--attach, merged stores). */
static char *planned(const struct diff_operand *o, const char *object, const char *key)
{
	return store_plan_member(store_setting(o->summary->store, "plan"), object, key);
}

void diff_workloads(const struct diff_pair *pair, bool builds, char *ret, size_t size)
{
	const struct diff_operand *a = &pair->sides[TREE_A], *b = &pair->sides[TREE_B];
	const char *picture_a = picture_of(a), *picture_b = picture_of(b);
	/* What was measured is the program, by what is in it, and its arguments. What differs between builds is the last. */
	static const struct {
		const char *object, *key, *title;
	} identities[] = {
		{NULL, "arguments", "program's arguments"},
		{"files", "program", "programs (SHA-256)"},
	};

	*ret = '\0';
	if (strcmp(a->configuration->scenario, b->configuration->scenario) != 0) {
		snprintf(ret, size,
			"the workloads differ: %s ran scenario \"%.100s\", %s ran \"%.100s\"",
			a->name, a->configuration->scenario, b->name, b->configuration->scenario);
		return;
	}
	if (picture_a && picture_b) {
		if (strcmp(picture_a, picture_b) != 0)
			snprintf(ret, size,
				"the workloads differ: %s and %s did not compute the same (by the SHA-256 of what they made)",
				a->name, b->name);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(identities) - builds && !*ret; i++) {
		_cleanup_free_ char *of_a = planned(a, identities[i].object, identities[i].key),
				    *of_b = planned(b, identities[i].object, identities[i].key);

		if (of_a && of_b && strcmp(of_a, of_b) != 0)
			snprintf(ret, size, "the workloads differ: the %s were %.150s and %.150s",
				identities[i].title, of_a, of_b);
	}
}
