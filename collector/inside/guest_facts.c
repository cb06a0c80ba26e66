/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_facts.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/inside/guest_btf.h"
#include "collector/inside/guest_kallsyms.h"
#include "collector/inside/guest_orc.h"
#include "collector/inside/guest_root.h"
#include "collector/inside/guest_symbols.h"
#include "common/cleanup.h"

#define BTF_BYTES_MAX ((size_t)64 << 20) /* Debian's 6.1 has 5 MiB */
#define STRUCTURE_MAX 65536

struct guest_look {
	struct guest_facts_source source;
	pthread_t thread;
	bool over;
	struct guest_facts facts;
};

enum {
	CPU_OFFSETS,
	CURRENT_TASK, /* to Linux 6.1, and since 6.15 */
	PCPU_HOT,     /* between: its first member */
	INIT_TASK,
	RUN_QUEUES,
	TIMER_BASES,
	BTF_BEGIN,
	BTF_END,
	ORC_IPS,
	ORC_IPS_END,
	ORC_ENTRIES,
	ORC_ENTRIES_END,
	N_NAMES
};

static const char *const names[N_NAMES] = {
	[CPU_OFFSETS] = "__per_cpu_offset",
	[CURRENT_TASK] = "current_task",
	[PCPU_HOT] = "pcpu_hot",
	[INIT_TASK] = "init_task",
	[RUN_QUEUES] = "runqueues",
	[TIMER_BASES] = "hrtimer_bases",
	[BTF_BEGIN] = "__start_BTF",
	[BTF_END] = "__stop_BTF",
	[ORC_IPS] = "__start_orc_unwind_ip",
	[ORC_IPS_END] = "__stop_orc_unwind_ip",
	[ORC_ENTRIES] = "__start_orc_unwind",
	[ORC_ENTRIES_END] = "__stop_orc_unwind",
};

static int find_symbols(const struct guest_facts_source *s, uint64_t ret[static N_NAMES])
{
	int r;

	if (s->symbols)
		return guest_symbols_find(s->symbols, names, N_NAMES, ret);
	r = access(s->kallsyms, R_OK) == 0
		    ? 0
		    : guest_kallsyms_write(s->memory, s->cr3, s->kallsyms, NULL);
	return r < 0 ? r : guest_symbols_find(s->kallsyms, names, N_NAMES, ret);
}

static uint64_t kernel_tables(const struct guest_facts_source *s)
{
	struct guest_root root;

	if (s->cr3)
		return s->cr3;
	return guest_root_find(s->symbols ? s->symbols : s->kallsyms, &s->root, &root) < 0
		       ? 0
		       : root.physical;
}

/* What the kernel's type information is, malloced. */
static int read_btf(
	const struct guest_look *look, const uint64_t *symbols, void **ret, size_t *ret_size)
{
	size_t size = symbols[BTF_END] - symbols[BTF_BEGIN];

	if (!symbols[BTF_BEGIN] || symbols[BTF_END] < symbols[BTF_BEGIN] || size > BTF_BYTES_MAX)
		return -ENODATA;
	*ret = malloc(size + 1);
	if (!*ret)
		return -ENOMEM;
	*ret_size = size;
	(void)guest_memory_copy(
		look->source.memory, kernel_tables(&look->source), symbols[BTF_BEGIN], *ret, size);
	return 0;
}

static int find_offsets(const void *btf, size_t size, struct guest_task_layout *l)
{
	const struct guest_btf_member members[] = {
		{"task_struct", "flags", &l->flags},
		{"task_struct", "tgid", &l->tgid},
		{"task_struct", "comm", &l->comm},
		{"task_struct", "mm", &l->mm},
		{"task_struct", "group_leader", &l->group_leader},
		{"mm_struct", "pgd", &l->pgd},
	};
	const struct guest_btf_member exec = {"task_struct", "self_exec_id", &l->self_exec_id};
	int r = guest_btf_find(btf, size, members, ARRAY_SIZE(members));

	if (guest_btf_find(btf, size, &exec, 1) < 0 || l->self_exec_id % 4 ||
		l->self_exec_id >= STRUCTURE_MAX)
		l->self_exec_id = 0;
	for (size_t i = 0; i < ARRAY_SIZE(members) && r == 0; i++)
		if (*members[i].ret_offset >= STRUCTURE_MAX || *members[i].ret_offset % 4)
			r = -ENODATA;
	/* Words are read whole. */
	return r < 0 || l->comm % 8 || l->mm % 8 || l->group_leader % 8 || l->pgd % 8 ? -ENODATA
										      : 0;
}

static int find_sched(
	const void *btf, size_t size, const uint64_t *symbols, struct sched_layout *ret)
{
	int r = sched_linux_layout(btf, size, ret);

	if (r == 0 && (!symbols[INIT_TASK] || !symbols[RUN_QUEUES]))
		r = -ENODATA;
	if (r < 0) {
		ret->kind = SCHED_NONE;
		return r;
	}
	ret->linux_kernel.init_task = symbols[INIT_TASK];
	ret->linux_kernel.runqueues = symbols[RUN_QUEUES];
	ret->linux_kernel.cpu_offsets = symbols[CPU_OFFSETS];
	return 0;
}

static int find_tasks(
	const struct guest_look *look, const uint64_t *symbols, struct guest_facts *ret)
{
	_cleanup_free_ void *btf = NULL;
	size_t size;
	int r;

	ret->tasks.cpu_offsets = symbols[CPU_OFFSETS];
	ret->tasks.current_task = symbols[PCPU_HOT] ? symbols[PCPU_HOT] : symbols[CURRENT_TASK];
	if (!ret->tasks.cpu_offsets || !ret->tasks.current_task)
		return -ENODATA;
	r = read_btf(look, symbols, &btf, &size);
	if (r < 0)
		return r;
	(void)find_sched(btf, size, symbols, &ret->sched);
	(void)timers_linux_layout(btf, size, symbols[TIMER_BASES], &ret->timers);
	return find_offsets(btf, size, &ret->tasks);
}

static int find_table(
	const struct guest_look *look, const uint64_t *symbols, struct unwind_table *ret)
{
	const struct guest_orc orc = {.ips = symbols[ORC_IPS],
		.ips_end = symbols[ORC_IPS_END],
		.entries = symbols[ORC_ENTRIES],
		.entries_end = symbols[ORC_ENTRIES_END]};

	return guest_orc_read(look->source.memory, kernel_tables(&look->source), &orc, ret);
}

static void *run_thread(void *userdata)
{
	struct guest_look *look = userdata;
	const struct guest_facts_source *s = &look->source;
	struct guest_facts *f = &look->facts;
	uint64_t symbols[N_NAMES];

	if (find_symbols(s, symbols) == 0) {
		f->has_tasks = s->wants_tasks && find_tasks(look, symbols, f) == 0;
		f->has_table = s->wants_table && find_table(look, symbols, &f->table) == 0;
	}
	__atomic_store_n(&look->over, true, __ATOMIC_RELEASE);
	return NULL;
}

int guest_look_start(const struct guest_facts_source *source, struct guest_look **ret)
{
	struct guest_look *look = calloc(1, sizeof(*look));
	sigset_t all, before;
	int r;

	if (!look) {
		guest_memory_close(source->memory);
		return -ENOMEM;
	}
	look->source = *source;
	/* Signals are for the thread that waits for them. */
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&look->thread, NULL, run_thread, look);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		guest_memory_close(source->memory);
		free(look);
		return -EAGAIN;
	}
	*ret = look;
	return 0;
}

bool guest_look_take(struct guest_look *look, struct guest_facts *ret)
{
	if (!__atomic_load_n(&look->over, __ATOMIC_ACQUIRE))
		return false;
	*ret = look->facts;
	look->facts = (struct guest_facts){0};
	return true;
}

void guest_look_free(struct guest_look *look)
{
	if (!look)
		return;
	(void)pthread_join(look->thread, NULL);
	guest_memory_close(look->source.memory);
	unwind_table_done(&look->facts.table);
	free(look);
}
