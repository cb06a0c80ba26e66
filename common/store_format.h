/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** How a store is recognised: by those who write it and those who read it. The schema is
 * schema.sql. */

#include <stdint.h>

#define STORE_APPLICATION_ID 0x67737063 /* "gspc" */
#define STORE_VERSION        3
#define STORE_FILE_NAME      "experiment.db"

/** The scenario of a run of --attach, of what ran already. */
#define SCENARIO_ATTACH "attach"
/** The scenario of a run of mandelbrot with arguments of the user's. */
#define SCENARIO_OWN "own"
/** The scenario of a run of the user's own program. */
#define SCENARIO_PROGRAM "program"

/** In place of a number that a store leaves open (SQL NULL). */
#define STORE_NULL INT64_MIN
