/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** CLOCK_MONOTONIC: the clock of all books, and of deadlines. */

#include <stdint.h>

uint64_t clock_ns(void);

int64_t clock_ms(void);
