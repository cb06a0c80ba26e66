/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/store/samples.h"

#include <errno.h>
#include <string.h>

static const char *const kinds[SAMPLES_KINDS] = {
	[SAMPLES_ON_CPU] = "oncpu", [SAMPLES_OFF_CPU] = "offcpu", [SAMPLES_EXITS] = "exits"};

enum sample_kind samples_kind(const char *word)
{
	enum sample_kind kind = 0;

	while (kind < SAMPLES_KINDS && strcmp(kinds[kind], word) != 0)
		kind++;
	return kind;
}

int samples_open(struct store_reader *store, struct sample_cursor *ret)
{
	sqlite3_stmt *query = NULL;
	int r = store_prepare(store, &query,
		"SELECT run, phase, lane, thread, kind, stack, weight_ns, count FROM sample"
		" WHERE weight_ns > 0 ORDER BY run, rowid");

	if (r < 0)
		return r;
	*ret = (struct sample_cursor){store, query};
	return 0;
}

int samples_next(struct sample_cursor *cursor, struct sample *ret)
{
	struct store_reader *s = cursor->store;
	sqlite3_stmt *row = cursor->query;
	int r;

	while ((r = store_step(s, row)) > 0) {
		const struct store_run *run = store_run(s, store_number(row, 0));
		const char *kind;

		if (!run || !run->ok || !run->counted)
			continue;
		kind = store_text(s, row, 4);
		*ret = (struct sample){
			.run = run,
			.phase = store_text(s, row, 1),
			.lane = store_number(row, 2),
			.thread = store_text(s, row, 3),
			.kind = kind ? samples_kind(kind) : SAMPLES_KINDS,
			.stack = store_number(row, 5),
			.weight_ns = store_number(row, 6),
			.count = store_number(row, 7),
		};
		if (!kind || !ret->phase || !ret->thread)
			return -ENOMEM;
		if (ret->kind < SAMPLES_KINDS)
			return 1;
	}
	return r;
}

void samples_close(struct sample_cursor *cursor)
{
	sqlite3_finalize(cursor->query);
	cursor->query = NULL;
}
