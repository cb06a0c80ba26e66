/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Records of the ring buffer, each to the callback of its type. */

#include <string.h>

#include "collector/probes/probe_boot.h"
#include "collector/probes/probe_set_internal.h"

static void on_boot(struct probe_set *p, const struct record_boot *record)
{
	probe_boot_seen(p->boot, record->event);
	if (p->callbacks.boot)
		p->callbacks.boot(record, p->callbacks.userdata);
}

int probe_on_record(void *userdata, void *data, size_t size)
{
	struct probe_set *p = userdata;
	uint32_t type;

	if (size < sizeof(type))
		return 0;
	memcpy(&type, data, sizeof(type));
	if (type == RECORD_LANE && size >= sizeof(struct record_lane)) {
		p->callbacks.lane(data, p->callbacks.userdata);
	} else if (type == RECORD_ON && size >= sizeof(struct record_on)) {
		p->callbacks.on(data, p->callbacks.userdata);
	} else if (type == RECORD_LONG && size >= sizeof(struct record_long)) {
		if (p->callbacks.away)
			p->callbacks.away(data, p->callbacks.userdata);
	} else if (type == RECORD_ENTRY && size >= sizeof(struct record_entry)) {
		if (p->callbacks.entry)
			p->callbacks.entry(data, p->callbacks.userdata);
	} else if (type == RECORD_BOOT && size >= sizeof(struct record_boot)) {
		on_boot(p, data);
	} else if (type == RECORD_THREAD && size >= sizeof(struct thread_record)) {
		if (p->callbacks.thread)
			p->callbacks.thread(data, p->callbacks.userdata);
	} else if (type == RECORD_SAMPLE || type == RECORD_OFF || type == RECORD_EXIT) {
		const struct record_sample *record = data;
		const uint64_t *frames = (const uint64_t *)(record + 1);
		size_t n;

		if (size < sizeof(*record))
			return 0;
		n = (size_t)record->n_kernel + record->n_user + record->guest.n_frames;
		if (size < sizeof(*record) + n * sizeof(*frames))
			return 0;
		if (type == RECORD_SAMPLE)
			p->callbacks.sample(record, frames, p->callbacks.userdata);
		else if (type == RECORD_EXIT && p->callbacks.exit)
			p->callbacks.exit(record, frames, p->callbacks.userdata);
		else if (type == RECORD_OFF)
			p->callbacks.off(record, frames, p->callbacks.userdata);
	}
	return 0;
}
