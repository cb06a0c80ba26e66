/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The raster in memory, and writing it as PNG. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct raster {
	uint32_t width, height;
	size_t bytes;    /**< width × height × 4 */
	uint8_t *pixels; /**< R, G, B, A, not premultiplied, row after row */
};

/**
 * A zeroed raster, at least 1 × 1. Its pages come when they are first written to. -ENOMEM with a
 * message, also where the system would give it but has not the memory to back it.
 */
int raster_new(uint32_t width, uint32_t height, struct raster *ret, struct error *error);

void raster_free(struct raster *raster);

/** A file that is to become the picture. */
struct picture_file {
	const char *path; /**< the caller's */
	int fd;
	bool created; /**< it was not there before */
};

/**
 * Open @path for writing, without touching what is in it: whether it can be written shows before
 * hours of rendering. Negative errno with a message.
 */
int picture_open(const char *path, struct picture_file *ret, struct error *error);

/** Replace the file's content by @raster as an 8-bit RGBA PNG, and close it. Negative errno with a
 * message. */
int picture_write(struct picture_file *file, const struct raster *raster, struct error *error);

/** Close a file that picture_write() did not finish; remove it if picture_open() created it. */
void picture_abandon(struct picture_file *file);
