/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The report as one self-contained HTML page: no network, no second file. Scripts are named by
 * their hashes in the page's content security policy, so nothing that a name may smuggle in runs.
 */

#include <stdio.h>

#include "reports/analysis/analysis.h"
#include "reports/figures/figures.h"

/** Write the page; @figures are those for a paper, NULL: none. 0, -ENOMEM, -EIO, -EBADMSG. */
int page_write(const struct analysis *a, const struct figures *figures, FILE *out);
