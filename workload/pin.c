/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/pin.h"

#include <ctype.h>
#include <errno.h>
#include <hwloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/pin_variable.h"

#define PIN_LIST_MAX 4096 /* RUNTIME_WORKERS_MAX */

struct pin_map {
	hwloc_topology_t topology;
	unsigned count;
	hwloc_obj_t *units; /* by lane */
};

static int load(struct pin_map *map, struct error *error)
{
	/* Inside OSv hwloc complains about a processor that it cannot bind itself to; it works all
	 * the same. */
	setenv("HWLOC_HIDE_ERRORS", "2", 0);
	/* Plugins find devices, at the price of loading X11, OpenCL and the like: an empty path has
	 * none. */
	setenv("HWLOC_PLUGINS_PATH", "", 0);
	if (hwloc_topology_init(&map->topology) < 0)
		return error_set(error, -ENOMEM, "hwloc: cannot make a topology");
	/* Cores and PUs are all that is asked about: it starts faster so. */
	hwloc_topology_set_all_types_filter(map->topology, HWLOC_TYPE_FILTER_KEEP_NONE);
	hwloc_topology_set_type_filter(map->topology, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL);
	/* Where the kernel tells, there is no need to visit every processor and ask it. */
	if (access("/sys/devices/system/cpu/cpu0/topology", F_OK) == 0)
		hwloc_topology_set_components(
			map->topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
	if (hwloc_topology_load(map->topology) < 0)
		return error_set_errno(error, -EIO, "hwloc cannot read the machine's topology");
	return 0;
}

/** The PUs that this program may use, as a set. */
static hwloc_bitmap_t allowed_set(hwloc_topology_t topology)
{
	hwloc_bitmap_t allowed = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(topology));
	hwloc_bitmap_t bound = hwloc_bitmap_alloc();

	if (allowed && bound && hwloc_get_cpubind(topology, bound, HWLOC_CPUBIND_THREAD) == 0 &&
		hwloc_bitmap_intersects(allowed, bound))
		hwloc_bitmap_and(allowed, allowed, bound);
	hwloc_bitmap_free(bound);
	return allowed;
}

/** How many PUs of @pu's core come before it in @allowed; all of them if there is no core. */
static unsigned rank_in_core(
	hwloc_topology_t topology, hwloc_obj_t pu, hwloc_const_bitmap_t allowed)
{
	hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, pu);
	hwloc_obj_t other = NULL;
	unsigned rank = 0;

	while (core &&
		(other = hwloc_get_next_obj_inside_cpuset_by_type(
			 topology, core->cpuset, HWLOC_OBJ_PU, other)) &&
		other != pu)
		rank += hwloc_bitmap_isset(allowed, other->os_index) ? 1 : 0;
	return rank;
}

static void deal(struct pin_map *map, hwloc_const_bitmap_t allowed, unsigned n)
{
	for (unsigned rank = 0; map->count < n && rank < n; rank++) {
		hwloc_obj_t pu = NULL;

		while (map->count < n &&
			(pu = hwloc_get_next_obj_by_type(map->topology, HWLOC_OBJ_PU, pu)))
			if (hwloc_bitmap_isset(allowed, pu->os_index) &&
				rank_in_core(map->topology, pu, allowed) == rank)
				map->units[map->count++] = pu;
	}
}

static int deal_all(struct pin_map *map, struct error *error)
{
	hwloc_bitmap_t allowed;
	int n;

	allowed = allowed_set(map->topology);
	n = allowed ? hwloc_bitmap_weight(allowed) : 0;
	map->units = n > 0 ? calloc((size_t)n, sizeof(hwloc_obj_t)) : NULL;
	if (map->units)
		deal(map, allowed, (unsigned)n);
	hwloc_bitmap_free(allowed);
	if (map->count == 0)
		return error_set(error, -EIO, "hwloc finds no processor that may be used");
	return 0;
}

static int add_range(struct pin_map *map, unsigned first, unsigned last, struct error *error)
{
	for (unsigned cpu = first; cpu <= last; cpu++) {
		hwloc_obj_t unit = hwloc_get_pu_obj_by_os_index(map->topology, cpu);

		if (!unit || map->count == PIN_LIST_MAX)
			return error_set_user(error, -EINVAL,
				"-pin: processor %u is not there, or is one too many", cpu);
		map->units[map->count++] = unit;
	}
	return 0;
}

static int deal_list(struct pin_map *map, const char *list, struct error *error)
{
	const char *p = list;
	int r = 0;

	map->units = calloc(PIN_LIST_MAX, sizeof(hwloc_obj_t));
	if (!map->units)
		return error_no_memory(error);
	while (r == 0) {
		unsigned first, last;
		int n = 0;

		if (!isdigit((unsigned char)*p) || sscanf(p, "%7u%n", &first, &n) != 1)
			break;
		p += n;
		last = first;
		if (*p == '-') {
			if (sscanf(p, "-%7u%n", &last, &n) != 1 || last < first)
				break;
			p += n;
		}
		r = add_range(map, first, last, error);
		if (r < 0 || !*p)
			return r;
		if (*p++ != ',')
			break;
	}
	return error_set_user(error, -EINVAL,
		"-pin: '%s' is neither 'cores', 'none' nor a list such as 4,0,2-3", list);
}

int pin_map_new(const char *list, struct pin_map **ret, struct error *error)
{
	_cleanup_(pin_map_freep) struct pin_map *map = calloc(1, sizeof(*map));
	int r;

	if (!map)
		return error_no_memory(error);
	r = load(map, error);
	if (r == 0)
		r = list ? deal_list(map, list, error) : deal_all(map, error);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(map);
	return 0;
}

void pin_map_free(struct pin_map *map)
{
	if (!map)
		return;
	if (map->topology)
		hwloc_topology_destroy(map->topology);
	free(map->units);
	free(map);
}

unsigned pin_map_count(const struct pin_map *map)
{
	return map->count;
}

unsigned pin_map_cpu(const struct pin_map *map, unsigned lane)
{
	return map->units[lane]->os_index;
}

int pin_map_bind(const struct pin_map *map, unsigned lane)
{
	if (hwloc_set_cpubind(map->topology, map->units[lane]->cpuset, HWLOC_CPUBIND_THREAD) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

unsigned pin_count_plain(void)
{
	cpu_set_t set;
	long online;

	if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
		return (unsigned)CPU_COUNT(&set);
	online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 ? (unsigned)online : 1;
}

const char *pin_from_environment(void)
{
	const char *value = getenv(PIN_VARIABLE);

	return value && *value ? value : NULL;
}
