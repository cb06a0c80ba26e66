/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of workload/noise-system.c: there is no system. */
#include "workload/noise.h"

const struct noise_kernel noise_system_kernels[] = {{.name = NULL}};

const char noise_system_lack[] = " in this guest, which has no operating system";

uint64_t noise_tick_ns(void)
{
	return 0;
}
