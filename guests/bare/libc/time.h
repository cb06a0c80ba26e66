/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

typedef int64_t time_t;

struct timespec {
	time_t tv_sec;
	long tv_nsec;
};

#define CLOCK_MONOTONIC 1

/** Since the guest's first instructions, whatever @clock is. */
int clock_gettime(int clock, struct timespec *ret);
