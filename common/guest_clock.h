/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** When a guest's clock agrees with the host's. */

/** Of a run time; a clock that is further off makes the guest's own times wrong. */
#define GUEST_CLOCK_SHARE 0.005

/** Markers travel by a console: their delay is not the clock's fault. */
#define GUEST_CLOCK_SLACK_NS 20e6

/** The most by which the two may differ in a run of @runtime_ns. */
static inline double guest_clock_bound_ns(double runtime_ns)
{
	return GUEST_CLOCK_SHARE * runtime_ns + GUEST_CLOCK_SLACK_NS;
}
