/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/inside/guest_timers.h, on a guest whose memory is made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/inside/guest_timers.h"
#include "common/cleanup.h"
#include "tests/collector/guest_pages.h"

#define ADDRESS     0x40000000ULL
#define PAGES       128
#define MEMORY_SIZE (GUEST_PAGES_FROM + PAGES * GUEST_PAGE)
#define NOWHERE     0x7f0000000000ULL
#define LISTS       64

/* A kernel like OSv of two CPUs and three threads, the last of which is in no list of threads. */

enum { CPUS = 2, THREADS = 3, LISTED = 2, TIMERS = 4, MANY = TIMERS_MAX + 1 };
enum { FREE, ARMED };

struct node {
	uint64_t next, previous;
};

struct list {
	uint64_t count;
	struct node ring;
};

struct client {
	uint64_t virtual_table, suspended;
	struct list own;
};

struct timer {
	uint64_t virtual_table;
	struct node link, own_link;
	uint64_t owner;
	uint32_t state, unused;
	int64_t due;
};

struct cpu {
	struct client client;
	uint32_t id, unused;
	uint64_t queue, idle;
	struct list lists[LISTS], expired;
	int64_t looked, next;
	uint64_t used;
	struct timer preemption;
	int64_t since;
};

struct detached {
	uint64_t thread, cpu;
	uint32_t state, unused;
};

struct thread {
	uint64_t before;
	struct client client;
	uint32_t id, unused;
	char name[16];
	uint64_t detached;
};

struct hash_node {
	uint64_t next, key, value;
};

struct kernel {
	uint64_t cpus_first, cpus_last, first, count;
	uint64_t cpu_pointers[CPUS];
	struct hash_node nodes[LISTED];
	struct cpu cpus[CPUS];
	struct detached detached[THREADS];
	struct thread threads[THREADS];
	struct timer timers[TIMERS];
	struct timer many[MANY];
};

static unsigned char *memory;
static struct kernel *kernel;
static struct guest_memory *guest;

static uint64_t at(const void *p)
{
	return ADDRESS + (uint64_t)((const unsigned char *)p - (memory + GUEST_PAGES_FROM));
}

static void *host(uint64_t address)
{
	return memory + GUEST_PAGES_FROM + (address - ADDRESS);
}

static void clear(struct list *l)
{
	l->count = 0;
	l->ring = (struct node){at(&l->ring), at(&l->ring)};
}

static void push(struct list *l, struct node *node)
{
	struct node *last = host(l->ring.previous);

	*node = (struct node){at(&l->ring), l->ring.previous};
	last->next = l->ring.previous = at(node);
	l->count++;
}

/* An armed timer of @client, in list @k of @cpu. */
static void arm(struct timer *t, struct client *client, struct cpu *cpu, unsigned k, int64_t due)
{
	t->owner = at(client);
	t->state = ARMED;
	t->due = due;
	push(&client->own, &t->own_link);
	push(&cpu->lists[k], &t->link);
	cpu->used |= 1ULL << k;
}

static void make_kernel(void)
{
	memset(kernel, 0, sizeof(*kernel));
	kernel->cpus_first = at(kernel->cpu_pointers);
	kernel->cpus_last = at(&kernel->cpu_pointers[CPUS]);
	kernel->first = at(&kernel->nodes[0]);
	kernel->count = LISTED;
	for (unsigned i = 0; i < CPUS; i++) {
		struct cpu *c = &kernel->cpus[i];

		kernel->cpu_pointers[i] = at(c);
		c->id = i;
		clear(&c->client.own);
		for (unsigned k = 0; k < LISTS; k++)
			clear(&c->lists[k]);
		clear(&c->expired);
		c->preemption.owner = at(&c->client);
		c->looked = 1000;
		c->since = 2000 + i;
		c->next = INT64_MAX;
	}
	for (unsigned i = 0; i < THREADS; i++) {
		struct thread *t = &kernel->threads[i];

		t->id = 10 + i;
		memcpy(t->name, "thread 0\x1b", 10);
		t->name[7] = (char)('0' + i);
		t->detached = at(&kernel->detached[i]);
		kernel->detached[i] = (struct detached){at(t), at(&kernel->cpus[i % CPUS]), 1, 0};
		clear(&t->client.own);
	}
	for (unsigned i = 0; i < LISTED; i++)
		kernel->nodes[i] =
			(struct hash_node){i + 1 < LISTED ? at(&kernel->nodes[i + 1]) : 0, 10 + i,
				at(&kernel->threads[i])};
	arm(&kernel->timers[0], &kernel->threads[0].client, &kernel->cpus[0], 3, 5000);
	arm(&kernel->timers[1], &kernel->threads[0].client, &kernel->cpus[0], 3, 6000);
	arm(&kernel->timers[2], &kernel->threads[1].client, &kernel->cpus[1], 60, 7000);
	arm(&kernel->timers[3], &kernel->threads[2].client, &kernel->cpus[0], 63, 8000);
	arm(&kernel->cpus[1].preemption, &kernel->cpus[1].client, &kernel->cpus[1], 9, 9000);
	kernel->cpus[0].next = 5000;
}

static int make(void **state)
{
	(void)state;
	_Static_assert(sizeof(struct kernel) < PAGES * GUEST_PAGE, "it fits");
	guest = guest_pages_new(MEMORY_SIZE, &memory);
	if (!guest)
		return -1;
	guest_pages_map(memory, ADDRESS, PAGES);
	kernel = (void *)(memory + GUEST_PAGES_FROM);
	make_kernel();
	return 0;
}

static int end(void **state)
{
	(void)state;
	guest_memory_close(guest);
	munmap(memory, MEMORY_SIZE);
	return 0;
}

#define IN(type, member)                                                                           \
	{                                                                                          \
		offsetof(struct type, member), sizeof(((struct type *)NULL)->member)               \
	}

static struct sched_layout sched_layout(void)
{
	return (struct sched_layout){.kind = SCHED_OSV,
		.osv = {.cpus = at(&kernel->cpus_first),
			.threads = at(&kernel->first),
			.cpus_first = {0, 8},
			.cpus_last = {8, 8},
			.first = {0, 8},
			.count = {8, 8},
			.next = IN(hash_node, next),
			.node_value = IN(hash_node, key),
			.key = {0, 4},
			.value = {8, 8},
			.cpu_id = IN(cpu, id),
			.id = IN(thread, id),
			.name = IN(thread, name),
			.detached = IN(thread, detached),
			.detached_thread = IN(detached, thread),
			.detached_cpu = IN(detached, cpu)}};
}

static const struct timers_layout layout = {.kind = SCHED_OSV,
	.osv = {.lists = IN(cpu, lists),
		.expired = IN(cpu, expired),
		.used = IN(cpu, used),
		.looked = IN(cpu, looked),
		.next = IN(cpu, next),
		.since = IN(cpu, since),
		.list_next = IN(cpu, expired.ring.next),
		.list_previous = IN(cpu, expired.ring.previous),
		.list_count = IN(cpu, expired.count),
		.preemption = IN(cpu, preemption),
		.cpu_own = IN(cpu, client.own),
		.thread_own = IN(thread, client.own),
		.own = IN(client, own),
		.own_next = IN(client, own.ring.next),
		.own_previous = IN(client, own.ring.previous),
		.suspended = IN(client, suspended),
		.link_next = IN(timer, link.next),
		.link_previous = IN(timer, link.previous),
		.own_link_next = IN(timer, own_link.next),
		.own_link_previous = IN(timer, own_link.previous),
		.owner = IN(timer, owner),
		.state = IN(timer, state),
		.due = IN(timer, due),
		.node_next = IN(node, next),
		.node_previous = IN(node, previous),
		.states = {.names = {"free", "armed", "expired"}}}};

static struct timers_snapshot read_all(void)
{
	const struct sched_source source = {guest, GUEST_PAGES_ROOT, CPUS};
	const struct sched_layout sched = sched_layout();
	struct timers_snapshot s;

	assert_int_equal(timers_read(&source, &sched, &layout, &s), 0);
	assert_true(s.end_ns - s.begin_ns < 1000000000);
	return s;
}

static const struct guest_timer *find(const struct timers_snapshot *s, const struct timer *t)
{
	for (size_t i = 0; i < s->n_timers; i++)
		if (s->timers[i].address == at(t))
			return &s->timers[i];
	fail_msg("a timer is missing");
	return NULL;
}

static void armed_timers_are_listed_with_their_owners(void **state)
{
	struct timers_snapshot s = read_all();
	const struct guest_timer *t;

	(void)state;
	assert_null(s.trouble);
	assert_int_equal(s.n_timers, 5);
	for (size_t i = 0; i < s.n_timers; i++) {
		assert_null(guest_timer_fault(&s.timers[i]));
		assert_string_equal(s.timers[i].state, "armed");
		assert_int_equal(s.timers[i].torn, 0);
	}
	t = find(&s, &kernel->timers[2]);
	assert_int_equal(t->owner_kind, TIMER_OF_THREAD);
	assert_int_equal(t->owner, 11);
	assert_string_equal(t->owner_name, "thread 1?");
	assert_int_equal(t->owner_cpu, 1);
	assert_int_equal(t->list_cpu, 1);
	assert_int_equal(t->due_ns, 7000);
	/* Its thread is in no list of threads, as those are that a CPU begins with. */
	assert_int_equal(find(&s, &kernel->timers[3])->owned, 1);
	t = find(&s, &kernel->cpus[1].preemption);
	assert_int_equal(t->owner_kind, TIMER_OF_CPU);
	assert_int_equal(t->owner, 1);
	assert_int_equal(s.n_cpus, 2);
	assert_int_equal(s.cpus[0].timers, 3);
	assert_int_equal(s.cpus[0].counted, 3);
	assert_int_equal(s.cpus[0].misfiled, 0);
	assert_int_equal(s.cpus[0].clock_ns, 2000);
	assert_int_equal(s.cpus[0].next_ns, 5000);
	assert_int_equal(s.cpus[1].next_ns, 0);
	timers_snapshot_done(&s);
}

static void assert_fault(const struct timer *t, const char *words)
{
	struct timers_snapshot s = read_all();
	const char *fault = guest_timer_fault(find(&s, t));

	assert_non_null(fault);
	assert_non_null(strstr(fault, words));
	timers_snapshot_done(&s);
}

static void unlink_node(struct node *n)
{
	((struct node *)host(n->previous))->next = n->next;
	((struct node *)host(n->next))->previous = n->previous;
	*n = (struct node){0};
}

static void what_does_not_fit_together_is_told(void **state)
{
	struct timer *t = &kernel->timers[0], *preemption = &kernel->cpus[1].preemption;
	struct timers_snapshot s;

	(void)state;
	kernel->detached[0].cpu = at(&kernel->cpus[1]);
	assert_fault(t, "another CPU");
	kernel->detached[0].cpu = at(&kernel->cpus[0]);
	t->owner = at(&kernel->threads[0].client) + 8;
	assert_fault(t, "neither");
	t->owner = at(&kernel->threads[0].client);
	t->state = FREE;
	assert_fault(t, "not armed");
	t->state = ARMED;
	unlink_node(&t->link);
	assert_fault(t, "in no CPU's list");
	t->link = (struct node){at(&kernel->cpus[1].lists[7].ring), 0};
	assert_fault(t, "half linked");
	t->link = (struct node){0, at(&kernel->timers[2].link)};
	assert_fault(t, "half linked");
	t->link = (struct node){0};
	kernel->threads[0].client.suspended = 1;
	s = read_all();
	assert_null(guest_timer_fault(find(&s, t)));
	assert_int_equal(s.cpus[0].timers, 2);
	assert_int_equal(s.cpus[0].counted, 3);
	timers_snapshot_done(&s);
	kernel->threads[0].client.suspended = 0;
	unlink_node(&kernel->timers[2].own_link);
	assert_fault(&kernel->timers[2], "not among its owner's");
	unlink_node(&preemption->link);
	unlink_node(&preemption->own_link);
	assert_fault(preemption, "in no list");
	s = read_all();
	assert_int_equal(s.cpus[1].misfiled, 1); /* marked as used, and empty now */
	timers_snapshot_done(&s);
}

static void assert_list_trouble(uint64_t *word, uint64_t value, const char *words)
{
	uint64_t before = *word;
	struct timers_snapshot s;

	*word = value;
	s = read_all();
	assert_non_null(s.cpus[0].trouble);
	assert_non_null(strstr(s.cpus[0].trouble, words));
	/* One broken list costs no other. */
	assert_null(s.cpus[1].trouble);
	assert_int_equal(s.cpus[1].timers, 2);
	timers_snapshot_done(&s);
	*word = before;
}

static void lists_that_lie_end_and_are_told(void **state)
{
	struct timer *t = kernel->timers;

	(void)state;
	assert_list_trouble(&t[0].link.next, at(&t[0].link), "fit together");
	assert_list_trouble(&t[1].link.next, at(&t[0].link), "fit together");
	assert_list_trouble(&t[1].link.next, at(&t[3].link), "fit together");
	assert_list_trouble(&t[0].link.next, NOWHERE, "nowhere");
	assert_list_trouble(&t[0].link.next, 0, "nowhere");
	assert_list_trouble(&kernel->cpus[0].lists[3].ring.next, 0x8000000000000000ULL, "nowhere");
	assert_list_trouble(&kernel->cpus[0].lists[3].ring.previous, NOWHERE, "fit together");
}

static void assert_trouble(uint64_t *word, uint64_t value)
{
	uint64_t before = *word;
	struct timers_snapshot s;

	*word = value;
	s = read_all();
	assert_non_null(s.trouble);
	timers_snapshot_done(&s);
	*word = before;
}

static void owners_and_cpus_that_lie_are_told(void **state)
{
	(void)state;
	assert_trouble(&kernel->threads[0].client.own.ring.next, NOWHERE);
	assert_trouble(&kernel->timers[0].own_link.next, at(&kernel->timers[0].own_link));
	assert_trouble(&kernel->nodes[1].next, at(&kernel->nodes[0]));
	assert_trouble(&kernel->nodes[1].next, NOWHERE);
	assert_trouble(&kernel->first, NOWHERE);
	assert_trouble(&kernel->cpus_last, kernel->cpus_first);
	assert_trouble(&kernel->cpus_last, kernel->cpus_first + (8ULL << 40));
	assert_trouble(&kernel->cpus_first, NOWHERE);
}

/* A timer that is everywhere at once is counted once. */
static void a_timer_in_two_lists_is_told(void **state)
{
	struct list *l = &kernel->cpus[0].lists[5];
	struct timers_snapshot s;

	(void)state;
	/* The node cannot know two rings; so the ring is another's own. */
	l->ring = kernel->cpus[0].lists[63].ring;
	s = read_all();
	assert_non_null(s.cpus[0].trouble);
	assert_int_equal(s.n_timers, 5);
	timers_snapshot_done(&s);
}

/* No list is said to be wrong of which we have not seen the end. */
static void a_guest_of_too_many_timers_is_not_called_corrupt(void **state)
{
	struct timers_snapshot s;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		arm(&kernel->many[i], &kernel->threads[1].client, &kernel->cpus[1], 61, 10000);
	s = read_all();
	assert_non_null(s.trouble);
	assert_true(s.n_timers <= TIMERS_MAX);
	assert_null(s.cpus[0].trouble);
	assert_non_null(s.cpus[1].trouble);
	assert_non_null(strstr(s.cpus[1].trouble, "not read to their end"));
	for (size_t i = 0; i < s.n_cpus; i++) {
		assert_int_equal(s.cpus[i].timers, s.cpus[i].counted);
		assert_int_equal(s.cpus[i].misfiled, 0);
	}
	for (size_t i = 0; i < s.n_timers; i++)
		assert_null(guest_timer_fault(&s.timers[i]));
	timers_snapshot_done(&s);
}

/* What is next, and how many there are, is not known then: it is not that there is none. */
static void of_a_cpu_that_cannot_be_read_nothing_is_counted(void **state)
{
	struct timers_snapshot s;
	struct timers_layout l = layout;
	const struct sched_source source = {guest, GUEST_PAGES_ROOT, CPUS};
	const struct sched_layout sched = sched_layout();

	(void)state;
	l.osv.since.offset = MEMORY_SIZE; /* no page is there */
	assert_int_equal(timers_read(&source, &sched, &l, &s), 0);
	assert_int_equal(s.n_cpus, CPUS);
	for (size_t i = 0; i < s.n_cpus; i++) {
		assert_non_null(s.cpus[i].trouble);
		assert_true(s.cpus[i].timers == TIMERS_NOT_COUNTED);
		assert_true(s.cpus[i].counted == TIMERS_NOT_COUNTED);
		assert_int_equal(s.cpus[i].next_ns + s.cpus[i].clock_ns, 0);
	}
	assert_null(timers_overdue(&s));
	timers_snapshot_done(&s);
}

static void a_cpu_of_another_number_is_told(void **state)
{
	struct timers_snapshot s;

	(void)state;
	kernel->cpus[1].id = 7;
	s = read_all();
	assert_non_null(s.trouble);
	assert_int_equal(s.n_cpus, 1);
	timers_snapshot_done(&s);
}

static void a_cpu_without_its_timer_is_told(void **state)
{
	struct cpu *cpu = &kernel->cpus[1];
	struct timers_snapshot s = read_all();

	(void)state;
	assert_null(timers_overdue(&s));
	timers_snapshot_done(&s);
	cpu->next = 9000;
	cpu->since = 9000 + 100000000 - 1;
	s = read_all();
	assert_null(timers_overdue(&s));
	timers_snapshot_done(&s);
	cpu->since++;
	s = read_all();
	assert_ptr_equal(timers_overdue(&s), &s.cpus[1]);
	s.cpus[1].torn = 1;
	assert_null(timers_overdue(&s));
	timers_snapshot_done(&s);
}

static void layouts_of_two_kernels_are_refused(void **state)
{
	const struct sched_source source = {guest, GUEST_PAGES_ROOT, CPUS};
	const struct sched_layout other = {.kind = SCHED_LINUX};
	struct timers_snapshot s;

	(void)state;
	assert_true(timers_read(&source, &other, &layout, &s) < 0);
}

static void linux_tells_when_a_cpu_is_due(void **state)
{
	const struct sched_source source = {guest, GUEST_PAGES_ROOT, CPUS};
	const struct sched_layout sched = {
		.kind = SCHED_LINUX, .linux_kernel = {.cpu_offsets = at(&kernel->threads[0])}};
	const struct timers_layout l = {.kind = SCHED_LINUX,
		.linux_kernel = {.bases = at(&kernel->timers[0]), .expires = 8}};
	uint64_t *offsets = (uint64_t *)&kernel->threads[0], *base = (uint64_t *)&kernel->timers[0];
	struct timers_snapshot s;

	(void)state;
	offsets[0] = 0;
	offsets[1] = 64;
	base[1] = 123456;
	base[1 + 64 / 8] = INT64_MAX;
	assert_int_equal(timers_read(&source, &sched, &l, &s), 0);
	assert_null(s.trouble);
	assert_int_equal(s.n_cpus, 2);
	assert_int_equal(s.cpus[0].next_ns, 123456);
	assert_int_equal(s.cpus[1].next_ns, 0);
	assert_true(s.cpus[0].timers == TIMERS_NOT_COUNTED);
	timers_snapshot_done(&s);
	offsets[1] = NOWHERE;
	assert_int_equal(timers_read(&source, &sched, &l, &s), 0);
	assert_non_null(s.trouble);
	timers_snapshot_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			armed_timers_are_listed_with_their_owners, make, end),
		cmocka_unit_test_setup_teardown(what_does_not_fit_together_is_told, make, end),
		cmocka_unit_test_setup_teardown(lists_that_lie_end_and_are_told, make, end),
		cmocka_unit_test_setup_teardown(owners_and_cpus_that_lie_are_told, make, end),
		cmocka_unit_test_setup_teardown(a_timer_in_two_lists_is_told, make, end),
		cmocka_unit_test_setup_teardown(
			a_guest_of_too_many_timers_is_not_called_corrupt, make, end),
		cmocka_unit_test_setup_teardown(
			of_a_cpu_that_cannot_be_read_nothing_is_counted, make, end),
		cmocka_unit_test_setup_teardown(a_cpu_of_another_number_is_told, make, end),
		cmocka_unit_test_setup_teardown(a_cpu_without_its_timer_is_told, make, end),
		cmocka_unit_test_setup_teardown(layouts_of_two_kernels_are_refused, make, end),
		cmocka_unit_test_setup_teardown(linux_tells_when_a_cpu_is_due, make, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
