/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The guest's source lines with the most time of their own. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/flames/flames.h"
#include "reports/flames/sample_groups.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

#define LINES_SHOWN 15

/** A frame, or later all frames of a line: what was hit there. */
struct line {
	int64_t frame;
	const char *file; /**< the store's; NULL: not known */
	int64_t number;
	const char *symbol;
	struct sampled hit;
};

struct lines {
	struct line *items;
	size_t n;
};

static int by_frame(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return (x->frame > y->frame) - (x->frame < y->frame);
}

static int by_place(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int r = strcmp(x->file, y->file);

	if (r == 0)
		r = (x->number > y->number) - (x->number < y->number);
	return r ? r : strcmp(x->symbol, y->symbol);
}

static int by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->hit.ns != y->hit.ns)
		return x->hit.ns < y->hit.ns ? 1 : -1;
	return by_place(a, b);
}

/** Sort, and make one of those that are equal. */
static void merge(struct lines *l, int (*order)(const void *, const void *))
{
	size_t n = 0;

	if (l->n)
		qsort(l->items, l->n, sizeof(*l->items), order);
	for (size_t i = 0; i < l->n; i++) {
		if (n && order(&l->items[n - 1], &l->items[i]) == 0)
			sampled_add(&l->items[n - 1].hit, &l->items[i].hit);
		else
			l->items[n++] = l->items[i];
	}
	l->n = n;
}

/** What was hit in the guest, frame by frame. */
static int collect(const struct summary *s, const struct sample_group *group, struct lines *ret)
{
	const struct store_stacks *stacks;
	int r = store_stacks(s->store, &stacks);

	if (r < 0)
		return r;
	ret->items = calloc(group->n + 1, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	for (size_t i = 0; i < group->n; i++) {
		const struct store_stack *stack = store_stack(stacks, group->entries[i].stack);
		const struct store_frame *frame = stack ? store_frame(stacks, stack->frame) : NULL;

		if (frame && strncmp(frame->side, "guest-", 6) == 0)
			ret->items[ret->n++] = (struct line){.frame = frame->id,
				.symbol = frame->symbol,
				.hit = {(double)group->entries[i].ns,
					(double)group->entries[i].count}};
	}
	merge(ret, by_frame);
	return 0;
}

/** Those whose source is known, and what it is. */
static int find_sources(const struct summary *s, struct lines *l)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r = store_prepare(s->store, &query, "SELECT file, line FROM frame WHERE id = ?");
	size_t n = 0;

	for (size_t i = 0; r >= 0 && i < l->n; i++) {
		struct line *line = &l->items[i];

		sqlite3_reset(query);
		sqlite3_bind_int64(query, 1, line->frame);
		r = store_step(s->store, query);
		if (r <= 0)
			continue;
		line->file = store_text(s->store, query, 0);
		line->number = store_number(query, 1);
		if (line->file && line->number > 0)
			l->items[n++] = *line;
	}
	l->n = n;
	return r < 0 ? r : 0;
}

static void write_table(const struct lines *l, double runs, const struct sampled *all, FILE *out)
{
	static const char *const names[] = {"line", "function", "#self s", "#self %"};

	page_table_open(out, "inside the guest",
		"Source lines of the guest with the most time of their own, where debug "
		"information was at hand. Seconds a run; shares of few samples with their 95 % "
		"interval.",
		names, ARRAY_SIZE(names));
	for (size_t i = 0; i < l->n && i < LINES_SHOWN; i++) {
		const struct line *line = &l->items[i];

		fputs("<tr><td class=\"t\"><code class=\"name\">", out);
		markup_text(out, line->file);
		fprintf(out, ":%lld</code></td><td class=\"t\"><code class=\"name\">",
			(long long)line->number);
		markup_text(out, line->symbol);
		fprintf(out, "</code></td><td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
			format_seconds(line->hit.ns / runs).text,
			format_sampled(&line->hit, all).text);
	}
	page_table_close(out);
}

int page_guest_lines(const struct analysis *a, const struct configuration *configuration,
	const struct sampled *all, FILE *out)
{
	const struct sample_group *group = NULL;
	struct lines lines = {0};
	int r = flame_group(a->flames, &flame_table[0], configuration, &group);

	if (r >= 0)
		r = collect(a->summary, group, &lines);
	if (r >= 0)
		r = find_sources(a->summary, &lines);
	if (r >= 0) {
		merge(&lines, by_place);
		if (lines.n) {
			qsort(lines.items, lines.n, sizeof(*lines.items), by_time);
			write_table(&lines, configuration->n_ok ? (double)configuration->n_ok : 1,
				all, out);
		}
	}
	free(lines.items);
	return r;
}
