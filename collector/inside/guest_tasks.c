/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_tasks.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/inside/guest_btf.h"
#include "collector/inside/guest_kallsyms.h"
#include "collector/inside/guest_root.h"
#include "collector/inside/guest_symbols.h"
#include "common/cleanup.h"

#define BTF_BYTES_MAX ((size_t)64 << 20) /* Debian's 6.1 has 5 MiB */
#define STRUCTURE_MAX 65536

struct guest_tasks {
	struct guest_tasks_source source;
	pthread_t thread;
	int result; /* -EAGAIN: not yet */
	struct guest_task_layout layout;
};

enum {
	CPU_OFFSETS,
	CURRENT_TASK, /* to Linux 6.1, and since 6.15 */
	PCPU_HOT,     /* between: its first member */
	BTF_BEGIN,
	BTF_END,
	N_NAMES
};

static const char *const names[N_NAMES] = {
	[CPU_OFFSETS] = "__per_cpu_offset",
	[CURRENT_TASK] = "current_task",
	[PCPU_HOT] = "pcpu_hot",
	[BTF_BEGIN] = "__start_BTF",
	[BTF_END] = "__stop_BTF",
};

static int find_symbols(const struct guest_tasks_source *s, uint64_t ret[static N_NAMES])
{
	int r;

	if (s->symbols)
		return guest_symbols_find(s->symbols, names, N_NAMES, ret);
	r = access(s->kallsyms, R_OK) == 0
		    ? 0
		    : guest_kallsyms_write(s->memory, s->cr3, s->kallsyms, NULL);
	return r < 0 ? r : guest_symbols_find(s->kallsyms, names, N_NAMES, ret);
}

static uint64_t kernel_tables(const struct guest_tasks_source *s)
{
	struct guest_root root;

	if (s->cr3)
		return s->cr3;
	return guest_root_find(s->symbols ? s->symbols : s->kallsyms, &s->root, &root) < 0
		       ? 0
		       : root.physical;
}

static int find_offsets(struct guest_tasks *t, const uint64_t *symbols)
{
	struct guest_task_layout *l = &t->layout;
	const struct guest_btf_member members[] = {
		{"task_struct", "flags", &l->flags},
		{"task_struct", "tgid", &l->tgid},
		{"task_struct", "comm", &l->comm},
		{"task_struct", "mm", &l->mm},
		{"task_struct", "group_leader", &l->group_leader},
		{"mm_struct", "pgd", &l->pgd},
	};
	const struct guest_btf_member exec = {"task_struct", "self_exec_id", &l->self_exec_id};
	size_t size = symbols[BTF_END] - symbols[BTF_BEGIN];
	_cleanup_free_ void *btf = NULL;
	int r;

	if (!symbols[BTF_BEGIN] || symbols[BTF_END] < symbols[BTF_BEGIN] || size > BTF_BYTES_MAX)
		return -ENODATA;
	btf = malloc(size + 1);
	if (!btf)
		return -ENOMEM;
	guest_memory_copy(
		t->source.memory, kernel_tables(&t->source), symbols[BTF_BEGIN], btf, size);
	r = guest_btf_find(btf, size, members, ARRAY_SIZE(members));
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

static int look(struct guest_tasks *t)
{
	uint64_t symbols[N_NAMES];
	int r = find_symbols(&t->source, symbols);

	if (r < 0)
		return r;
	t->layout.cpu_offsets = symbols[CPU_OFFSETS];
	t->layout.current_task = symbols[PCPU_HOT] ? symbols[PCPU_HOT] : symbols[CURRENT_TASK];
	if (!t->layout.cpu_offsets || !t->layout.current_task)
		return -ENODATA;
	return find_offsets(t, symbols);
}

static void *run_thread(void *userdata)
{
	struct guest_tasks *t = userdata;

	__atomic_store_n(&t->result, look(t), __ATOMIC_RELEASE);
	return NULL;
}

int guest_tasks_start(const struct guest_tasks_source *source, struct guest_tasks **ret)
{
	struct guest_tasks *t = calloc(1, sizeof(*t));
	sigset_t all, before;
	int r;

	if (!t) {
		guest_memory_close(source->memory);
		return -ENOMEM;
	}
	t->source = *source;
	t->result = -EAGAIN;
	/* Signals are for the thread that waits for them. */
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&t->thread, NULL, run_thread, t);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		guest_memory_close(source->memory);
		free(t);
		return -EAGAIN;
	}
	*ret = t;
	return 0;
}

int guest_tasks_result(const struct guest_tasks *t, struct guest_task_layout *ret)
{
	int r = __atomic_load_n(&t->result, __ATOMIC_ACQUIRE);

	if (r == 0)
		*ret = t->layout;
	return r;
}

void guest_tasks_free(struct guest_tasks *t)
{
	if (!t)
		return;
	(void)pthread_join(t->thread, NULL);
	guest_memory_close(t->source.memory);
	free(t);
}
