/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Work in functions whose names are known. */

#include <time.h>

#define WORK(name, factor)                                                                         \
	void name(double seconds);                                                                 \
	__attribute__((noinline)) void name(double seconds)                                        \
	{                                                                                          \
		static volatile unsigned long sink;                                                \
		struct timespec begin, now;                                                        \
                                                                                                   \
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);                                    \
		do {                                                                               \
			for (unsigned i = 0; i < 200000; i++)                                      \
				sink = sink * (factor) + 12345;                                    \
			clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);                              \
		} while ((double)(now.tv_sec - begin.tv_sec) +                                     \
				 1e-9 * (double)(now.tv_nsec - begin.tv_nsec) <                    \
			 seconds);                                                                 \
	}
