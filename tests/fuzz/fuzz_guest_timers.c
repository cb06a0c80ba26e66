/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A guest's timers, from a memory that is made of the input. Bits of the first byte: 1, it is Linux, else OSv; 2, its
 * page tables are the input's first page, too; the rest is what is mapped at BASE, where the symbols are.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/inside/guest_timers.h"
#include "common/cleanup.h"
#include "tests/collector/guest_pages.h"
#include "tests/fuzz/fuzz.h"

#define BASE        0x40000000ULL
#define PAGES       8
#define INPUT_BYTES ((size_t)PAGES * GUEST_PAGE)
#define MEMORY_SIZE (GUEST_PAGES_FROM + INPUT_BYTES)
#define CPUS        4

enum { IS_LINUX = 1, OWN_TABLES = 2 };

static const struct sched_layout osv_sched = {.kind = SCHED_OSV,
	.osv = {.cpus = BASE,
		.threads = BASE + 0x20,
		.cpus_first = {0, 8},
		.cpus_last = {8, 8},
		.first = {0, 8},
		.count = {8, 8},
		.next = {0, 8},
		.node_value = {8, 16},
		.key = {0, 4},
		.value = {8, 8},
		.cpu_id = {0, 4},
		.id = {40, 4},
		.name = {48, 16},
		.detached = {64, 8},
		.detached_thread = {0, 8},
		.detached_cpu = {8, 8}}};

/* Two lists of 24 bytes, then those that are being told. */
static const struct timers_layout osv = {.kind = SCHED_OSV,
	.osv = {.lists = {48, 48},
		.expired = {96, 24},
		.list_count = {96, 8},
		.list_next = {104, 8},
		.list_previous = {112, 8},
		.used = {120, 8},
		.looked = {128, 8},
		.next = {136, 8},
		.since = {144, 8},
		.preemption = {152, 64},
		.cpu_own = {16, 24},
		.thread_own = {16, 24},
		.own = {16, 24},
		.suspended = {8, 1},
		.own_next = {24, 8},
		.own_previous = {32, 8},
		.link_next = {0, 8},
		.link_previous = {8, 8},
		.own_link_next = {16, 8},
		.own_link_previous = {24, 8},
		.owner = {32, 8},
		.state = {40, 4},
		.due = {48, 8},
		.node_next = {0, 8},
		.node_previous = {8, 8},
		.states = {.names = {"free", "armed", "expired"}}}};

static const struct sched_layout linux_sched = {
	.kind = SCHED_LINUX, .linux_kernel = {.cpu_offsets = BASE}};
static const struct timers_layout like_linux = {
	.kind = SCHED_LINUX, .linux_kernel = {.bases = BASE + 0x20, .expires = 8}};

/* What whoever writes it down relies on. */
static void check(const struct timers_snapshot *s)
{
	if (s->n_timers > TIMERS_MAX || (s->n_timers && !s->timers) || (s->n_cpus && !s->cpus) ||
		s->end_ns < s->begin_ns)
		abort();
	for (size_t i = 0; i < s->n_timers; i++) {
		const struct guest_timer *t = &s->timers[i];

		if (!memchr(t->owner_name, 0, sizeof(t->owner_name)) ||
			!memchr(t->state, 0, sizeof(t->state)) || t->owner_kind > TIMER_OF_CPU ||
			t->owner_cpu < -1 || t->list_cpu < -1 ||
			(i && t->address <= s->timers[i - 1].address))
			abort();
		for (const char *c = t->owner_name; *c; c++)
			if (*c < ' ' || *c > '~')
				abort();
		(void)guest_timer_fault(t);
	}
	for (size_t i = 0; i < s->n_cpus; i++)
		if (s->cpus[i].cpu != i)
			abort();
}

static void look(const struct guest_memory *guest, bool is_linux, uint64_t cr3)
{
	const struct sched_source source = {guest, cr3, CPUS};
	struct timers_snapshot s = {0};

	if (timers_read(&source, is_linux ? &linux_sched : &osv_sched,
		    is_linux ? &like_linux : &osv, &s) == 0)
		check(&s);
	timers_snapshot_done(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned char *memory;
	static struct guest_memory *guest;
	unsigned how = size ? *data++ : 0;

	if (!guest)
		guest = guest_pages_new(MEMORY_SIZE, &memory);
	if (!guest)
		abort();
	size -= size > 0;
	guest_pages_map(memory, BASE, PAGES);
	memset(memory + GUEST_PAGES_FROM, 0, INPUT_BYTES);
	if (size)
		memcpy(memory + GUEST_PAGES_FROM, data, size < INPUT_BYTES ? size : INPUT_BYTES);
	look(guest, how & IS_LINUX, how & OWN_TABLES ? GUEST_PAGES_FROM : GUEST_PAGES_ROOT);
	return 0;
}
