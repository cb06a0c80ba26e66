/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In place of the parts of mandelbrot that need an operating system's libraries: binding threads
 * (pin.h), the picture (picture.h), and the policy that makes a thread for each row.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guests/bare/program.h"
#include "guests/bare/vcpu.h"
#include "workload/picture.h"
#include "workload/pin.h"
#include "workload/runtime-internal.h"

struct pin_map {
	unsigned n;
};

static struct pin_map the_map;

int pin_map_new(const char *list, struct pin_map **ret, struct error *error)
{
	if (list)
		return error_set_user(
			error, -ENOTSUP, "-pin %s: in this guest worker K is on vCPU K", list);
	the_map.n = vcpu_count();
	*ret = &the_map;
	return 0;
}

void pin_map_free(struct pin_map *map)
{
	(void)map;
}

unsigned pin_map_count(const struct pin_map *map)
{
	return map->n;
}

unsigned pin_map_cpu(const struct pin_map *map, unsigned lane)
{
	(void)map;
	return lane;
}

/* Worker K is on vCPU K by itself. */
int pin_map_bind(const struct pin_map *map, unsigned lane)
{
	(void)map;
	(void)lane;
	return 0;
}

/* There is no environment. */
const char *pin_from_environment(void)
{
	return NULL;
}

unsigned pin_count_plain(void)
{
	return vcpu_count();
}

int raster_new(uint32_t width, uint32_t height, struct raster *ret, struct error *error)
{
	size_t bytes = (size_t)width * height * 4;
	uint8_t *pixels = calloc(1, bytes);

	if (!pixels)
		return error_no_memory(error,
			" for a raster of %u x %u pixels (%zu MiB); give the guest "
			"more",
			width, height, bytes >> 20);
	*ret = (struct raster){width, height, bytes, pixels};
	return 0;
}

void raster_free(struct raster *raster)
{
	*raster = (struct raster){0};
}

int picture_open(const char *path, struct picture_file *ret, struct error *error)
{
	(void)ret;
	return error_set_user(error, -ENOTSUP,
		"-file %s: there is no file system in this guest, only -file none", path);
}

int picture_write(struct picture_file *file, const struct raster *raster, struct error *error)
{
	(void)raster;
	return error_set(error, -ENOTSUP, "no picture can be written to %s", file->path);
}

void picture_abandon(struct picture_file *file)
{
	(void)file;
}

static int no_threads(struct runtime *rt, struct error *error)
{
	(void)rt;
	return error_set_user(error, -ENOTSUP,
		"-schedule: 'thread' needs an operating system; this guest has goroutine, static, "
		"dynamic");
}

static bool no_step(struct worker *w)
{
	(void)w;
	return false;
}

const struct schedule schedule_thread = {
	.name = "thread",
	.step = no_step,
	.has_work = no_step,
	.run_all = no_threads,
};
