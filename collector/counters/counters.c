/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/counters/counters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/counters/counter_event.h"
#include "common/array.h"
#include "common/cleanup.h"

#define EVENTS_MAX 64
/* Counters that a group may ask for at once: with more, a group that fits on paper may never get
 * its turn beside the NMI watchdog. */
#define HARDWARE_GROUP_MAX 4

static const char *const hardware_names[] = {
	"cycles",
	"instructions",
	"cache-misses",
	"branch-misses",
};

static const char *const software_names[] = {
	"task-clock",
	"context-switches",
	"cpu-migrations",
	"minor-faults",
	"major-faults",
};

/* Of one thread, or tree of them on one CPU: a lane may have several. */
struct lane_counters {
	bool open;
	unsigned lane;
	int on_cpu; /* of a tree: an event that runs while it is on that CPU; else negative */
	int fds[EVENTS_MAX];     /* negative: not counted */
	int leaders[EVENTS_MAX]; /* index of the group's first event; of a leader its own */
};

struct counter_set {
	struct counter_event events[EVENTS_MAX];
	size_t n_events;
	struct lane_counters *lanes;
	size_t n_lanes;
	int held; /* an event that counts nothing, or negative */
};

static void close_lane(struct lane_counters *lane)
{
	for (size_t i = 0; lane->open && i < EVENTS_MAX; i++)
		close_safe(lane->fds[i]);
	if (lane->open)
		close_safe(lane->on_cpu);
	lane->open = false;
}

void counter_set_close(struct counter_set *set)
{
	for (size_t i = 0; i < set->n_lanes; i++)
		close_lane(&set->lanes[i]);
	set->n_lanes = 0;
}

void counter_set_free(struct counter_set *set)
{
	if (!set)
		return;
	counter_set_close(set);
	for (size_t i = 0; i < set->n_events; i++)
		counter_event_done(&set->events[i]);
	close_safe(set->held);
	free(set->lanes);
	free(set);
}

static void cleanup_setp(struct counter_set **set)
{
	counter_set_free(*set);
}

static int add_event(struct counter_set *set, const char *name, struct error *error)
{
	int r;

	if (set->n_events >= EVENTS_MAX)
		return error_set_user(
			error, -EINVAL, "--counters: more than %d events", EVENTS_MAX);
	for (size_t i = 0; i < set->n_events; i++)
		if (strcasecmp(set->events[i].name, name) == 0)
			return error_set_user(
				error, -EINVAL, "--counters: '%s' is named twice", name);
	r = counter_event_encode(name, &set->events[set->n_events], error);
	if (r < 0)
		return r;
	counter_event_probe(&set->events[set->n_events]);
	set->n_events++;
	return 0;
}

static int add_names(
	struct counter_set *set, const char *const *names, size_t n, struct error *error)
{
	for (size_t i = 0; i < n; i++) {
		int r = add_event(set, names[i], error);

		if (r < 0)
			return r;
	}
	return 0;
}

static int add_list(struct counter_set *set, const char *list, struct error *error)
{
	_cleanup_free_ char *copy = strdup(list);
	char *rest = copy, *name;

	if (!copy)
		return -ENOMEM;
	while ((name = strsep(&rest, ","))) {
		int r;

		name += strspn(name, " ");
		name[strcspn(name, " ")] = '\0';
		if (!*name)
			return error_set_user(
				error, -EINVAL, "--counters has an empty item in '%s'", list);
		r = add_event(set, name, error);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool counts_nothing(const struct counter_set *set)
{
	for (size_t i = 0; i < set->n_events; i++)
		if (!set->events[i].reason)
			return false;
	return true;
}

static const struct perf_event_attr nothing = {
	.type = PERF_TYPE_SOFTWARE,
	.size = sizeof(nothing),
	.config = PERF_COUNT_SW_DUMMY,
	.read_format =
		PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
	.exclude_kernel = 1,
};

/*
 * The first event of any thread makes the kernel patch its scheduler and wait until every CPU has
 * been through it: tens of milliseconds in the middle of a run, in which no marker is read. And so
 * again whenever there was none for a second. One that is held from before is cheap.
 */
static int hold_event(void)
{
	struct perf_event_attr attr = nothing;

	attr.disabled = 1;
	return counter_event_open(&attr, &(struct counter_target){0}, -1);
}

int counter_set_new(const char *list, struct counter_set **ret, struct error *error)
{
	_cleanup_(cleanup_setp) struct counter_set *set = NULL;
	int r = counter_event_library(error);

	if (r < 0)
		return r;
	set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	set->held = hold_event();
	r = list ? add_list(set, list, error)
		 : add_names(set, hardware_names, ARRAY_SIZE(hardware_names), error);
	if (r < 0)
		return r;
	if (!list || counts_nothing(set)) {
		r = add_names(set, software_names, ARRAY_SIZE(software_names), NULL);
		/* Those of the list that are software events, and cannot be counted, are there. */
		if (r < 0 && (r != -EINVAL || !list))
			return error_set(error, -EIO, "libpfm4 does not know the software events");
	}
	*ret = TAKE_PTR(set);
	return 0;
}

void counter_set_each(const struct counter_set *set, counter_each_t each, void *userdata)
{
	for (size_t i = 0; i < set->n_events; i++) {
		const struct counter_event *e = &set->events[i];
		const struct counter_info info = {
			.name = e->name,
			.counted = !e->reason,
			.reason = e->reason,
			.note = e->note,
		};

		each(&info, userdata);
	}
}

static bool is_counted(const struct counter_set *set, unsigned lane)
{
	for (size_t i = 0; i < set->n_lanes; i++)
		if (set->lanes[i].open && set->lanes[i].lane == lane)
			return true;
	return false;
}

/* A group that is being filled: one for software, one at a time for each kind of hardware unit. */
struct group {
	uint32_t type;
	bool software;
	int leader; /* index of its first event; negative: none yet */
	unsigned n;
};

/* Open event @i in @group, or as the first of a new group where it does not fit. */
static int open_event(struct counter_set *set, struct lane_counters *lane, size_t i,
	struct group *group, const struct counter_target *target)
{
	const struct counter_event *e = &set->events[i];
	bool fits =
		group->leader >= 0 &&
		(group->software || (group->type == e->attr.type && group->n < HARDWARE_GROUP_MAX));
	int fd = -EINVAL;

	if (fits)
		fd = counter_event_open(&e->attr, target, lane->fds[group->leader]);
	if (fd >= 0) {
		lane->leaders[i] = group->leader;
		group->n++;
	} else if (!fits || fd == -EINVAL) { /* EINVAL: the unit has no counter left */
		fd = counter_event_open(&e->attr, target, -1);
		if (fd < 0)
			return fd;
		lane->leaders[i] = (int)i;
		*group = (struct group){
			.type = e->attr.type,
			.software = counter_event_is_software(e),
			.leader = (int)i,
			.n = 1,
		};
	}
	lane->fds[i] = fd;
	return fd < 0 ? fd : 0;
}

static int open_lane(
	struct counter_set *set, unsigned lane_number, const struct counter_target *target)
{
	struct group hardware = {.leader = -1}, software = {.leader = -1, .software = true};
	struct lane_counters *lane;

	if (target->tid <= 0)
		return -ESRCH;
	if (!target->tree && is_counted(set, lane_number))
		return -EEXIST;
	lane = ARRAY_PUSH(set->lanes, set->n_lanes);
	if (!lane)
		return -ENOMEM;
	*lane = (struct lane_counters){.open = true, .lane = lane_number, .on_cpu = -EBADF};
	for (size_t i = 0; i < EVENTS_MAX; i++)
		lane->fds[i] = -EBADF;
	if (target->tree)
		lane->on_cpu = counter_event_open(&nothing, target, -1);
	for (size_t i = 0; i < set->n_events; i++) {
		const struct counter_event *e = &set->events[i];
		int r = 0;

		if (!e->reason)
			r = open_event(set, lane, i,
				counter_event_is_software(e) ? &software : &hardware, target);
		if (r == -ESRCH || r == -EMFILE || r == -EACCES || r == -EPERM) {
			close_lane(lane);
			set->n_lanes--;
			return r;
		}
	}
	return 0;
}

int counter_set_open(struct counter_set *set, unsigned lane, pid_t tid)
{
	return open_lane(set, lane, &(struct counter_target){.tid = tid});
}

int counter_set_open_tree(struct counter_set *set, unsigned lane, pid_t pid, int cpu)
{
	return open_lane(set, lane, &(struct counter_target){.tid = pid, .tree = true, .cpu = cpu});
}

/* What read() of a group gives. */
struct group_reading {
	uint64_t n;
	uint64_t enabled_ns;
	uint64_t running_ns;
	uint64_t values[EVENTS_MAX];
};

static int read_group(int fd, struct group_reading *ret)
{
	ssize_t n = read(fd, ret, sizeof(*ret));

	if (n < 0)
		return -errno;
	if ((size_t)n < 3 * sizeof(uint64_t) || ret->n > EVENTS_MAX ||
		(size_t)n < (3 + ret->n) * sizeof(uint64_t))
		return -EIO;
	return 0;
}

/* A group that never had its turn has counted nothing, and that is not zero. */
static bool scale(const struct group_reading *g, size_t position, int64_t *ret)
{
	uint64_t value;

	if (position >= g->n || (g->running_ns == 0 && g->enabled_ns > 0))
		return false;
	value = g->values[position];
	if (g->running_ns < g->enabled_ns)
		value = (uint64_t)((unsigned __int128)value * g->enabled_ns / g->running_ns);
	*ret = value > INT64_MAX ? INT64_MAX : (int64_t)value;
	return true;
}

/*
 * On other CPUs an event is enabled, and does not run, as where it has to wait for a counter. How long it could have
 * run is told by one that never waits.
 */
static void take_time_on_cpu(const struct lane_counters *lane, struct group_reading *group)
{
	struct group_reading on_cpu;

	if (lane->on_cpu < 0 || read_group(lane->on_cpu, &on_cpu) < 0)
		return;
	group->enabled_ns = on_cpu.running_ns;
	if (group->running_ns > group->enabled_ns) /* read a moment earlier */
		group->enabled_ns = group->running_ns;
}

static int read_lane(const struct counter_set *set, const struct lane_counters *lane,
	counter_read_t each, void *userdata)
{
	struct group_reading groups[EVENTS_MAX];
	int status[EVENTS_MAX], result = 0;
	size_t positions[EVENTS_MAX] = {0};

	for (size_t i = 0; i < set->n_events; i++) {
		status[i] = -EBADF;
		if (lane->fds[i] >= 0 && lane->leaders[i] == (int)i) {
			status[i] = read_group(lane->fds[i], &groups[i]);
			if (status[i] == 0)
				take_time_on_cpu(lane, &groups[i]);
			else if (result == 0)
				result = status[i];
		}
	}
	for (size_t i = 0; i < set->n_events; i++) {
		int leader = lane->leaders[i];
		bool read = lane->fds[i] >= 0 && status[leader] == 0;
		/* The group lists its members in the order in which they joined. */
		size_t position = lane->fds[i] >= 0 ? positions[leader]++ : 0;
		int64_t value;
		bool counted = read && scale(&groups[leader], position, &value);

		each(lane->lane, set->events[i].name, counted ? &value : NULL,
			read ? groups[leader].enabled_ns : 0, read ? groups[leader].running_ns : 0,
			userdata);
	}
	return result;
}

int counter_set_read(struct counter_set *set, counter_read_t each, void *userdata)
{
	int result = 0;

	for (size_t i = 0; i < set->n_lanes; i++) {
		int r = set->lanes[i].open ? read_lane(set, &set->lanes[i], each, userdata) : 0;

		if (r < 0 && result == 0)
			result = r;
	}
	return result;
}
