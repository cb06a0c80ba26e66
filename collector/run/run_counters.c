/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_counters.h"

#include <string.h>

#include "collector/run/run_program.h"
#include "common/array.h"

static struct run_counter *find_counter(struct run_result *r, unsigned lane, const char *name)
{
	for (size_t i = 0; i < r->n_counters; i++)
		if (r->counters[i].lane == (int)lane && strcmp(r->counters[i].name, name) == 0)
			return &r->counters[i];
	return NULL;
}

static void take_counter(unsigned lane, const char *name, const int64_t *value, uint64_t enabled_ns,
	uint64_t running_ns, void *userdata)
{
	struct run_result *r = userdata;
	struct run_counter *c = find_counter(r, lane, name);

	if (c) { /* of another thread of that lane */
		c->counted &= value != NULL;
		c->value += value ? *value : 0;
		c->enabled_ns += enabled_ns;
		c->running_ns += running_ns;
		return;
	}
	c = ARRAY_PUSH(r->counters, r->n_counters);
	if (!c)
		return;
	*c = (struct run_counter){.lane = (int)lane,
		.counted = value != NULL,
		.value = value ? *value : 0,
		.enabled_ns = enabled_ns,
		.running_ns = running_ns};
	strncpy(c->name, name, sizeof(c->name) - 1);
}

void run_take_counters(struct run *run)
{
	if (run->counters)
		counter_set_read(run->counters, take_counter, run->result);
}

static bool has_thread(const struct run *run, unsigned lane)
{
	return run_lanes_are_cpus(run) || run->threads[lane].tid;
}

static void count_event(const struct counter_info *info, void *userdata)
{
	static const char *const names[EVENT_COUNT] = {
		[EVENT_TASK_CLOCK] = "task-clock",
		[EVENT_SWITCHES] = "context-switches",
		[EVENT_MIGRATIONS] = "cpu-migrations",
		[EVENT_MINOR_FAULTS] = "minor-faults",
		[EVENT_MAJOR_FAULTS] = "major-faults",
	};
	struct run *run = userdata;
	struct run_result *r = run->result;
	unsigned event = 0;

	while (event < EVENT_COUNT && strcmp(names[event], info->name) != 0)
		event++;
	for (unsigned lane = 0; lane < run->request->lanes; lane++) {
		struct run_counter *c = find_counter(r, lane, info->name);

		if (!has_thread(run, lane) || (event == EVENT_COUNT && !c))
			continue;
		if (event == EVENT_COUNT) {
			/* Only its first thread was counted. */
			c->counted &= !run->threads[lane].several;
			continue;
		}
		if (!c) /* that thread was gone before its counters could be opened */
			take_counter(lane, info->name, NULL, 0, 0, r);
		c = find_counter(r, lane, info->name);
		if (!c)
			continue;
		c->counted = true;
		c->value = (int64_t)run_lane(run, lane)->events[event];
		c->enabled_ns = c->running_ns = r->end_ns - r->start_ns;
	}
}

void run_count_lanes(struct run *run)
{
	if (run->counters)
		counter_set_each(run->counters, count_event, run);
}
