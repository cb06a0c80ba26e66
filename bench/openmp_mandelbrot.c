/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The peer of mandelbrot's runtime: the same rows from the same computing core, under OpenMP's
 * schedule(dynamic). Takes mandelbrot's options; prints the time of the render loop in ns.
 */
#include <inttypes.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "workload/emit.h"
#include "workload/fractal.h"
#include "workload/options.h"
#include "workload/picture.h"
#include "workload/sha256.h"

static int render(const struct options *o, const struct fractal *f, struct error *error)
{
	_cleanup_(raster_free) struct raster raster = {0};
	char hex[SHA256_HEX_SIZE];
	uint64_t start_ns, end_ns;
	int r = raster_new(f->width, f->height, &raster, error);

	if (r < 0)
		return r;
	omp_set_num_threads((int)(o->cores ? o->cores : pin_count_plain()));
	/* The team is made before the clock starts, as mandelbrot's workers are. */
#pragma omp parallel
	{
	}
	start_ns = emit_now_ns();
#pragma omp parallel for schedule(dynamic)
	for (uint32_t y = 0; y < f->height; y++)
		fractal_row(f, y, raster.pixels + (size_t)y * raster.width * 4);
	end_ns = emit_now_ns();
	printf("%" PRIu64 "\n", end_ns - start_ns);
	if (o->sha256) {
		sha256_hex(raster.pixels, raster.bytes, hex);
		puts(hex);
	}
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_free_ uint32_t *scale = NULL;
	struct error error = {.text = ""};
	struct options o;
	struct fractal f;
	int r = options_parse(argc, argv, &o, &error);

	if (r == 0) {
		f = (struct fractal){.width = (uint32_t)o.width,
			.height = (uint32_t)o.height,
			.max_iteration = o.iteration,
			.n_scale = palette_scale(o.palette, o.step, NULL, 0)};
		f.scale = scale = calloc(f.n_scale, sizeof(*scale));
		if (!scale)
			r = error_no_memory(&error);
	}
	if (r == 0) {
		palette_scale(o.palette, o.step, scale, f.n_scale);
		fractal_frame(&f, o.xpos, o.ypos, o.radius);
		r = render(&o, &f, &error);
	}
	if (r < 0)
		fprintf(stderr, "openmp_mandelbrot: %s\n", error.text);
	return r < 0 ? 1 : 0;
}
