/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What other programs read. A format is one file, export_<name>.c, and a line in the table of
 * export.c; docs/exports.md says what is in each.
 */

#include "common/error.h"
#include "reports/analysis/analysis.h"
#include "reports/output/output.h"

/** What is exported, and whereto. All borrowed. */
struct export_job {
	struct store_reader *store;
	const struct analysis *analysis;
	struct output *output;
	struct error *error;
};

struct export_format {
	const char *name;
	const char *what; /**< for people: a few words */

	/** Make the files. 0 or a negative errno, with a message where there is more to say. */
	int (*make)(const struct export_job *job);
};

/** Ended by one without name. */
extern const struct export_format export_formats[];

/** The format of that name; -EINVAL with a message that names those that there are. */
int export_find(const char *name, const struct export_format **ret, struct error *error);

int export_folded(const struct export_job *job);
int export_csv(const struct export_job *job);
int export_json(const struct export_job *job);
int export_speedscope(const struct export_job *job);
int export_pprof(const struct export_job *job);
int export_perfetto(const struct export_job *job);
int export_firefox(const struct export_job *job);
int export_perf_script(const struct export_job *job);

/** One folded file for each kind of samples and configuration; @svg: the flame graph, too. */
int export_flames(const struct export_job *job, bool svg);

/** summary.csv, runs.csv, explanation.csv, boot.csv: a line for each configuration, run, term,
 * step. */
int export_tables(const struct export_job *job);

/** timeline.csv: a line for each interval of each lane; nothing where the store has none. */
int export_timeline(const struct export_job *job);

/** The error @r of reading the store, with the store's message. */
int export_store_error(const struct export_job *job, int r);
