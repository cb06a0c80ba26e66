/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/options.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "workload/pin.h"

/* libpng's own limit; no overflow below it: a raster has at most 4e12 bytes. */
#define SIDE_MAX 1000000
/* Colours are kept in memory, about as many as -step and -iteration say. */
#define STEPS_MAX 100000000

struct option {
	const char *name;
	const char *value_name; /**< NULL: a switch */
	int (*set)(const struct option *o, const char *value, void *field, struct error *error);
	size_t field;
	double minimum, maximum;
	const char *help;
};

static int bad_number(
	const struct option *o, const char *value, const char *what, struct error *error)
{
	return error_set_user(error, -EINVAL, "-%s: '%s' is no %s between %.15g and %.15g", o->name,
		value, what, o->minimum, o->maximum);
}

static int set_integer(const struct option *o, const char *value, void *field, struct error *error)
{
	long long number;
	char *end;

	errno = 0;
	number = strtoll(value, &end, 0);
	if (errno || end == value || *end || isspace((unsigned char)*value) ||
		(double)number < o->minimum || (double)number > o->maximum)
		return bad_number(o, value, "whole number", error);
	*(int64_t *)field = number;
	return 0;
}

static int set_cores(const struct option *o, const char *value, void *field, struct error *error)
{
	int64_t number;
	int r = set_integer(o, value, &number, error);

	if (r == 0)
		*(unsigned *)field = (unsigned)number;
	return r;
}

static int set_real(const struct option *o, const char *value, void *field, struct error *error)
{
	double number;
	char *end;

	number = strtod(value, &end);
	/* Written so that NaN fails. */
	if (end == value || *end || isspace((unsigned char)*value) ||
		!(number >= o->minimum && number <= o->maximum))
		return bad_number(o, value, "number", error);
	*(double *)field = number;
	return 0;
}

static int set_palette(const struct option *o, const char *value, void *field, struct error *error)
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

static int set_file(const struct option *o, const char *value, void *field, struct error *error)
{
	(void)o;
	(void)error;
	*(const char **)field = *value && strcmp(value, "none") != 0 ? value : NULL;
	return 0;
}

static int set_schedule(const struct option *o, const char *value, void *field, struct error *error)
{
	const struct schedule *s = schedule_find(value);

	if (!s)
		return error_set_user(error, -EINVAL,
			"-%s: there is no schedule '%s'; there are %s", o->name, value,
			schedule_names());
	*(const struct schedule **)field = s;
	return 0;
}

static int set_pin(const struct option *o, const char *value, void *field, struct error *error)
{
	if (!isdigit((unsigned char)*value) && strcmp(value, "cores") != 0 &&
		strcmp(value, "none") != 0)
		return error_set_user(error, -EINVAL,
			"-%s: '%s' is neither 'cores', 'none' nor a list such as 4,0,2-3", o->name,
			value);
	*(const char **)field = value;
	return 0;
}

static int set_switch(const struct option *o, const char *value, void *field, struct error *error)
{
	static const char *const words[2][6] = {
		{"0", "f", "F", "false", "False", "FALSE"},
		{"1", "t", "T", "true", "True", "TRUE"},
	};

	for (int i = 0; i < 2; i++)
		for (size_t j = 0; j < ARRAY_SIZE(words[i]); j++)
			if (strcmp(value, words[i][j]) == 0) {
				*(bool *)field = i;
				return 0;
			}
	return error_set_user(
		error, -EINVAL, "-%s: '%s' is neither 'true' nor 'false'", o->name, value);
}

static int set_help(const struct option *o, const char *value, void *field, struct error *error)
{
	(void)o;
	(void)value;
	(void)error;
	*(enum options_action *)field = ACTION_HELP;
	return 0;
}

static int set_version(const struct option *o, const char *value, void *field, struct error *error)
{
	(void)o;
	(void)value;
	(void)error;
	*(enum options_action *)field = ACTION_VERSION;
	return 0;
}

#define FIELD(f) offsetof(struct options, f)
#define SIDE     "N", set_integer
#define REAL     "X", set_real

static const struct option option_table[] = {
	{"cores", "N", set_cores, FIELD(cores), 1, RUNTIME_WORKERS_MAX,
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
	{"schedule", "POLICY", set_schedule, FIELD(schedule), 0, 0,
		"goroutine (default), thread, static, dynamic"},
	{"pin", "MODE", set_pin, FIELD(pin), 0, 0,
		"cores (default): bind each worker to a processor; none: do not; 4,0,2-3: to "
		"these"},
	{"sha256", NULL, set_switch, FIELD(sha256), 0, 0, "print the SHA-256 of the RGBA raster"},
	{"markers", NULL, set_switch, FIELD(markers), 0, 0,
		"report phases and workers as marker lines on standard output"},
	{"rows", NULL, set_switch, FIELD(rows), 0, 0, "with -markers: report every row as well"},
	{"help", NULL, set_help, FIELD(action), 0, 0, "show this help"},
	{"h", NULL, set_help, FIELD(action), 0, 0, NULL},
	{"version", NULL, set_version, FIELD(action), 0, 0, "show the version"},
};

static const struct option *find(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(option_table); i++)
		if (strlen(option_table[i].name) == length &&
			memcmp(option_table[i].name, name, length) == 0)
			return &option_table[i];
	return NULL;
}

/** One option at argv[*index], as Go's flag package reads it: -x v, --x v, -x=v, --x=v. */
static int parse_one(
	int argc, char **argv, int *index, struct options *options, struct error *error)
{
	const char *word = argv[*index], *name = word + 1, *value;
	const struct option *o;
	size_t length;

	if (*word != '-' || !word[1])
		return error_set_user(
			error, -EINVAL, "'%s' is no option; mandelbrot takes options only", word);
	name += *name == '-';
	length = strcspn(name, "=");
	value = name[length] ? name + length + 1 : NULL;
	o = find(name, length);
	if (!o)
		return error_set_user(
			error, -EINVAL, "there is no option '%s'; -help lists them", word);
	if (!value && o->value_name) {
		if (*index + 1 >= argc)
			return error_set_user(error, -EINVAL, "-%s needs a value", o->name);
		value = argv[++*index];
	}
	return o->set(o, value ? value : "true", (char *)options + o->field, error);
}

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
	int r = 0;

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
	if (pin_from_environment())
		r = set_pin(find("pin", 3), pin_from_environment(), &ret->pin, error);
	for (int i = 1; i < argc && r == 0 && ret->action == ACTION_RENDER; i++)
		r = parse_one(argc, argv, &i, ret, error);
	if (r == 0 && ret->action == ACTION_RENDER)
		r = check(ret, error);
	for (int i = 1; i < argc && r < 0; i++)
		ret->markers |=
			strcmp(argv[i], "-markers") == 0 || strcmp(argv[i], "--markers") == 0;
	return r;
}

void options_help(FILE *to)
{
	fputs("Usage: mandelbrot [OPTION]...\n"
	      "Render the Mandelbrot picture of the paper's workload, one task for each row.\n\n",
		to);
	for (size_t i = 0; i < ARRAY_SIZE(option_table); i++) {
		const struct option *o = &option_table[i];
		char left[32];

		if (!o->help)
			continue;
		snprintf(left, sizeof(left), "-%s %s", o->name, o->value_name ? o->value_name : "");
		fprintf(to, "  %-20s %s\n", left, o->help);
	}
	fputs("\nOptions take one or two dashes, and their value as the next word or after '='.\n"
	      "Exit status: 0 done, 1 it failed (memory, file, threads), 2 wrong usage.\n",
		to);
}
