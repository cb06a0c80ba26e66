/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The sections of the page; each writes one place of assets/page.html. */

#include <stdio.h>

#include "reports/summary.h"

/** 0 or a negative errno; errors of @out are found at the end. */
typedef int (*page_section_t)(const struct summary *s, FILE *out);

int page_books(const struct summary *s, FILE *out);
int page_phases(const struct summary *s, FILE *out);

int page_summary(const struct summary *s, FILE *out);
int page_details(const struct summary *s, FILE *out);
int page_counters(const struct summary *s, FILE *out);
int page_runs(const struct summary *s, FILE *out);

int page_audit(const struct summary *s, FILE *out);

int page_machine(const struct summary *s, FILE *out);
int page_reproduce(const struct summary *s, FILE *out);

int page_guest(const struct summary *s, FILE *out);

int page_flames(const struct summary *s, FILE *out);

/** "2 cores", "1 core". */
void page_cores(FILE *out, int64_t cores);

/** "<b>guest</b>, 2 cores" as text, escaped. */
void page_cell_name(FILE *out, const struct cell *cell);
