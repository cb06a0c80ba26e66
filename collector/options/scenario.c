/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/options/scenario.h"

#include <stdlib.h>
#include <string.h>

/* The paper's two (Selvacoumar et al., Euro-Par 2022 workshops, doi 10.1007/978-3-031-31209-0_23):
 * all that they leave open is the program's default: width 1024, smoothness 8. */
static const char *const paper_1[] = {"-height", "1000", "-iteration", "3000", NULL};
static const char *const paper_2[] = {"-height", "2000", "-iteration", "6000", NULL};
static const char *const quick[] = {
	"-width", "512", "-height", "384", "-smoothness", "2", "-iteration", "1000", NULL};

#define MANDELBROT "mandelbrot"
#define NOISE(name, title)                                                                         \
	{                                                                                          \
		"noise-" name, title, (const char *const[]){"-kernel", name, NULL}, "noise"        \
	}

#define KERNEL(scenario, kernel, class, title)                                                     \
	{                                                                                          \
		scenario, title, (const char *const[]){"-kernel", kernel, "-class", class, NULL},  \
			"kernels"                                                                  \
	}
#define CLASSES(kernel, letters, title)                                                            \
	KERNEL(kernel "-s", kernel, "S", letters ", class S" title),                               \
		KERNEL(kernel "-w", kernel, "W", letters ", class W" title),                       \
		KERNEL(kernel "-a", kernel, "A", letters ", class A" title)

const struct scenario scenario_table[] = {
	{"quick", "a few seconds, under emulation too", quick, MANDELBROT},
	{"paper-1", "the paper's first: 8192 x 8000 pixels, 3000 iterations", paper_1, MANDELBROT},
	{"paper-2", "the paper's second: 8192 x 16000 pixels, 6000 iterations", paper_2,
		MANDELBROT},
	NOISE("fwq", "noise: how long does the same work take?"),
	NOISE("ftq", "noise: how much work is missing in equal times?"),
	NOISE("detour", "noise: gaps in a loop that reads the clock"),
	NOISE("switch", "noise: two switches between threads, by pipes"),
	NOISE("condition", "noise: the same by a condition variable"),
	NOISE("mutex", "noise: a mutex that all want"),
	NOISE("barrier", "noise: a barrier of all"),
	NOISE("futex", "noise: a futex of all"),
	NOISE("create", "noise: threads are made and joined"),
	NOISE("timer", "noise: how late are sleepers woken?"),
	NOISE("yield", "noise: sched_yield()"),
	NOISE("malloc", "noise: memory is taken and given back"),
	CLASSES("ep", "NAS EP", ": random numbers; bound by arithmetic, workers never meet"),
	CLASSES("cg", "NAS CG", ": sparse matrix; bound by cache and memory, workers meet often"),
	CLASSES("is", "NAS IS", ": sorting; bound by memory, workers meet often"),
	CLASSES("stencil", "heat in a cube", ": 7-point Jacobi; bound by cache and memory"),
	KERNEL("triad", "triad", "A", "a = b + 3 c as in STREAM: memory bandwidth"),
	KERNEL("chase", "chase", "A", "pointers in random order: memory latency"),
	{.name = NULL},
};

const struct scenario *scenario_find(const char *name)
{
	for (const struct scenario *s = scenario_table; s->name; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

static void take(char *const *arguments, const char *name, uint64_t *value)
{
	for (; *arguments; arguments++) {
		const char *a = *arguments;

		if (a[0] != '-') /* another option's value */
			continue;
		a += a[1] == '-' ? 2 : 1;
		if (strncmp(a, name, strlen(name)) != 0)
			continue;
		a += strlen(name);
		if (*a == '=')
			*value = strtoull(a + 1, NULL, 10);
		else if (!*a && arguments[1])
			*value = strtoull(arguments[1], NULL, 10);
	}
}

uint64_t scenario_memory(char *const *arguments)
{
	uint64_t width = 1024, height = 768, smoothness = 8, bytes;

	take(arguments, "width", &width);
	take(arguments, "height", &height);
	take(arguments, "smoothness", &smoothness);
	if (__builtin_mul_overflow(width, height, &bytes) ||
		__builtin_mul_overflow(bytes, smoothness, &bytes) ||
		__builtin_mul_overflow(bytes, smoothness, &bytes) ||
		__builtin_mul_overflow(bytes, 4 + 2, &bytes)) /* raster, and half of it as PNG */
		return UINT64_MAX;
	return bytes;
}
