/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * OSv's timers: core/sched.cc and include/osv/timer-set.hh of its source. Each CPU has an array of lists, by how
 * far away a timer is due, and one of those that are just being told; each thread and each CPU (client) has a list of its own
 * timers. All are boost's intrusive lists: rings in which each node knows both neighbours.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/inside/guest_sched_internal.h"
#include "collector/inside/guest_timers_internal.h"
#include "common/array.h"
#include "common/cleanup.h"

#define NAME_BYTES 16
#define WORD_BITS  64
#define NEVER      INT64_MAX

int timers_osv_layout(const char *symbols, struct timers_layout *ret, struct error *error)
{
	static const char cpu[] = "sched::cpu", thread[] = "sched::thread",
			  timer[] = "sched::timer_base", client[] = "sched::timer_base::client",
			  node[] = "boost::intrusive::list_node<*>";
	struct timers_osv l = {0};
#define FIELD(type, path, field)                                                                   \
	{                                                                                          \
		type, path, &l.field.offset, &l.field.size                                         \
	}
	const struct dwarf_member members[] = {
		FIELD(cpu, "timers._list._buckets", lists),
		FIELD(cpu, "timers._list._expired", expired),
		FIELD(cpu, "timers._list._expired.next_", list_next),
		FIELD(cpu, "timers._list._expired.prev_", list_previous),
		FIELD(cpu, "timers._list._expired.size_", list_count),
		FIELD(cpu, "timers._list._non_empty_buckets._M_w", used),
		FIELD(cpu, "timers._list._last", looked),
		FIELD(cpu, "timers._list._next", next),
		FIELD(cpu, "running_since", since),
		FIELD(cpu, "preemption_timer", preemption),
		FIELD(cpu, "_active_timers", cpu_own),
		FIELD(thread, "_active_timers", thread_own),
		FIELD(client, "_active_timers", own),
		FIELD(client, "_active_timers.next_", own_next),
		FIELD(client, "_active_timers.prev_", own_previous),
		FIELD(client, "_timers_need_reload", suspended),
		FIELD(timer, "hook.next_", link_next),
		FIELD(timer, "hook.prev_", link_previous),
		FIELD(timer, "client_hook.next_", own_link_next),
		FIELD(timer, "client_hook.prev_", own_link_previous),
		FIELD(timer, "_t", owner),
		FIELD(timer, "_state", state),
		FIELD(timer, "_time", due),
		FIELD(node, "next_", node_next),
		FIELD(node, "prev_", node_previous),
	};
#undef FIELD
	int r = dwarf_members_find(symbols, "core/sched.cc", members, ARRAY_SIZE(members),
		"sched::timer_base::state", &l.states, error);

	if (r < 0)
		return r;
	if (!l.expired.size || l.lists.size % l.expired.size ||
		l.lists.size / l.expired.size > WORD_BITS)
		return error_set(error, -ENODATA, "%s does not say where its timers are", symbols);
	*ret = (struct timers_layout){.kind = SCHED_OSV, .osv = l};
	return 0;
}

/* A reading under way. */
struct reading {
	struct guest_reader *r;
	const struct sched_osv *sched;
	const struct timers_osv *l;
	struct timers_snapshot *s;
	uint64_t *cpus;          /* their addresses, as many as s->n_cpus */
	const char *own_trouble; /* of owners' lists */
};

/* A list that is walked: of a CPU, or of an owner. */
struct walk {
	uint64_t ring;    /* its own node */
	uint32_t link;    /* where in a timer the node is */
	int32_t list_cpu; /* -1: it is an owner's */
	bool expired;
	uint64_t client; /* the owner */
	uint64_t found;
	bool whole; /* it was walked to its end */
};

static bool get(const struct reading *x, uint64_t base, const struct sched_field *f, uint64_t *ret)
{
	return guest_reader_number(x->r, base + f->offset, f->size, ret);
}

/* The thread that @client is a part of, if it is one: *t has its id, name and CPU then. */
static bool own_by_thread(const struct reading *x, uint64_t client, struct guest_timer *t)
{
	uint64_t thread = client - (x->l->thread_own.offset - x->l->own.offset);
	uint64_t id, detached, back, cpu;
	char name[NAME_BYTES];

	if (!get(x, thread, &x->sched->id, &id) ||
		!get(x, thread, &x->sched->detached, &detached) ||
		!get(x, detached, &x->sched->detached_thread, &back) || back != thread ||
		!get(x, detached, &x->sched->detached_cpu, &cpu) ||
		!guest_reader_copy(x->r, thread + x->sched->name.offset, name, sizeof(name)))
		return false;
	t->owner_kind = TIMER_OF_THREAD;
	t->owner = id;
	sched_take_name(name, sizeof(name), t->owner_name);
	for (size_t i = 0; i < x->s->n_cpus; i++)
		if (x->cpus[i] == cpu)
			t->owner_cpu = (int32_t)i;
	return true;
}

static void find_owner(const struct reading *x, uint64_t client, struct guest_timer *t)
{
	uint64_t suspended;

	t->owner_cpu = -1;
	for (size_t i = 0; i < x->s->n_cpus; i++) {
		if (client != x->cpus[i] + x->l->cpu_own.offset - x->l->own.offset)
			continue;
		t->owner_kind = TIMER_OF_CPU;
		t->owner = i;
		t->owner_cpu = (int32_t)i;
		return;
	}
	if (own_by_thread(x, client, t) && get(x, client, &x->l->suspended, &suspended))
		t->suspended = suspended != 0;
}

static struct guest_timer *find_timer(const struct reading *x, uint64_t address)
{
	for (size_t i = 0; i < x->s->n_timers; i++)
		if (x->s->timers[i].address == address)
			return &x->s->timers[i];
	return NULL;
}

/* The timer at @address, which is added if it is new. NULL: it cannot be read, or there is no room, which is the reading's
 * trouble; or -ENOMEM, which *ret_r is. */
static struct guest_timer *take_timer(const struct reading *x, uint64_t address, int *ret_r)
{
	struct guest_timer t = {.address = address, .list_cpu = -1, .links_cpu = -1}, *known;
	uint64_t client, state;

	*ret_r = 0;
	known = find_timer(x, address);
	if (known)
		return known;
	if (x->s->n_timers >= TIMERS_MAX) {
		timers_trouble(x->s, "it has too many timers");
		return NULL;
	}
	if (!get(x, address, &x->l->owner, &client) || !get(x, address, &x->l->state, &state) ||
		!get(x, address, &x->l->due, &t.due_ns))
		return NULL;
	if (state < DWARF_VALUES)
		memcpy(t.state, x->l->states.names[state], sizeof(t.state));
	find_owner(x, client, &t);
	*ret_r = ARRAY_ADD(x->s->timers, x->s->n_timers, t);
	return *ret_r < 0 ? NULL : &x->s->timers[x->s->n_timers - 1];
}

static bool belongs_to(const struct reading *x, const struct guest_timer *t, uint64_t client)
{
	uint64_t owner;

	return get(x, t->address, &x->l->owner, &owner) && owner == client;
}

/* For a reason of ours. */
static const char cut[] = "its lists were not read to their end";

/* One timer of a list. NULL: fine; else what is wrong. */
static const char *take_member(const struct reading *x, struct walk *w, uint64_t node, int *ret_r)
{
	struct guest_timer *t = take_timer(x, node - w->link, ret_r);

	if (!t)
		return x->s->trouble ? cut : "its list leads nowhere";
	w->found++;
	if (w->list_cpu < 0) {
		t->owned |= belongs_to(x, t, w->client);
		return NULL;
	}
	if (t->list_cpu >= 0)
		return "a timer is in two of its lists";
	t->list_cpu = w->list_cpu;
	t->expired = w->expired;
	return NULL;
}

/* Round the ring: a node has to know where it was come from, so none is met twice. */
static int walk_list(const struct reading *x, struct walk *w, const char **ret_trouble)
{
	uint64_t before = w->ring, node, back;
	const char *why = NULL;
	int r = 0;

	if (!get(x, w->ring, &x->l->node_next, &node))
		why = "its list is not there";
	while (!why && node != w->ring) {
		if (!timers_may_go_on(x->s))
			why = cut;
		else if (!get(x, node, &x->l->node_previous, &back))
			why = "its list leads nowhere";
		else if (back != before)
			why = "its list does not fit together";
		else
			why = take_member(x, w, node, &r);
		before = node;
		if (r < 0)
			return r;
		if (!why && !get(x, node, &x->l->node_next, &node))
			why = "its list leads nowhere";
	}
	w->whole = !why;
	if (!why && get(x, w->ring, &x->l->node_previous, &back) && back != before)
		why = "its list does not fit together";
	if (why && !*ret_trouble)
		*ret_trouble = why;
	return 0;
}

/* One of a CPU's lists, at @list; @used: whether it is said not to be empty, negative: nothing is said. */
static int read_list(const struct reading *x, struct guest_timer_cpu *c, uint64_t list, int used)
{
	const struct timers_osv *l = x->l;
	uint64_t counted;
	struct walk w = {
		.ring = list + (l->list_next.offset - l->expired.offset) - l->node_next.offset,
		.link = l->link_next.offset - l->node_next.offset,
		.list_cpu = (int32_t)c->cpu,
		.expired = used < 0};
	int r = walk_list(x, &w, &c->trouble);

	if (!w.whole ||
		!guest_reader_number(x->r, list + (l->list_count.offset - l->expired.offset),
			l->list_count.size, &counted))
		return r;
	c->counted += counted;
	c->timers += w.found;
	c->misfiled += used >= 0 && used != (w.found > 0);
	return r;
}

static int read_cpu(const struct reading *x, struct guest_timer_cpu *c)
{
	uint64_t cpu = x->cpus[c->cpu], used, since, looked, next;
	size_t size = x->l->expired.size, lists = x->l->lists.size / size;
	int r;

	if (!get(x, cpu, &x->l->used, &used) || !get(x, cpu, &x->l->next, &next) ||
		!get(x, cpu, &x->l->looked, &looked) || !get(x, cpu, &x->l->since, &since)) {
		c->trouble = "its lists are not there";
		return 0;
	}
	c->timers = c->counted = 0;
	c->next_ns = next == NEVER ? 0 : next;
	c->clock_ns = since > looked ? since : looked;
	for (size_t i = 0; i < lists; i++) {
		r = read_list(x, c, cpu + x->l->lists.offset + i * size, (int)((used >> i) & 1));
		if (r < 0)
			return r;
	}
	return read_list(x, c, cpu + x->l->expired.offset, -1);
}

static int read_own(struct reading *x, uint64_t client)
{
	const struct timers_osv *l = x->l;
	struct walk w = {.ring = client + l->own_next.offset - l->node_next.offset,
		.link = l->own_link_next.offset - l->node_next.offset,
		.list_cpu = -1,
		.client = client};

	return walk_list(x, &w, &x->own_trouble);
}

/* Its own timers, and the one by which it takes the CPU from threads, wherever that is. */
static int read_own_of_cpu(struct reading *x, uint64_t cpu)
{
	uint64_t state;
	int r = read_own(x, cpu + x->l->cpu_own.offset - x->l->own.offset);

	if (r == 0 && get(x, cpu + x->l->preemption.offset, &x->l->state, &state) &&
		state < DWARF_VALUES && strcmp(x->l->states.names[state], "armed") == 0)
		(void)take_timer(x, cpu + x->l->preemption.offset, &r);
	return r;
}

static int read_own_of_threads(struct reading *x)
{
	const struct sched_osv *l = x->sched;
	uint64_t node, steps = 0;
	int r = 0;

	if (!get(x, l->threads, &l->first, &node)) {
		timers_trouble(x->s, "its list of threads is not there");
		return 0;
	}
	while (node && r == 0 && timers_may_go_on(x->s)) {
		uint64_t thread, next;

		if (steps++ > SCHED_TASKS_MAX ||
			!get(x, node + l->node_value.offset, &l->value, &thread) ||
			!get(x, node, &l->next, &next)) {
			timers_trouble(x->s, "its list of threads leads nowhere");
			break;
		}
		r = read_own(x, thread + x->l->thread_own.offset - x->l->own.offset);
		node = next;
	}
	return r;
}

/* Those that a CPU began with are in no list of threads. */
static int read_own_of_others(struct reading *x)
{
	int r = 0;

	for (size_t i = 0; i < x->s->n_timers && r == 0 && timers_may_go_on(x->s); i++) {
		const struct guest_timer *t = &x->s->timers[i];
		uint64_t client;

		if (t->owner_kind == TIMER_OF_THREAD && !t->owned &&
			get(x, t->address, &x->l->owner, &client))
			r = read_own(x, client);
	}
	return r;
}

/* The CPU to whose lists, or to a timer in these, the node at @node belongs; -1: no CPU's. */
static int32_t lists_of(const struct reading *x, uint64_t node)
{
	const struct timers_osv *l = x->l;
	const struct guest_timer *t;

	for (size_t i = 0; i < x->s->n_cpus; i++) {
		uint64_t lists = x->cpus[i] + l->lists.offset,
			 told = x->cpus[i] + l->expired.offset;

		if (node - lists < l->lists.size || node - told < l->expired.size)
			return (int32_t)i;
	}
	t = find_timer(x, node - (l->link_next.offset - l->node_next.offset));
	return t ? t->list_cpu : -1;
}

/* Timers that no list leads to: where do they lead? */
static void follow_links(const struct reading *x)
{
	for (size_t i = 0; i < x->s->n_timers && timers_may_go_on(x->s); i++) {
		struct guest_timer *t = &x->s->timers[i];
		uint64_t next, previous;

		if (t->list_cpu >= 0 || !get(x, t->address, &x->l->link_next, &next) ||
			!get(x, t->address, &x->l->link_previous, &previous))
			continue;
		t->links_cpu = lists_of(x, next);
		if (t->links_cpu < 0)
			t->links_cpu = lists_of(x, previous);
	}
}

/* The addresses of its CPUs; s->cpus has a place for each. */
static int find_cpus(struct reading *x)
{
	const char *why = NULL;

	x->cpus = calloc(SCHED_CPUS_MAX, sizeof(*x->cpus));
	if (!x->cpus)
		return -ENOMEM;
	x->s->n_cpus = sched_osv_cpus(x->r, x->sched, x->cpus, &why);
	if (why)
		timers_trouble(x->s, why);
	x->s->cpus = calloc(x->s->n_cpus + 1, sizeof(*x->s->cpus));
	if (!x->s->cpus) {
		x->s->n_cpus = 0;
		return -ENOMEM;
	}
	for (size_t i = 0; i < x->s->n_cpus; i++)
		x->s->cpus[i] = (struct guest_timer_cpu){.cpu = (uint32_t)i,
			.timers = TIMERS_NOT_COUNTED,
			.counted = TIMERS_NOT_COUNTED};
	return 0;
}

int timers_osv_read(struct guest_reader *r, const struct sched_osv *sched,
	const struct timers_osv *l, struct timers_snapshot *s)
{
	struct reading x = {.r = r, .sched = sched, .l = l, .s = s};
	int q = find_cpus(&x);

	for (size_t i = 0; i < s->n_cpus && q == 0; i++)
		q = read_cpu(&x, &s->cpus[i]);
	for (size_t i = 0; i < s->n_cpus && q == 0; i++)
		q = read_own_of_cpu(&x, x.cpus[i]);
	if (q == 0 && s->n_cpus)
		q = read_own_of_threads(&x);
	if (q == 0)
		q = read_own_of_others(&x);
	if (q == 0)
		follow_links(&x);
	free(x.cpus);
	for (size_t i = 0; i < s->n_timers; i++)
		s->timers[i].partial = s->trouble != NULL;
	if (x.own_trouble)
		timers_trouble(s, "the list of a thread's or CPU's own timers is broken");
	return q;
}
