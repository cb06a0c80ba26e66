/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/export/gzip_stream.h"

#include <errno.h>

int gzip_open(struct gzip_stream *g, FILE *out)
{
	g->z = (z_stream){};
	g->out = out;
	/* 15 is the largest window, 16 asks for gzip's head and foot. */
	return deflateInit2(&g->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
		       Z_DEFAULT_STRATEGY) == Z_OK
		       ? 0
		       : -ENOMEM;
}

static int push(struct gzip_stream *g, int flush)
{
	int r;

	do {
		size_t n;

		g->z.next_out = g->buffer;
		g->z.avail_out = sizeof(g->buffer);
		r = deflate(&g->z, flush);
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
			return -EIO;
		n = sizeof(g->buffer) - g->z.avail_out;
		if (fwrite(g->buffer, 1, n, g->out) != n)
			return -EIO;
	} while (g->z.avail_out == 0 || (flush == Z_FINISH && r == Z_OK));
	return 0;
}

int gzip_write(struct gzip_stream *g, const void *data, size_t n)
{
	g->z.next_in = (unsigned char *)(uintptr_t)data;
	g->z.avail_in = (unsigned int)n;
	return push(g, Z_NO_FLUSH);
}

int gzip_close(struct gzip_stream *g, int result)
{
	if (result >= 0) {
		g->z.avail_in = 0;
		result = push(g, Z_FINISH);
	}
	deflateEnd(&g->z);
	return result;
}
