/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/workers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "workload/emit.h"

int workers_choose(const char *pin, unsigned *cores, struct pin_map **ret_map, struct error *error)
{
	struct pin_map *map = NULL;
	unsigned there;

	if (strcmp(pin, "none") != 0) {
		const char *list = strcmp(pin, "cores") == 0 ? NULL : pin;
		int r = pin_map_new(list, &map, error);

		if (r < 0)
			return r;
	}
	*ret_map = map;
	there = map ? pin_map_count(map) : pin_count_plain();
	if (*cores > there && map)
		return error_set_user(error, -ERANGE,
			"-cores: %u asked for, this program may use %u here (-pin none lets "
			"workers share processors)",
			*cores, there);
	if (*cores == 0)
		*cores = there < RUNTIME_WORKERS_MAX ? there : RUNTIME_WORKERS_MAX;
	return 0;
}

int workers_report(const struct runtime *rt, const struct pin_map *map, unsigned n)
{
	int r = 0;

	for (unsigned i = 0; i < n && r == 0; i++) {
		struct worker_totals t = runtime_totals(rt, i);
		char cpu[24] = "";

		if (map)
			snprintf(cpu, sizeof(cpu), " cpu=%u", pin_map_cpu(map, i));
		r = emit_marker("worker id=%u%s busy=%" PRIu64 " tasks=%" PRIu64 " steals=%" PRIu64
				" parks=%" PRIu64,
			i, cpu, t.busy_ns, t.tasks, t.steals, t.parks);
	}
	return r;
}
