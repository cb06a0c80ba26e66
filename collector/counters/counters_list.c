/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/counters/counter_event.h"
#include "collector/counters/counters.h"
#include "common/cleanup.h"

struct listing {
	counter_each_t each;
	void *userdata;
};

/* Report the event called @name; whether it exists at all is for libpfm4 to say. */
static int tell(const struct listing *l, const char *name, const char *description)
{
	struct counter_event e;
	struct counter_info info = {.name = name, .description = description};
	int r = counter_event_encode(name, &e, NULL);

	if (r == -ENOMEM)
		return r;
	if (r < 0) /* an event that needs a unit mask, and the like */
		return 0;
	counter_event_probe(&e);
	info.counted = !e.reason;
	info.reason = e.reason;
	info.note = e.note;
	l->each(&info, l->userdata);
	counter_event_done(&e);
	return 0;
}

static int list_masks(const struct listing *l, const char *pmu, const pfm_event_info_t *event)
{
	for (int i = 0; i < event->nattrs; i++) {
		pfm_event_attr_info_t mask = {.size = sizeof(mask)};
		_cleanup_free_ char *name = NULL;
		int r;

		if (pfm_get_event_attr_info(event->idx, i, PFM_OS_PERF_EVENT, &mask) !=
				PFM_SUCCESS ||
			mask.type != PFM_ATTR_UMASK)
			continue;
		if (asprintf(&name, "%s::%s:%s", pmu, event->name, mask.name) < 0) {
			name = NULL;
			return -ENOMEM;
		}
		r = tell(l, name, mask.desc);
		if (r < 0)
			return r;
	}
	return 0;
}

static int list_unit(const struct listing *l, const pfm_pmu_info_t *unit)
{
	for (int i = unit->first_event; i != -1; i = pfm_get_event_next(i)) {
		pfm_event_info_t event = {.size = sizeof(event)};
		_cleanup_free_ char *name = NULL;
		int r;

		if (pfm_get_event_info(i, PFM_OS_PERF_EVENT, &event) != PFM_SUCCESS)
			continue;
		/* "subsystem:name" is a tracepoint; there are thousands. */
		if (strchr(event.name, ':'))
			continue;
		if (asprintf(&name, "%s::%s", unit->name, event.name) < 0) {
			name = NULL;
			return -ENOMEM;
		}
		r = tell(l, name, event.desc);
		if (r == 0)
			r = list_masks(l, unit->name, &event);
		if (r < 0)
			return r;
	}
	return 0;
}

int counters_list(counter_each_t each, void *userdata, struct error *error)
{
	const struct listing l = {.each = each, .userdata = userdata};
	int r = counter_event_library(error);

	for (int i = 0; r == 0 && i < PFM_PMU_MAX; i++) {
		pfm_pmu_info_t unit = {.size = sizeof(unit)};

		if (pfm_get_pmu_info((pfm_pmu_t)i, &unit) == PFM_SUCCESS && unit.is_present)
			r = list_unit(&l, &unit);
	}
	return r;
}
