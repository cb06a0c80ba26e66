/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The picture that the runs rendered. Runs leave no picture behind, so it is rendered again,
 * smaller, by the program itself with the parameters that the store has; the caption says so.
 * Nothing of the store reaches the program but numbers and the name of a palette, looked at one by
 * one.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "common/cleanup.h"
#include "common/program_folder.h"
#include "common/spawn.h"
#include "reports/figures/figures_internal.h"

#define PICTURE_FILE "picture.png"
#define WIDTH_MAX    512
#define SIDE_MIN     32
/* Steps of all points, at most: this takes some tenths of a second. */
#define STEPS_MAX   300e6
#define PATIENCE_MS 5000

enum parameter { WIDTH, HEIGHT, ITERATION, RADIUS, XPOS, YPOS, STEP, PALETTE, PARAMETERS };

/* The program's options that make the picture what it is, and what they are if not given. */
static const struct {
	const char *name;
	const char *standard;
} parameters[PARAMETERS] = {
	[WIDTH] = {"width", "1024"},
	[HEIGHT] = {"height", "768"},
	[ITERATION] = {"iteration", "800"},
	[RADIUS] = {"radius", "0.125689"},
	[XPOS] = {"xpos", "-0.00275"},
	[YPOS] = {"ypos", "0.78912"},
	[STEP] = {"step", "6000"},
	[PALETTE] = {"palette", "Hippi"},
};

struct picture {
	char value[PARAMETERS][24];
	bool given; /* of the command line that says what the picture is, at least something */
	bool bad;   /* something there is not understood */
	long width, height;
};

static bool is_good(enum parameter parameter, const char *value)
{
	size_t n = strlen(value);

	if (n == 0 || n >= sizeof(((struct picture *)NULL)->value[0]))
		return false;
	for (; *value; value++)
		if (parameter == PALETTE ? !isalnum((unsigned char)*value)
					 : !isdigit((unsigned char)*value) &&
						   (parameter < RADIUS || !strchr("+-.eE", *value)))
			return false;
	return true;
}

/** Take a word of the command line: an option, with "=value" or the next word @next as its value.
 */
static void take_word(struct picture *p, const char *word, const char *next)
{
	word += strspn(word, "-");
	for (int i = 0; i < PARAMETERS; i++) {
		size_t n = strlen(parameters[i].name);
		const char *value;

		if (strncmp(word, parameters[i].name, n) != 0 || (word[n] && word[n] != '='))
			continue;
		value = word[n] ? word + n + 1 : next;
		p->given = true;
		if (value && is_good((enum parameter)i, value))
			memcpy(p->value[i], value, strlen(value) + 1);
		else
			p->bad = true;
	}
}

/** The words of a text, parted by spaces; options may stand within one argument (a kernel's). */
static void take_text(struct picture *p, char *text)
{
	char *rest = NULL, *word = strtok_r(text, " ", &rest);

	while (word) {
		char *next = strtok_r(NULL, " ", &rest);

		if (word[0] == '-')
			take_word(p, word, next);
		word = next;
	}
}

/** What the command line @json, an array of arguments, says of the picture. */
static int read_command(const char *json, struct picture *ret)
{
	json_t *array = json_loads(json, 0, NULL), *item;
	_cleanup_free_ char *text = NULL;
	size_t size = 0, i;
	FILE *out;

	*ret = (struct picture){};
	for (int k = 0; k < PARAMETERS; k++)
		memcpy(ret->value[k], parameters[k].standard, strlen(parameters[k].standard) + 1);
	out = open_memstream(&text, &size);
	if (!out) {
		json_decref(array);
		return -ENOMEM;
	}
	json_array_foreach (array, i, item)
		if (json_is_string(item))
			fprintf(out, "%s ", json_string_value(item));
	json_decref(array);
	if (fclose(out) != 0)
		return -ENOMEM;
	take_text(ret, text);
	return 0;
}

/** How large it can be in the time that it may take. False: too small to see anything. */
static bool choose_size(struct picture *p)
{
	double width = strtod(p->value[WIDTH], NULL), height = strtod(p->value[HEIGHT], NULL);
	double points = STEPS_MAX / fmax(1, strtod(p->value[ITERATION], NULL));
	double scale =
		fmin(fmin(WIDTH_MAX / width, WIDTH_MAX / height), sqrt(points / (width * height)));

	if (!(width > 0) || !(height > 0))
		return false;
	p->width = lround(width * fmin(1, scale));
	p->height = lround(height * fmin(1, scale));
	return p->width >= SIDE_MIN && p->height >= SIDE_MIN;
}

/** Render it into PICTURE_FILE. 0: it cannot be had; 1. */
static int render(const struct draft *d, const struct picture *p, char *program)
{
	_cleanup_free_ char *output = NULL;
	char words[2 * PARAMETERS][32], width[24], height[24];
	char *argv[2 * PARAMETERS + 8] = {program, (char *)"-smoothness", (char *)"1",
		(char *)"-pin", (char *)"none", (char *)"-file", (char *)PICTURE_FILE};
	size_t n = 7;
	int status = 0, r;

	snprintf(width, sizeof(width), "%ld", p->width);
	snprintf(height, sizeof(height), "%ld", p->height);
	for (size_t i = 0; i < PARAMETERS; i++) {
		snprintf(words[2 * i], sizeof(words[0]), "-%s", parameters[i].name);
		snprintf(words[2 * i + 1], sizeof(words[0]), "%s",
			i == WIDTH    ? width
			: i == HEIGHT ? height
				      : p->value[i]);
		argv[n++] = words[2 * i];
		argv[n++] = words[2 * i + 1];
	}
	r = spawn_and_collect(&(struct spawn){.argv = argv, .folder_fd = d->folder_fd}, PATIENCE_MS,
		&output, &status, NULL);
	if (r >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 1;
	(void)unlinkat(d->folder_fd, PICTURE_FILE, 0); /* half of it may be there */
	return 0;
}

/** Say whether the runs of this workload rendered the same, by their own checksums. */
static void say_checksums(const struct summary *s, const char *scenario, FILE *out)
{
	const struct store_tables *t = store_tables(s->store);
	const char *first = NULL;
	size_t n = 0, same = 0;

	for (size_t i = 0; i < t->n_runs; i++) {
		const struct store_run *run = &t->runs[i];

		if (!run->ok || run->scenario != scenario || !run->raster_sha256)
			continue;
		first = first ? first : run->raster_sha256;
		n++;
		same += strcmp(first, run->raster_sha256) == 0;
	}
	if (n > 1 && same == n)
		fprintf(out, " The full rasters of %zu runs have the same SHA-256.", n);
	else if (n > 1)
		fprintf(out,
			" The full rasters of the runs differ: %zu of %zu have another SHA-256.",
			n - same, n);
}

static void write_figure(struct draft *d, const struct picture *p, const struct store_run *run,
	const struct summary *s)
{
	fputs("option,value\n", d->data);
	for (int i = 0; i < PARAMETERS; i++)
		fprintf(d->data, "%s,%s\n", parameters[i].name, p->value[i]);
	fprintf(d->data, "rendered_width,%ld\nrendered_height,%ld\n", p->width, p->height);
	fprintf(d->plot,
		"set margins 0, 0, 0, 0\nunset border\nunset tics\nunset grid\n"
		"set xrange [-0.5:%ld.5]\nset yrange [-0.5:%ld.5]\n"
		"plot '" PICTURE_FILE "' binary filetype=png with rgbimage notitle\n",
		p->width - 1, p->height - 1);
	d->height_cm = FIGURE_WIDTH_CM * (double)p->height / (double)p->width;
	d->extra = PICTURE_FILE;
	fprintf(d->caption,
		"The picture of scenario %s, rendered again for this report by the same program "
		"with "
		"the same parameters, at %ld by %ld points and one sample for each.",
		run->scenario, p->width, p->height);
	say_checksums(s, run->scenario, d->caption);
}

int figure_picture(const struct figures_source *source, struct draft *d)
{
	const struct summary *s = source->summary;
	_cleanup_free_ char *program = NULL;
	struct picture p;
	int r;

	for (size_t i = 0; s && i < s->n_configurations; i++) {
		const struct configuration *configuration = &s->configurations[i];
		const struct store_run *run =
			configuration->series.n ? configuration->series.runs[0] : NULL;

		if (!run || !run->command)
			continue;
		r = read_command(run->command, &p);
		if (r < 0)
			return r;
		if (!p.given || p.bad || !choose_size(&p))
			continue;
		r = program_folder_workload("mandelbrot", &program) < 0 ? 0
									: render(d, &p, program);
		if (r > 0)
			write_figure(d, &p, run, s);
		return r;
	}
	return 0;
}
