/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Time: the processor's time stamp counter, whose rate is measured once. */

#include <stdint.h>

/**
 * Learn the counter's rate: from KVM's own clock record where there is one, else by the ACPI timer
 * in 20 ms (exact to about 30 in a million).
 */
void clock_init(void);

/** Nanoseconds since the guest's first instructions. Never goes back on one vCPU. */
uint64_t clock_now_ns(void);

/** The counter's rate. */
uint64_t clock_tsc_hz(void);

/** Counter ticks as nanoseconds. */
uint64_t clock_ticks_to_ns(uint64_t ticks);
