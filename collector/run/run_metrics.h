/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Numbers that a program reports by markers: `metric name=NAME value=NUMBER better=higher|lower`. */

#include "collector/run/run_internal.h"
#include "common/marker.h"

/** A marker `metric`; what is malformed, or too much, is left out with a warning. */
void run_take_metric(struct run *run, const struct marker *m);
