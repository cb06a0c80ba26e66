/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The columns of what was worked out of a store; "reports/text/columns.h" says what one is. */

#include "reports/analysis/analysis.h"
#include "reports/text/columns.h"

/** Every run (struct store_run); its states stand between the two. */
extern const struct column run_columns[], run_columns_end[];

/** Every configuration. */
extern const struct column configuration_columns[];

/** What is behind a state of a configuration (struct book_detail). */
extern const struct column detail_columns[];

/** Threads of one name (struct thread_group). */
extern const struct column thread_columns[];
extern const struct column stack_end_columns[], stack_module_columns[]; /**< struct stack_share */
extern const struct column process_columns[];
extern const struct column guest_work_columns[]; /**< struct guest_work */
extern const struct column
	guest_book_columns[]; /**< likewise: where its time went, for a terminal */
extern const struct column guest_queueing_columns[]; /**< struct guest_queueing */
extern const struct column detour_share_columns[];   /**< struct detour_share */

/** How a failed run's guest ended: struct failure_cpu, struct failure_thread, struct failure_timer. */
extern const struct column failure_cpu_columns[], failure_thread_columns[], failure_timer_columns[];

/** A comparison with another clock (struct store_audit): all of it; its result alone. */
extern const struct column audit_columns[], audit_result_columns[];

/** Is that comparison within its bound? */
bool audit_agrees(const struct store_audit *a);

/** A warning (struct store_warning). */
extern const struct column warning_columns[];

/** A step of the boot of a configuration (struct boot_part). */
extern const struct column boot_columns[];

/** Of the workload noise: a configuration's spectrum (struct noise_spectrum), a peak of it (struct noise_peak). */
extern const struct column noise_spectrum_columns[], noise_peak_columns[];

/** What it makes of very many ranks (struct noise_amplification): as measured; without a cause. */
extern const struct column noise_ranks_columns[], noise_without_columns[];

/** The whole explanation (struct explanation) as a document; docs/database.md says what is what. */
extern const struct column explanation_columns[];

/** Its parts: struct scaling, struct phase_scaling, struct spread, struct contrast, struct term. */
extern const struct column scaling_columns[], phase_columns[], spread_columns[], contrast_columns[];
extern const struct column term_columns[];

/** Of a metric: a configuration's values (struct spread), and two configurations' (struct
 * contrast). */
extern const struct column metric_columns[], metric_contrast_columns[];

/** Of a spread: how large it is, before what it consists of. */
extern const struct column variance_columns[];
