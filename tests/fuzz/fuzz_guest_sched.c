/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A guest's threads and run queues, from a memory that is made of the input. Bits of the first byte: 1, it is
 * Linux, else OSv; 2, its page tables are the input's first page, too; 4, it is bare; the rest is what is mapped at
 * BASE, where the symbols are.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/inside/guest_reader.h"
#include "collector/inside/guest_sched.h"
#include "common/cleanup.h"
#include "tests/collector/guest_pages.h"
#include "tests/fuzz/fuzz.h"

#define BASE        0x40000000ULL
#define PAGES       8
#define INPUT_BYTES ((size_t)PAGES * GUEST_PAGE)
#define MEMORY_SIZE (GUEST_PAGES_FROM + INPUT_BYTES)
#define CPUS        4
#define TASKS_MAX   20000

enum { IS_LINUX = 1, OWN_TABLES = 2, IS_FAKE = 4 };

static const struct sched_layout osv = {.kind = SCHED_OSV,
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
		.cpu_queue = {8, 8},
		.cpu_idle = {16, 8},
		.id = {0, 4},
		.name = {8, 16},
		.detached = {24, 8},
		.switches = {32, 8},
		.preemptions = {40, 8},
		.migrations = {48, 8},
		.cpu_time = {56, 8},
		.detached_thread = {0, 8},
		.detached_cpu = {8, 8},
		.detached_state = {16, 4},
		.states = {.names = {"invalid", "waiting", SCHED_QUEUED, SCHED_RUNNING}}}};

static const struct sched_layout fake = {.kind = SCHED_FAKE, .fake = {.scheduler = BASE}};

static const struct sched_layout like_linux = {.kind = SCHED_LINUX,
	.linux_kernel = {.cpu_offsets = BASE,
		.runqueues = BASE + 0x20,
		.init_task = BASE + 0x100,
		.tasks = 0,
		.thread_node = 8,
		.signal = 16,
		.pid = 24,
		.tgid = 28,
		.flags = 32,
		.state = 36,
		.on_cpu = 40,
		.on_rq = 44,
		.comm = 48,
		.thread_cpu = 64,
		.se = 72,
		.cpu_ns = 0,
		.migrations = 8,
		.switches = 88,
		.preemptions = 96,
		.thread_head = 0,
		.current = 0,
		.idle = 8,
		.queued = 16,
		.cpu_switches = 24}};

/* What whoever writes it down and looks it up relies on. */
static void check(const struct sched_snapshot *s)
{
	if (s->n_tasks > TASKS_MAX + CPUS || (s->n_tasks && !s->tasks) || (s->n_cpus && !s->cpus) ||
		s->end_ns < s->begin_ns)
		abort();
	for (size_t i = 0; i < s->n_tasks; i++) {
		const struct sched_task *t = &s->tasks[i];

		if (!memchr(t->name, 0, sizeof(t->name)) ||
			!memchr(t->state, 0, sizeof(t->state)) || t->cpu < -1)
			abort();
		for (const char *c = t->name; *c; c++)
			if (*c < ' ' || *c > '~')
				abort();
	}
	for (size_t i = 0; i < s->n_cpus; i++)
		if (s->cpus[i].cpu != i || s->cpus[i].queued > TASKS_MAX)
			abort();
}

static void look(const struct guest_memory *guest, const struct sched_layout *layout, uint64_t cr3)
{
	const struct sched_source source = {guest, cr3, CPUS};
	struct sched_snapshot s = {0};
	uint64_t queues[CPUS];
	uint32_t size = 0;

	if (sched_read(&source, layout, &s) == 0)
		check(&s);
	sched_snapshot_done(&s);
	if (sched_queues(&source, layout, queues, ARRAY_SIZE(queues), &size) > CPUS)
		abort();
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
	look(guest,
		how & IS_FAKE    ? &fake
		: how & IS_LINUX ? &like_linux
				 : &osv,
		how & OWN_TABLES ? GUEST_PAGES_FROM : GUEST_PAGES_ROOT);
	return 0;
}
