/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The sections of the page: each writes the inside of one, or nothing where the store has nothing
 * for it: then the section is not shown. */

#include <stdio.h>

#include "reports/analysis/analysis.h"
#include "reports/figures/figures.h"
#include "reports/tables/columns.h"

/** What the sections are made from. */
struct page {
	const struct analysis *analysis;
	const struct figures *figures; /**< for a paper; NULL: none */
};

/** 0 or a negative errno; errors of @out are found at the end. */
typedef int (*page_section_t)(const struct page *page, FILE *out);

int page_verdict(const struct page *page, FILE *out);
int page_comparison(const struct page *page, FILE *out);
int page_explain(const struct page *page, FILE *out);
int page_figures(const struct page *page, FILE *out);

int page_books(const struct page *page, FILE *out);
int page_phases(const struct page *page, FILE *out);
int page_details(const struct page *page, FILE *out);

int page_guest(const struct page *page, FILE *out);
int page_boot(const struct page *page, FILE *out);
int page_flames(const struct page *page, FILE *out);
int page_diffs(const struct page *page, FILE *out);

int page_audit(const struct page *page, FILE *out);
int page_counters(const struct page *page, FILE *out);
int page_runs(const struct page *page, FILE *out);

int page_machine(const struct page *page, FILE *out);
int page_reproduce(const struct page *page, FILE *out);

/** The cell's table of source lines, where there are any; @all_ns: the guest's time of which they
 * are a part. */
int page_guest_lines(const struct analysis *a, const struct cell *cell, uint64_t all_ns, FILE *out);

/** "2 cores", "1 core". */
void page_cores(FILE *out, int64_t cores, const char *scenario);

/** "<b>guest</b>, 2 cores" as text, escaped. */
void page_cell_name(FILE *out, const struct cell *cell);

/** A run's number, as a link to its row among all runs. */
void page_run_link(FILE *out, int64_t run);

/** A file beside the page, as a link; its name is one of text_clean_file_name(). */
void page_file_link(FILE *out, const char *folder, const char *name, const char *ending);

/** Black or white, whichever is read more easily on @color (#rrggbb). */
const char *page_ink_on(const char *color);

/** The colours of the states that there are, in words; @more: markup of further entries. */
void page_state_legend(const struct summary *s, const char *more, FILE *out);

/**
 * Begin a table that scrolls sideways where it must: its header row from "name" (text) and "#name"
 * (number) columns. @label tells screen readers what it is about; @caption is markup, NULL: none.
 */
void page_table_open(FILE *out, const char *label, const char *caption, const char *const *names,
	size_t n_names);

void page_table_close(FILE *out);

/** Add the columns' names to those of a table; returns how many there are now. */
size_t page_column_names(const struct columns *c, const char **names, size_t n_names);

/** The columns' cells in a row. */
void page_columns(const struct columns *c, const void *row, FILE *out);

/** Colours, dashes and marks of stacks in charts. */
#define PAGE_SERIES_MAX 8

/** The cells' names, each once, in their order. A malloced array of *ret_n; NULL: no memory. */
const char **page_stacks(const struct summary *s, size_t *ret_n);

/** Which of the @n stacks has that name; @n if none has. */
size_t page_series(const char *const *stacks, size_t n, const char *name);

/** A chart's mark, centred at @x, @y; its class says whose colour it has. */
void page_mark(FILE *out, size_t series, double x, double y);
