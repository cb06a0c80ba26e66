/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/palette.h"

#include "workload/gomath.h"

/*
 * How the reference packs an opaque colour: each channel goes through 16 bits (times 257) and is
 * divided by 255, so that 255 becomes 257 and runs into its neighbour. The picture depends on it.
 */
static uint32_t pack(uint32_t rgb)
{
	uint32_t r = (rgb >> 16 & 0xff) * 257 / 255;
	uint32_t g = (rgb >> 8 & 0xff) * 257 / 255;
	uint32_t b = (rgb & 0xff) * 257 / 255;

	return r << 24 | g << 16 | b << 8 | 257;
}

static double stop_position(const struct palette *p, size_t i)
{
	if (p->stops[i].position != 0.0 || i == 0)
		return p->stops[i].position;
	/* Two decimals, cut: the large palettes have stops that fall together. */
	return (double)go_int((double)(i + 1) / (double)p->n_stops * 100) / 100;
}

/* The colour at @where between stop @i and the next. */
static uint32_t blend(const struct palette *p, size_t i, double where)
{
	double from = stop_position(p, i), to = stop_position(p, i + 1);
	double mu = (where - from) / (to - from);
	double weight = (1 - go_cos(mu * GO_PI)) / 2.0;
	double low = pack(p->stops[i].rgb), high = pack(p->stops[i + 1].rgb);

	/* The weight is on the lower colour: the reference hands its colours over in that order. */
	return go_uint32(high * (1 - weight) + low * weight);
}

const struct palette *palette_find(const char *name)
{
	for (const struct palette *p = palettes; p->name; p++) {
		size_t i = 0;

		while (name[i] && name[i] == p->name[i])
			i++;
		if (name[i] == p->name[i])
			return p;
	}
	return NULL;
}

size_t palette_scale(const struct palette *p, double steps, uint32_t *ret_packed, size_t max)
{
	const double factor = 1.0 / steps;
	double where = 0.0;
	size_t stop = 0, n = 0;

	/* Added up, not multiplied: the reference's rounding errors are part of the scale. */
	while (where <= 1) {
		while (stop + 1 < p->n_stops && where >= stop_position(p, stop + 1))
			stop++;
		if (stop + 1 >= p->n_stops)
			break;
		if (n < max) {
			/* Back to 8 bits a channel, opaque, then packed again as it is when used.
			 */
			ret_packed[n] = pack(blend(p, stop, where) >> 8);
		}
		n++;
		where += factor;
	}
	return n;
}
