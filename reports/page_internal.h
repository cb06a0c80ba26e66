/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The sections of the page: each writes the inside of one, or nothing where the store has nothing
 * for it: then the section is not shown. */

#include <stdio.h>

#include "reports/summary.h"

/** 0 or a negative errno; errors of @out are found at the end. */
typedef int (*page_section_t)(const struct summary *s, FILE *out);

int page_verdict(const struct summary *s, FILE *out);
int page_comparison(const struct summary *s, FILE *out);
int page_figures(const struct summary *s, FILE *out);
int page_drawings(const struct summary *s, FILE *out);

int page_books(const struct summary *s, FILE *out);
int page_phases(const struct summary *s, FILE *out);
int page_details(const struct summary *s, FILE *out);

int page_guest(const struct summary *s, FILE *out);
int page_boot(const struct summary *s, FILE *out);
int page_flames(const struct summary *s, FILE *out);

int page_audit(const struct summary *s, FILE *out);
int page_counters(const struct summary *s, FILE *out);
int page_runs(const struct summary *s, FILE *out);

int page_machine(const struct summary *s, FILE *out);
int page_reproduce(const struct summary *s, FILE *out);

/** "2 cores", "1 core". */
void page_cores(FILE *out, int64_t cores);

/** "<b>guest</b>, 2 cores" as text, escaped. */
void page_cell_name(FILE *out, const struct cell *cell);

/**
 * Begin a table that scrolls sideways where it must: its header row from "name" (text) and "#name"
 * (number) columns. @label tells screen readers what it is about; @caption is markup, NULL: none.
 */
void page_table_open(FILE *out, const char *label, const char *caption, const char *const *names,
	size_t n_names);

void page_table_close(FILE *out);

/** Colours, dashes and marks of stacks in charts. */
#define PAGE_SERIES_MAX 8

/** The cells' names, each once, in their order. A malloced array of *ret_n; NULL: no memory. */
const char **page_stacks(const struct summary *s, size_t *ret_n);

/** Which of the @n stacks has that name; @n if none has. */
size_t page_series(const char *const *stacks, size_t n, const char *name);

/** A chart's mark, centred at @x, @y; its class says whose colour it has. */
void page_mark(FILE *out, size_t series, double x, double y);
