/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** --list-guests, --list-counters and --list-scenarios. */

#include <stdio.h>

#include "collector/options/options.h"
#include "common/error.h"

/** Every stack, and whether it could run here. */
int list_guests(const struct options *o, FILE *out, struct error *error);

/** Every event that libpfm4 knows here, and whether it is counted. */
int list_counters(FILE *out, struct error *error);

/** A line for each scenario: its name, and what it is. */
void list_scenarios(FILE *out);
