/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Writes a gzip stream (RFC 1952) without a time in it, so that equal content is equal bytes. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <zlib.h>

struct gzip_stream {
	z_stream z;
	FILE *out;
	unsigned char buffer[32768];
};

/** Begin. -ENOMEM. */
int gzip_open(struct gzip_stream *g, FILE *out);

/** 0 or -EIO. */
int gzip_write(struct gzip_stream *g, const void *data, size_t n);

/** Write what is left, unless @result is an error already; release. @result, or -EIO. */
int gzip_close(struct gzip_stream *g, int result);
