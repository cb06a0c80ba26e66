/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The Mandelbrot picture, row by row: the computing core.
 *
 * It reproduces the arithmetic of the program that the paper measures (gobrot) to the last bit,
 * whoever computes which row. It needs no libc, allocates nothing and keeps no state, so that a
 * bare kernel links the same sources. Facts about the reference: mandelbrot.go of
 * https://github.com/Akilan1999/mandelbrot-go-uni-kernel-.
 */

#include <stddef.h>
#include <stdint.h>

struct fractal {
	/* given */
	uint32_t width, height; /**< of the raster (smoothness included), at least 2 each */
	int64_t max_iteration;  /**< at least 1 */
	const uint32_t *scale;  /**< packed colours from palette_scale() */
	size_t n_scale;
	/* made by fractal_frame() */
	double x_min, x_span, y_min, y_span;
};

/** Place the raster (width and height are set) around (@x, @y); @extent is its width in the plane.
 */
void fractal_frame(struct fractal *f, double x, double y, double extent);

/**
 * Render row @row (from 0): width × 4 bytes R, G, B, A. Points beyond the scale of colours are
 * transparent black. So are those whose logarithm is infinite or no number (the orbit is exactly
 * zero or overflows), where the reference program dies.
 */
void fractal_row(const struct fractal *f, uint32_t row, uint8_t *ret_rgba);
