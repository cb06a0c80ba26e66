/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files of guest_sched.h share. */

#include "collector/inside/guest_reader.h"
#include "collector/inside/guest_sched.h"

#define SCHED_TASKS_MAX 20000
#define SCHED_CPUS_MAX  1024
#define SCHED_READ_NS   20000000ULL /* no reading takes longer */

/** One reading: *s is empty before, and has what could be read after. -ENOMEM; -ENODATA (bare). */
int sched_osv_read(struct guest_reader *r, const struct sched_osv *l, struct sched_snapshot *s);
int sched_linux_read(struct guest_reader *r, const struct sched_linux *l, unsigned cpus,
	struct sched_snapshot *s);

int sched_fake_read(struct guest_reader *r, const struct sched_fake *l, struct sched_snapshot *s);

/** sched_queues() of each. */
size_t sched_fake_queues(
	struct guest_reader *r, const struct sched_fake *l, uint64_t *ret, size_t max);
size_t sched_osv_queues(
	struct guest_reader *r, const struct sched_osv *l, uint64_t *ret, size_t max);
size_t sched_linux_queues(struct guest_reader *r, const struct sched_linux *l, unsigned cpus,
	uint64_t *ret, size_t max);

/** sched_current() of OSv. */
int sched_osv_current(
	struct guest_reader *r, const struct sched_osv *l, struct guest_task_layout *ret);

/** The reading ends here, since it is not what it should be; the first reason is kept. */
void sched_trouble(struct sched_snapshot *s, const char *why);

/** May it go on? It has not taken too long, nor found too many. */
bool sched_may_go_on(struct sched_snapshot *s);

/** Make @bytes (@size) a name. */
void sched_take_name(const char *bytes, size_t size, char ret[static SCHED_NAME_BYTES]);
