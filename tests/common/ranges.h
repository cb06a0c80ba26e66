/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** cmocka 2 calls it by the type, and warns of the old name. For whole numbers from 0. */
#ifdef assert_uint_in_range
#define assert_between(value, least, most) assert_uint_in_range(value, least, most)
#else
#define assert_between(value, least, most) assert_in_range(value, least, most)
#endif
