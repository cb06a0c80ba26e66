/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The sections of the page: each writes the inside of one, or nothing where the store has nothing
 * for it: then the section is not shown. */

#include <stdbool.h>
#include <stdio.h>

#include "reports/analysis/analysis.h"
#include "reports/figures/figures.h"
#include "reports/tables/columns.h"

/** What the sections are made from. */
struct page {
	const struct analysis *analysis;
	const struct figures *figures; /**< for a paper; NULL: none */
	const struct page_times *times;
};

/** 0 or a negative errno; errors of @out are found at the end. */
typedef int (*page_section_t)(const struct page *page, FILE *out);

int page_verdict(const struct page *page, FILE *out);
int page_comparison(const struct page *page, FILE *out);
int page_findings(const struct page *page, FILE *out);
int page_statistics(const struct page *page, FILE *out);
int page_metrics(const struct page *page, FILE *out);
int page_detours(const struct page *page, FILE *out);
int page_explain(const struct page *page, FILE *out);
int page_figures(const struct page *page, FILE *out);

int page_books(const struct page *page, FILE *out);
int page_phases(const struct page *page, FILE *out);
int page_details(const struct page *page, FILE *out);
int page_threads(const struct page *page, FILE *out);
int page_time(const struct page *page, FILE *out);
int page_noise(const struct page *page, FILE *out);
int page_heat(const struct page *page, FILE *out);
int page_stacks(const struct page *page, FILE *out);

int page_guest(const struct page *page, FILE *out);
int page_boot(const struct page *page, FILE *out);
int page_flames(const struct page *page, FILE *out);
int page_diffs(const struct page *page, FILE *out);

int page_audit(const struct page *page, FILE *out);
int page_counters(const struct page *page, FILE *out);
int page_runs(const struct page *page, FILE *out);
int page_failures(const struct page *page, FILE *out);

int page_machine(const struct page *page, FILE *out);
int page_reproduce(const struct page *page, FILE *out);

/** The configuration's table of source lines, where there are any; @all: the guest's time of
 * which they are a part. */
int page_guest_lines(const struct analysis *a, const struct configuration *configuration,
	const struct sampled *all, FILE *out);

/** What the configuration's guest counts of its threads, where that is known. */
void page_guest_work(const struct configuration *c, FILE *out);

/** What became of its parallelism, by its run queues. */
void page_guest_queues(const struct configuration *c, FILE *out);

/** A member "sides" of a JSON object: by the store's word the class of a frame and its name. */
void page_sides(FILE *out);

/** "2 cores", "1 core". */
void page_cores(FILE *out, int64_t cores, const char *scenario);

/** "<b>guest</b>, 2 cores" as text, escaped. */
void page_configuration_name(FILE *out, const struct configuration *configuration);

/** Begin a row: the configuration's name, perhaps " against " another's, its cores. @group: a
 * line above; @charted: the charts read this row. */
void page_row_open(FILE *out, const struct configuration *configuration,
	const struct configuration *against, bool group, bool charted);

/** A run's number, as a link to its row among all runs. */
void page_run_link(FILE *out, int64_t run);

/** A file beside the page, as a link; its name is one of text_clean_file_name(). */
void page_file_link(FILE *out, const char *folder, const char *name, const char *ending);

/** Text; a number of a run in it ("run 3", "runs 3, 5 and 2 more") is a link to that run. */
void page_text(FILE *out, const struct store_reader *store, const char *text);

/** "2 cores", before the first bar of that number of cores; @before: the bar before, or NULL. */
void page_bar_group(
	FILE *out, const struct configuration *configuration, const struct configuration *before);

/** The id of what a bar leads to, as an attribute: the @index-th of its kind. */
void page_detail_id(FILE *out, const char *of, size_t index);

/** Begin a bar, a link to the element with that page_detail_id(); @of NULL: to none. */
void page_bar_open(FILE *out, const char *name, const char *of, size_t index);

/** A part of a bar; texts are escaped here. */
struct page_part {
	const char *name;
	const char *number; /**< shown behind the name, where there is room */
	const char *words;  /**< shown under the pointer */
	const char *color;  /**< #rrggbb; NULL: that of the class */
	const char *class;  /**< in the style sheet; NULL: none */
};

/** Write a part that is @percent of the bar's length. */
void page_bar_part(FILE *out, const struct page_part *part, double percent);

/** @sum: what is written right of the bar. */
void page_bar_close(FILE *out, const char *sum);

/** An entry of a legend: a colour and what it stands for. */
void page_legend_entry(FILE *out, const char *color, const char *name, const char *meaning);

/** What a state is, in a few words. */
const char *page_state_title(int state);

/** An entry for each of the states in @used. */
void page_state_legend(FILE *out, const bool used[static STATE_COUNT]);

/**
 * Begin a table that scrolls sideways where it must: its header row from "name" (text) and "#name"
 * (number) columns, any text. @label tells screen readers what it is about; @caption is markup, NULL: none.
 */
void page_table_open(FILE *out, const char *label, const char *caption, const char *const *names,
	size_t n_names);

void page_table_close(FILE *out);

/** Add the columns' names to those of a table; returns how many there are now. */
size_t page_column_names(const struct column *c, const char **names, size_t n_names);

/** The columns' fields in a row. */
void page_columns(const struct column *c, const void *row, FILE *out);

/** No table of these has more columns. */
#define PAGE_COLUMNS_MAX 24

/** Begin a table that has these columns alone. */
void page_columns_open(FILE *out, const char *label, const char *caption, const struct column *c);

/** Its rows. */
void page_rows(const struct column *c, const void *rows, size_t n, FILE *out);
