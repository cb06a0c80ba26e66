/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129
