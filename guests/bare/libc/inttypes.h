/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#define PRIu32  "u"
#define PRIu64  "lu"
#define PRIx64  "lx"
#define PRIxPTR "lx"
