/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Whoever starts the workload can say in this environment variable what its -pin would: "cores",
 * "none", or the CPUs of workers 0, 1 ... in their order, such as "4,0,2-3". -pin goes before it.
 */
#define PIN_VARIABLE "GUESTSCOPE_PIN"
