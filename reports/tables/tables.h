/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What was worked out of a store, as tables for a terminal, as CSV files and as one document. */

#include <jansson.h>
#include <stdio.h>

#include "reports/analysis/analysis.h"

/** For a terminal, at most 100 columns; colours only if @out is a terminal: all tables, then all
 * findings and warnings. */
int tables_write_text(const struct analysis *a, FILE *out);

/** The same in short: the verdict, one table, the worst warnings. At most 38 lines for eight
 * configurations, one more for each that is more. */
int tables_write_brief(const struct analysis *a, FILE *out);

/** What the workload noise means, alone: for a terminal, as a document. -ENOMEM. */
int tables_write_noise(const struct noise *n, FILE *out);
int tables_make_noise_json(const struct noise *n, json_t **ret);

/** One JSON document; see docs/database.md. A new reference. */
int tables_make_json(const struct analysis *a, json_t **ret);

/*
 * CSV (RFC 4180 with "\n"; times in seconds): a line for each configuration, run, metric of a
 * configuration, term of the explanation (variances in s²), step of the boot.
 */
int tables_write_configurations_csv(const struct analysis *a, FILE *out);
int tables_write_runs_csv(const struct analysis *a, FILE *out);
int tables_write_metrics_csv(const struct analysis *a, FILE *out);
/** Threads of programs whose lanes are CPUs. */
int tables_write_threads_csv(const struct analysis *a, FILE *out);
/** Why call stacks end; how they were walked. Only where the store tells the latter. */
bool tables_has_stacks(const struct analysis *a);
int tables_write_stack_ends_csv(const struct analysis *a, FILE *out);
int tables_write_stack_modules_csv(const struct analysis *a, FILE *out);
/** What noise makes of very many ranks; peaks of its spectra. */
int tables_write_noise_ranks_csv(const struct noise *n, FILE *out);
int tables_write_noise_peaks_csv(const struct analysis *a, FILE *out);
int tables_write_explanation_csv(const struct analysis *a, FILE *out);
int tables_write_boot_csv(const struct analysis *a, FILE *out);
