/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files of guest_timers.h share. */

#include "collector/inside/guest_reader.h"
#include "collector/inside/guest_timers.h"

/** One reading: *s is empty before, and has what could be read after. -ENOMEM. */
int timers_osv_read(struct guest_reader *r, const struct sched_osv *sched,
	const struct timers_osv *l, struct timers_snapshot *s);
int timers_linux_read(struct guest_reader *r, const struct sched_linux *sched,
	const struct timers_linux *l, unsigned cpus, struct timers_snapshot *s);

/** The reading ends here; the first reason is kept. */
void timers_trouble(struct timers_snapshot *s, const char *why);

/** May it go on? It has not taken too long, and there was no trouble. */
bool timers_may_go_on(struct timers_snapshot *s);
