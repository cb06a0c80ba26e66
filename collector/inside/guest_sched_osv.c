/* SPDX-License-Identifier: GPL-2.0-or-later */

/* OSv's threads and CPUs: core/sched.cc of its source. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/inside/guest_sched_internal.h"
#include "collector/inside/guest_symbols.h"
#include "common/array.h"
#include "common/cleanup.h"

#define NAME_BYTES 16

int sched_osv_layout(const char *symbols, struct sched_layout *ret, struct error *error)
{
	static const char *const names[] = {"_ZN5sched4cpusE", "_ZN5sched10thread_mapE"};
	static const char
		pair[] = "std::pair<*unsigned int*, sched::thread?>",
		node[] = "std::__detail::_Hash_node<std::pair<*unsigned int*, sched::thread?>*>",
		thread[] = "sched::thread", cpu[] = "sched::cpu",
		detached[] = "sched::thread::detached_state";
	struct sched_osv l = {0};
#define FIELD(type, path, field)                                                                   \
	{                                                                                          \
		type, path, &l.field.offset, &l.field.size                                         \
	}
	const struct dwarf_member members[] = {
		FIELD("sched::cpus", "_M_start", cpus_first),
		FIELD("sched::cpus", "_M_finish", cpus_last),
		FIELD("sched::thread_map", "_M_before_begin._M_nxt", first),
		FIELD("sched::thread_map", "_M_element_count", count),
		FIELD(node, "_M_nxt", next),
		FIELD(node, "_M_storage", node_value),
		FIELD(pair, "first", key),
		FIELD(pair, "second", value),
		FIELD(cpu, "id", cpu_id),
		FIELD(cpu, "runqueue.size_", cpu_queue),
		FIELD(cpu, "idle_thread", cpu_idle),
		{cpu, "running_since", &l.cpu_since.offset, &l.cpu_since.size, .optional = true},
		FIELD(thread, "_id", id),
		FIELD(thread, "_attr._name", name),
		FIELD(thread, "_detached_state._M_head_impl", detached),
		FIELD(thread, "stat_switches", switches),
		FIELD(thread, "stat_preemptions", preemptions),
		FIELD(thread, "stat_migrations", migrations),
		FIELD(thread, "_total_cpu_time", cpu_time),
		FIELD(thread, "_arch.interrupt_stack", stack),
		FIELD(cpu, "arch.atss.tss.ist", stacks),
		FIELD(detached, "t", detached_thread),
		FIELD(detached, "_cpu", detached_cpu),
		FIELD(detached, "st", detached_state),
	};
#undef FIELD
	uint64_t addresses[ARRAY_SIZE(names)];
	int r = dwarf_members_find(symbols, "core/sched.cc", members, ARRAY_SIZE(members),
		"sched::thread::status", &l.states, error);

	if (r < 0)
		return r;
	r = guest_symbols_find(symbols, names, ARRAY_SIZE(names), addresses);
	if (r < 0 || !addresses[0] || !addresses[1] || l.name.size < 1)
		return error_set(error, -ENODATA, "%s does not say where its threads are", symbols);
	l.cpus = addresses[0];
	l.threads = addresses[1];
	*ret = (struct sched_layout){.kind = SCHED_OSV, .osv = l};
	return 0;
}

static bool get(struct guest_reader *r, uint64_t base, const struct sched_field *f, uint64_t *ret)
{
	return guest_reader_number(r, base + f->offset, f->size, ret);
}

size_t sched_osv_cpus(struct guest_reader *r, const struct sched_osv *l,
	uint64_t ret[static SCHED_CPUS_MAX], const char **ret_trouble)
{
	uint64_t first, last, id;
	size_t n, i = 0;

	if (!get(r, l->cpus, &l->cpus_first, &first) || !get(r, l->cpus, &l->cpus_last, &last) ||
		last <= first || (last - first) % sizeof(first) ||
		(last - first) / sizeof(first) > SCHED_CPUS_MAX) {
		*ret_trouble = "its list of CPUs is not there";
		return 0;
	}
	n = (last - first) / sizeof(first);
	if (!guest_reader_copy(r, first, ret, n * sizeof(first))) {
		*ret_trouble = "its CPUs are not there";
		return 0;
	}
	while (i < n && get(r, ret[i], &l->cpu_id, &id) && id == i)
		i++;
	if (i < n)
		*ret_trouble = "one of its CPUs is not what it should be";
	return i;
}

static size_t read_cpus(struct guest_reader *r, const struct sched_osv *l, struct sched_snapshot *s,
	uint64_t ret_addresses[static SCHED_CPUS_MAX])
{
	const char *why = NULL;
	size_t n = sched_osv_cpus(r, l, ret_addresses, &why);

	if (why)
		sched_trouble(s, why);
	s->cpus = calloc(n + 1, sizeof(*s->cpus));
	for (size_t i = 0; s->cpus && i < n; i++) {
		uint64_t queued;

		if (!get(r, ret_addresses[i], &l->cpu_queue, &queued) || queued > SCHED_TASKS_MAX) {
			sched_trouble(s, "one of its CPUs is not what it should be");
			break;
		}
		s->cpus[s->n_cpus] = (struct sched_cpu){.cpu = (uint32_t)i, .queued = queued};
		if (l->cpu_since.size)
			(void)get(r, ret_addresses[i], &l->cpu_since, &s->cpus[s->n_cpus].since_ns);
		s->n_cpus++;
	}
	return s->n_cpus;
}

size_t sched_osv_queues(
	struct guest_reader *r, const struct sched_osv *l, uint64_t *ret, size_t max)
{
	struct sched_snapshot s = {0};
	uint64_t cpus[SCHED_CPUS_MAX];
	size_t n = read_cpus(r, l, &s, cpus);

	sched_snapshot_done(&s);
	for (size_t i = 0; i < n && i < max; i++)
		ret[i] = cpus[i] + l->cpu_queue.offset;
	return n < max ? n : max;
}

#define STACKS_BYTES_MAX 64 /* x86-64's TSS has seven pointers */

/* Does the word at @at point to the end of a thread's stack? */
static bool ends_stack(struct guest_reader *r, const struct sched_osv *l, uint64_t at)
{
	uint64_t end, thread, detached, back;

	if (!guest_reader_number(r, at, sizeof(end), &end))
		return false;
	thread = end - l->stack.size - l->stack.offset;
	return get(r, thread, &l->detached, &detached) &&
	       get(r, detached, &l->detached_thread, &back) && back == thread;
}

int sched_osv_current(
	struct guest_reader *r, const struct sched_osv *l, struct guest_task_layout *ret)
{
	uint64_t cpus, cpu, word = l->stacks.offset;
	uint64_t end = word + l->stacks.size / sizeof(word) * sizeof(word);

	if (l->stacks.size > STACKS_BYTES_MAX || !get(r, l->cpus, &l->cpus_first, &cpus) ||
		!guest_reader_number(r, cpus, sizeof(cpu), &cpu))
		return -ENODATA;
	while (word < end && !ends_stack(r, l, cpu + word))
		word += sizeof(word);
	if (word >= end || word % 8 || l->id.offset % 4 || l->id.size != 4 ||
		l->name.size < NAME_BYTES)
		return -ENODATA;
	*ret = (struct guest_task_layout){.cpu_offsets = cpus,
		.current_task = word,
		.back = l->stack.offset + l->stack.size,
		.tgid = l->id.offset,
		.comm = l->name.offset,
		.owner = l->detached.offset,
		.owner_thread = l->detached_thread.offset};
	return 0;
}

static bool read_counters(
	struct guest_reader *r, const struct sched_osv *l, uint64_t thread, struct sched_task *t)
{
	char name[NAME_BYTES];

	if (!get(r, thread, &l->switches, &t->switches) ||
		!get(r, thread, &l->preemptions, &t->preemptions) ||
		!get(r, thread, &l->migrations, &t->migrations) ||
		!get(r, thread, &l->cpu_time, &t->cpu_ns) ||
		!guest_reader_copy(r, thread + l->name.offset, name, sizeof(name)))
		return false;
	sched_take_name(name, sizeof(name), t->name);
	return true;
}

/* Which thread is where; the CPU's idle thread is in its queue while another one runs. */
static void place(struct sched_snapshot *s, const struct sched_task *t, bool is_idle)
{
	struct sched_cpu *cpu = t->cpu >= 0 ? &s->cpus[t->cpu] : NULL;

	if (!cpu)
		return;
	if (is_idle && strcmp(t->state, SCHED_QUEUED) == 0 && cpu->queued)
		cpu->queued--;
	if (strcmp(t->state, SCHED_RUNNING) != 0)
		return;
	cpu->current = t->id;
	cpu->idle = is_idle;
}

/* False: there is no such thread. */
static bool read_thread(struct guest_reader *r, const struct sched_osv *l, uint64_t thread,
	const uint64_t *cpus, struct sched_snapshot *s, struct sched_task *t)
{
	uint64_t id, detached, back, cpu, state, idle = 0;

	if (!get(r, thread, &l->id, &id) || id != t->id ||
		!get(r, thread, &l->detached, &detached) ||
		!get(r, detached, &l->detached_thread, &back) || back != thread ||
		!get(r, detached, &l->detached_cpu, &cpu) ||
		!get(r, detached, &l->detached_state, &state) || state >= DWARF_VALUES ||
		!read_counters(r, l, thread, t))
		return false;
	memcpy(t->state, l->states.names[state], sizeof(t->state));
	t->cpu = -1;
	for (size_t i = 0; i < s->n_cpus; i++)
		if (cpus[i] == cpu)
			t->cpu = (int32_t)i;
	if (t->cpu >= 0)
		(void)get(r, cpu, &l->cpu_idle, &idle);
	t->flags = SCHED_COUNTS_CPU | (idle == thread ? SCHED_IS_IDLE : 0);
	place(s, t, idle == thread);
	return true;
}

int sched_osv_read(struct guest_reader *r, const struct sched_osv *l, struct sched_snapshot *s)
{
	_cleanup_free_ uint64_t *cpus = calloc(SCHED_CPUS_MAX, sizeof(*cpus));
	uint64_t node, count;

	if (!cpus)
		return -ENOMEM;
	if (!read_cpus(r, l, s, cpus))
		return 0;
	if (!get(r, l->threads, &l->first, &node) || !get(r, l->threads, &l->count, &count)) {
		sched_trouble(s, "its list of threads is not there");
		return 0;
	}
	while (node && sched_may_go_on(s)) {
		uint64_t pair = node + l->node_value.offset, thread, next;
		struct sched_task t = {0};

		if (!get(r, pair, &l->key, &t.id) || !get(r, pair, &l->value, &thread) ||
			!get(r, node, &l->next, &next)) {
			sched_trouble(s, "its list of threads leads nowhere");
			break;
		}
		if (!read_thread(r, l, thread, cpus, s, &t))
			sched_trouble(s, "one of its threads is not what it should be");
		else if (ARRAY_ADD(s->tasks, s->n_tasks, t) < 0)
			return -ENOMEM;
		node = next;
	}
	if (s->n_tasks != count)
		sched_trouble(s, "its list of threads is not as long as it says");
	return 0;
}
