/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files of guest_sched.h share. */

#include "collector/inside/guest_reader.h"
#include "collector/inside/guest_sched.h"

#define SCHED_TASKS_MAX 20000
#define SCHED_CPUS_MAX  1024
#define SCHED_READ_NS   20000000ULL /* no reading takes longer */

/** What is in order in two readings; each element has a mark (uint32_t) that it changed from one to the other. */
struct torn_list {
	size_t size,
		compared; /**< bytes of an element, and so many of them, from its begin, are compared */
	size_t mark;      /**< where in it */
	int (*order)(const void *a, const void *b);
};

/** Mark what of @list, which has no marks, is not the same in @other. How many, and those that only @other has. */
size_t torn_mark(
	const struct torn_list *kind, void *list, size_t n, const void *other, size_t n_other);

void torn_unmark(const struct torn_list *kind, void *list, size_t n);

/** After reading @i, from 0, of some since @begin_ns, which is the @same as the one before: should there be another one? */
bool sched_read_again(unsigned i, uint64_t begin_ns, bool same);

/** One reading: *s is empty before, and has what could be read after. -ENOMEM; -ENODATA (bare). */
int sched_osv_read(struct guest_reader *r, const struct sched_osv *l, struct sched_snapshot *s);
int sched_linux_read(struct guest_reader *r, const struct sched_linux *l, unsigned cpus,
	struct sched_snapshot *s);

int sched_fake_read(struct guest_reader *r, const struct sched_fake *l, struct sched_snapshot *s);

/** The addresses of OSv's CPUs, in order of their numbers. How many; *ret_trouble: why that is not all, or as it was. */
size_t sched_osv_cpus(struct guest_reader *r, const struct sched_osv *l,
	uint64_t ret[static SCHED_CPUS_MAX], const char **ret_trouble);

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
