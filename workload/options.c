/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

/* libpng's own limit; no overflow below it: a raster has at most 4e12 bytes. */
#define SIDE_MAX 1000000
/* Colours are kept in memory, about as many as -step and -iteration say. */
#define STEPS_MAX 100000000

static int set_palette(const struct flag *o, const char *value, void *field, struct error *error)
{
	const struct palette *p = palette_find(value);
	char names[256] = "";
	size_t used = 0;

	if (p) {
		*(const struct palette **)field = p;
		return 0;
	}
	for (p = palettes; p->name && used < sizeof(names); p++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
			p == palettes ? "" : ", ", p->name);
	return error_set_user(error, -EINVAL, "-%s: there is no palette '%s'; there are %s",
		o->name, value, names);
}

static int set_file(const struct flag *o, const char *value, void *field, struct error *error)
{
	(void)o;
	(void)error;
	*(const char **)field = *value && strcmp(value, "none") != 0 ? value : NULL;
	return 0;
}

#define FIELD(f) offsetof(struct options, f)
#define SIDE     "N", flag_integer
#define REAL     "X", flag_real

static const struct flag option_table[] = {
	{"cores", "N", flag_count, FIELD(cores), 1, RUNTIME_WORKERS_MAX,
		"workers (default: all processors that the program may use)"},
	{"width", SIDE, FIELD(width), 1, SIDE_MAX, "width of the picture (1024)"},
	{"height", SIDE, FIELD(height), 1, SIDE_MAX, "height of the picture (768)"},
	{"iteration", SIDE, FIELD(iteration), 1, STEPS_MAX, "most iterations for a point (800)"},
	{"smoothness", SIDE, FIELD(smoothness), 1, SIDE_MAX,
		"the raster is this many times as wide and high (8)"},
	{"radius", REAL, FIELD(radius), -1e9, 1e9, "width of the picture in the plane (0.125689)"},
	{"xpos", REAL, FIELD(xpos), -1e9, 1e9, "centre of the picture, real part (-0.00275)"},
	{"ypos", REAL, FIELD(ypos), -1e9, 1e9, "centre of the picture, imaginary part (0.78912)"},
	{"palette", "NAME", set_palette, FIELD(palette), 0, 0,
		"AfternoonBlue, SummerBeach, Biochimist, Fiesta, Hippi (default), Vivid, Plan9"},
	{"step", REAL, FIELD(step), -STEPS_MAX, STEPS_MAX,
		"colours of the whole palette (6000; at least as many as -iteration)"},
	{"file", "FILE", set_file, FIELD(file), 0, 0,
		"the picture, as PNG (mandelbrot.png); 'none' or '': write none"},
	{"schedule", "POLICY", flag_schedule, FIELD(schedule), 0, 0,
		"goroutine (default), thread, static, dynamic"},
	{"pin", "MODE", flag_pin, FIELD(pin), 0, 0,
		"cores (default): bind each worker to a processor; none: do not; 4,0,2-3: to "
		"these"},
	{"sha256", NULL, flag_switch, FIELD(sha256), 0, 0, "print the SHA-256 of the RGBA raster"},
	{"markers", NULL, flag_switch, FIELD(markers), 0, 0,
		"report phases and workers as marker lines on standard output"},
	{"rows", NULL, flag_switch, FIELD(rows), 0, 0, "with -markers: report every row as well"},
	{"help", NULL, flag_help, FIELD(action), 0, 0, "show this help"},
	{"h", NULL, flag_help, FIELD(action), 0, 0, NULL},
	{"version", NULL, flag_version, FIELD(action), 0, 0, "show the version"},
};

static const struct flag_table table = {"mandelbrot", option_table, ARRAY_SIZE(option_table)};

static int check(struct options *o, struct error *error)
{
	const char *side = o->width > SIDE_MAX / o->smoothness ? "wide" : "high";

	if (o->width > SIDE_MAX / o->smoothness || o->height > SIDE_MAX / o->smoothness)
		return error_set_user(error, -ERANGE,
			"a raster more than %d pixels %s is too large (-width and -height times "
			"-smoothness)",
			SIDE_MAX, side);
	o->width *= o->smoothness;
	o->height *= o->smoothness;
	if (o->width < 2 || o->height < 2)
		return error_set_user(error, -ERANGE,
			"a raster needs at least 2 x 2 pixels (-width and -height times "
			"-smoothness)");
	/* As the reference does. */
	if (o->step < (double)o->iteration)
		o->step = (double)o->iteration;
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret, struct error *error)
{
	int r;

	*ret = (struct options){
		.width = 1024,
		.height = 768,
		.smoothness = 8,
		.iteration = 800,
		.radius = .125689,
		.xpos = -0.00275,
		.ypos = 0.78912,
		.step = 6000,
		.palette = palette_find("Hippi"),
		.file = "mandelbrot.png",
		.schedule = schedule_find("goroutine"),
		.pin = "cores",
	};
	r = flags_parse(&table, argc, argv, ret, &ret->action, error);
	if (r == 0 && ret->action == ACTION_RUN)
		r = check(ret, error);
	if (r < 0)
		ret->markers |= flags_ask_for_markers(argc, argv);
	return r;
}

void options_help(FILE *to)
{
	fputs("Usage: mandelbrot [OPTION]...\n"
	      "Render the Mandelbrot picture of the paper's workload, one task for each row.\n\n",
		to);
	flags_help(&table, to);
	fputs("Exit status: 0 done, 1 it failed (memory, file, threads), 2 wrong usage.\n", to);
}
