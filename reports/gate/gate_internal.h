/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files behind gate.h share; nobody else includes this. */

#include "reports/gate/gate.h"

/** What --metric calls them that are no metrics of the program. */
#define GATE_RUNTIME "runtime"
#define GATE_BOOT    "boot"

/** Fill in why a row is slower. -ENOMEM, -EBADMSG. */
int gate_find_cause(struct gate_row *row);
