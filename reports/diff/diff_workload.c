/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Did two cells do the same work? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/cleanup.h"
#include "reports/diff/diff.h"

/** The picture that the cell's runs made; NULL: not known, or they differ. */
static const char *picture_of(const struct diff_operand *o)
{
	const struct store_tables *t = store_tables(o->summary->store);
	const char *picture = NULL;

	for (size_t i = 0; i < t->n_runs; i++) {
		const struct store_run *run = &t->runs[i];

		if (!cell_counts(o->cell, run))
			continue;
		if (!run->raster_sha256 || (picture && strcmp(picture, run->raster_sha256) != 0))
			return NULL;
		picture = run->raster_sha256;
	}
	return picture;
}

/** The program's own arguments, what follows "--" in the collector's command, as text; malloced. */
static char *arguments_of(const struct diff_operand *o)
{
	const char *command = store_setting(o->summary->store, "command");
	json_t *array = command ? json_loads(command, 0, NULL) : NULL;
	char *text = NULL;
	size_t at = 0, n = json_array_size(array);

	while (at < n && json_string_value(json_array_get(array, at)) &&
		strcmp(json_string_value(json_array_get(array, at)), "--") != 0)
		at++;
	if (at < n) {
		while (at-- > 0)
			json_array_remove(array, 0);
		text = json_dumps(array, JSON_COMPACT);
	}
	json_decref(array);
	return text;
}

void diff_workloads(const struct diff_pair *pair, char *ret, size_t size)
{
	const struct diff_operand *a = &pair->sides[DIFF_A], *b = &pair->sides[DIFF_B];
	const char *picture_a = picture_of(a), *picture_b = picture_of(b);
	_cleanup_free_ char *own_a = NULL, *own_b = NULL;

	*ret = '\0';
	if (strcmp(a->cell->scenario, b->cell->scenario) != 0) {
		snprintf(ret, size,
			"the workloads differ: %s ran scenario \"%.100s\", %s ran \"%.100s\"",
			a->name, a->cell->scenario, b->name, b->cell->scenario);
		return;
	}
	if (picture_a && picture_b) {
		if (strcmp(picture_a, picture_b) != 0)
			snprintf(ret, size,
				"the workloads differ: %s and %s did not make the same picture",
				a->name, b->name);
		return;
	}
	own_a = arguments_of(a);
	own_b = arguments_of(b);
	if (own_a && own_b && strcmp(own_a, own_b) != 0)
		snprintf(ret, size,
			"the workloads differ: the program's arguments were %.150s and %.150s",
			own_a, own_b);
}
