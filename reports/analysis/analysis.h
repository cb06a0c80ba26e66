/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** All that is worked out of a store, once, for all that is written of it. */

#include "common/error.h"
#include "reports/explain/explain.h"
#include "reports/flames/flames.h"
#include "reports/noise/noise.h"
#include "reports/store/store_reader.h"
#include "reports/summary/boot.h"
#include "reports/summary/summary.h"

struct analysis {
	struct store_reader *store; /**< borrowed */
	struct summary *summary;
	struct boot_report *boot;
	struct explanation *explanation;
	struct flames *flames;
	struct noise *noise;
};

/** Work it out. The store must outlive it. -ENOMEM, -EBADMSG, with a message. */
int analysis_make(struct store_reader *store, struct analysis **ret, struct error *error);

/** NULL is fine. */
void analysis_free(struct analysis *a);

static inline void analysis_freep(struct analysis **a)
{
	analysis_free(*a);
}

#define _cleanup_analysis_ __attribute__((cleanup(analysis_freep)))
