/* SPDX-License-Identifier: GPL-2.0-or-later */

/* When each CPU's next timer of high resolution is due: include/linux/hrtimer_defs.h of Linux's source. */

#include <errno.h>
#include <stdlib.h>

#include "collector/inside/guest_btf.h"
#include "collector/inside/guest_sched_internal.h"
#include "collector/inside/guest_timers_internal.h"

#define NEVER         INT64_MAX /* KTIME_MAX */
#define STRUCTURE_MAX 65536

int timers_linux_layout(const void *btf, size_t size, uint64_t bases, struct timers_layout *ret)
{
	struct timers_linux l = {.bases = bases};
	const struct guest_btf_member expires = {"hrtimer_cpu_base", "expires_next", &l.expires};

	if (!bases || guest_btf_find(btf, size, &expires, 1) < 0 || l.expires >= STRUCTURE_MAX)
		return -ENODATA;
	*ret = (struct timers_layout){.kind = SCHED_LINUX, .linux_kernel = l};
	return 0;
}

int timers_linux_read(struct guest_reader *r, const struct sched_linux *sched,
	const struct timers_linux *l, unsigned cpus, struct timers_snapshot *s)
{
	s->cpus = calloc(cpus ? cpus : 1, sizeof(*s->cpus));
	if (!s->cpus)
		return -ENOMEM;
	for (unsigned i = 0; i < cpus; i++) {
		struct guest_timer_cpu *c = &s->cpus[s->n_cpus];
		uint64_t offset;

		*c = (struct guest_timer_cpu){
			.cpu = i, .timers = TIMERS_NOT_COUNTED, .counted = TIMERS_NOT_COUNTED};
		if (!guest_reader_number(
			    r, sched->cpu_offsets + i * sizeof(offset), sizeof(offset), &offset) ||
			!guest_reader_number(r, l->bases + offset + l->expires, sizeof(c->next_ns),
				&c->next_ns)) {
			timers_trouble(s, "its CPUs' timers are not there");
			return 0;
		}
		if (c->next_ns == NEVER)
			c->next_ns = 0;
		s->n_cpus++;
	}
	return 0;
}
