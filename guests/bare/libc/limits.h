/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#define INT_MAX  __INT_MAX__
#define UINT_MAX (2U * INT_MAX + 1)
