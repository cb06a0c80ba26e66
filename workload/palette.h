/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Palettes, and the scale of colours made from one: part of the computing core, which needs no
 * libc.
 */

#include <stddef.h>
#include <stdint.h>

/** One colour of a palette. */
struct palette_stop {
	uint32_t rgb;    /**< 0xRRGGBB */
	double position; /**< on the scale, 0 to 1; 0 for any but the first: spread evenly */
};

struct palette {
	const char *name;
	const struct palette_stop *stops;
	size_t n_stops;
};

/** All palettes; the last has no name. */
extern const struct palette palettes[];

/** The palette of exactly that name, or NULL. */
const struct palette *palette_find(const char *name);

/**
 * The scale of colours: about @steps of them, from one stop to the next by the reference program's
 * cosine rule, in 32-bit numbers as it packs them ("packed" below). Writes the first @max to
 * @ret_packed (which may be NULL if @max is 0) and returns how many there are.
 * @steps must be finite and at least 1. Time and result are proportional to @steps.
 */
size_t palette_scale(const struct palette *p, double steps, uint32_t *ret_packed, size_t max);
