/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** ASCII only, as in the C locale. */

static inline int isspace(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline int isdigit(int c)
{
	return c >= '0' && c <= '9';
}

static inline int islower(int c)
{
	return c >= 'a' && c <= 'z';
}

static inline int isprint(int c)
{
	return c >= ' ' && c <= '~';
}
