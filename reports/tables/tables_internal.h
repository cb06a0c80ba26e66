/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files behind tables.h share; nobody else includes this. */

#include <jansson.h>
#include <stdio.h>

#include "reports/tables/columns.h"
#include "reports/tables/tables.h"
#include "reports/text/table.h"

#define SUMMARY_WIDTH table_width(stdout)

/** A finding as a paragraph, as write_wrapped() does it. */
size_t write_finding(const struct verdict *v, FILE *out, const struct style *style, size_t max);

/** The same of a warning. 0: it is told together with one before it; -ENOMEM. */
int write_warning(const struct store_tables *t, size_t i, FILE *out, size_t max);

/** Columns for the configurations' names, as many as they need and the other columns leave. */
int name_width(const struct summary *s, int others);

/** Name and cores: the first two cells of a row, of @width and 6 columns. */
void put_configuration_name(struct table *t, const struct configuration *configuration, int width);

/** A line above rows: "osv on 2 cores", and what follows that. -ENOMEM. */
int put_configuration_line(struct table *t, const struct configuration *c, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** That line and @n rows, of @size bytes each. -ENOMEM. */
int put_part(struct table *t, const struct configuration *c, const struct column *columns,
	const void *rows, size_t size, size_t n);

/** A table that has a part for each configuration, or for each of what else a whole consists of. */
struct parted_table {
	const char *title;
	const struct column *columns;
	/** Has the i-th one a part? */
	bool (*has)(const struct parted_table *p, const void *whole, size_t i);
	/** Put its line and its rows. -ENOMEM. */
	int (*put)(struct table *t, const struct parted_table *p, const void *whole, size_t i);
	const void
		*which; /**< for these two: what else tells this table from one of the same kind */
};

/** Write it; nothing where there is no part. @n: of how many the whole consists. -ENOMEM. */
int parts_write(const struct parted_table *p, const void *whole, size_t n, FILE *out,
	const struct style *style);

/** The titles of these two. */
void put_configuration_titles(struct table *t, int width);

/** Statistics of run times, and where speed-up, differences and variance come from. -ENOMEM. */
int explanation_write_text(const struct explanation *e, FILE *out, const struct style *style);

/** What is known of a configuration's noise (docs/database.md), or null. A new reference. */
json_t *noise_json(const struct noise_of *n);

/** Add "runs", every run individually, to the document. -ENOMEM. */
int summary_add_runs_json(const struct summary *s, json_t *document);

/** The tables "Threads of the program", "Threads of the guests", "Run queues of the guests", "Call stacks" (two of them), "Boot, taken apart" for a terminal; nothing
 * where the store has none. */
int threads_write_text(const struct summary *s, FILE *out, const struct style *style);
int sched_write_text(const struct summary *s, FILE *out, const struct style *style);
int queues_write_text(const struct summary *s, FILE *out, const struct style *style);
int noise_write_text(const struct noise *n, FILE *out, const struct style *style);
int detours_write_text(const struct summary *s, FILE *out, const struct style *style);
int stacks_write_text(const struct summary *s, FILE *out, const struct style *style);

/** How the guests of failed runs ended. -ENOMEM. */
int failures_write_text(const struct summary *s, FILE *out, const struct style *style);

/** The same of a run. A new reference. */
json_t *failure_json(const struct summary *s, const struct store_run *run);

int boot_write_text(const struct boot_report *b, FILE *out, const struct style *style);

/** A configuration's steps as JSON (docs/database.md): an array, empty without steps. A new
 * reference. */
json_t *boot_configuration_json(
	const struct boot_report *b, const struct configuration *configuration);

/** A run's steps as JSON: an array of {name, start_ns, end_ns, source}. A new reference. */
json_t *boot_run_json(const struct summary *s, int64_t run);
