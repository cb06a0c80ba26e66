/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/inside/guest_sched.h, on a guest whose memory is made here, and of collector/symbols/dwarf_members.h,
 * on this program itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/inside/guest_sched.h"
#include "collector/symbols/dwarf_members.h"
#include "common/cleanup.h"
#include "tests/collector/guest_pages.h"

#define ADDRESS     0xffffffff81000000ULL
#define PAGES       16
#define MEMORY_SIZE (GUEST_PAGES_FROM + PAGES * GUEST_PAGE)
#define NOWHERE     0xffffffff90000000ULL

/* A kernel like Linux of two CPUs, with an init process of two threads and a thread of its own. */

struct list {
	uint64_t next, previous;
};

struct task {
	uint64_t cpu_ns, migrations; /* struct sched_entity */
	struct list tasks, thread_node;
	uint64_t signal, voluntary, involuntary;
	uint64_t run_delay, last_queued; /* struct sched_info */
	uint32_t pid, tgid, flags, state, on_cpu, on_rq, cpu, unused;
	char comm[16];
};

struct queue {
	uint64_t current, idle, switches;
	uint32_t running, unused;
	uint64_t clock;
};

enum { SWAPPER_0, SWAPPER_1, INIT, INIT_THREAD, KTHREAD, TASKS };

struct kernel {
	uint64_t cpu_offsets[2];
	struct queue queues[2];
	struct list signals[TASKS];
	struct task tasks[TASKS];
};

static unsigned char *memory;
static struct kernel *kernel;
static struct guest_memory *guest;

static uint64_t at(const void *p)
{
	return ADDRESS + (uint64_t)((const unsigned char *)p - (memory + GUEST_PAGES_FROM));
}

static void make_task(unsigned i, uint32_t pid, uint32_t tgid, const char *comm)
{
	struct task *t = &kernel->tasks[i], *leader = t;

	*t = (struct task){.pid = pid,
		.tgid = tgid,
		.state = 1,
		.voluntary = 10 * i,
		.involuntary = i,
		.cpu_ns = 1000 * i,
		.migrations = i};
	strncpy(t->comm, comm, sizeof(t->comm));
	if (i == INIT_THREAD)
		leader = &kernel->tasks[INIT];
	t->signal = at(&kernel->signals[leader - kernel->tasks]);
}

static void link_threads(unsigned leader, unsigned other)
{
	struct list *head = &kernel->signals[leader];

	head->next = at(&kernel->tasks[leader].thread_node);
	kernel->tasks[leader].thread_node.next =
		other ? at(&kernel->tasks[other].thread_node) : at(head);
	if (other)
		kernel->tasks[other].thread_node.next = at(head);
}

static int make(void **state)
{
	(void)state;
	guest = guest_pages_new(MEMORY_SIZE, &memory);
	if (!guest)
		return -1;
	guest_pages_map(memory, ADDRESS, PAGES);
	kernel = (void *)(memory + GUEST_PAGES_FROM);
	make_task(SWAPPER_0, 0, 0, "swapper/0");
	make_task(SWAPPER_1, 0, 0, "swapper/1");
	make_task(INIT, 1, 1, "init");
	make_task(INIT_THREAD, 7, 1, "second\x1b");
	make_task(KTHREAD, 2, 2, "kthreadd");
	kernel->tasks[KTHREAD].flags = 0x00200000;
	kernel->tasks[KTHREAD].run_delay = 70;
	kernel->tasks[KTHREAD].last_queued = 9000;
	kernel->tasks[SWAPPER_1].cpu = kernel->tasks[INIT_THREAD].cpu = 1;
	kernel->tasks[SWAPPER_1].on_cpu = kernel->tasks[INIT].on_cpu = 1;
	kernel->tasks[INIT].on_rq = kernel->tasks[KTHREAD].on_rq = 1;
	link_threads(INIT, INIT_THREAD);
	link_threads(KTHREAD, 0);
	kernel->tasks[SWAPPER_0].tasks.next = at(&kernel->tasks[INIT].tasks);
	kernel->tasks[INIT].tasks.next = at(&kernel->tasks[KTHREAD].tasks);
	kernel->tasks[KTHREAD].tasks.next = at(&kernel->tasks[SWAPPER_0].tasks);
	kernel->cpu_offsets[1] = sizeof(struct queue);
	kernel->queues[0] = (struct queue){
		at(&kernel->tasks[INIT]), at(&kernel->tasks[SWAPPER_0]), 500, 2, 0, 4321};
	kernel->queues[1] = (struct queue){
		at(&kernel->tasks[SWAPPER_1]), at(&kernel->tasks[SWAPPER_1]), 600, 0, 0, 4322};
	return 0;
}

static int end(void **state)
{
	(void)state;
	guest_memory_close(guest);
	munmap(memory, MEMORY_SIZE);
	return 0;
}

static struct sched_layout linux_layout(void)
{
#define AT(member) offsetof(struct task, member)
	return (struct sched_layout){.kind = SCHED_LINUX,
		.linux_kernel = {.init_task = at(&kernel->tasks[SWAPPER_0]),
			.runqueues = at(&kernel->queues[0]),
			.cpu_offsets = at(kernel->cpu_offsets),
			.tasks = AT(tasks),
			.pid = AT(pid),
			.tgid = AT(tgid),
			.comm = AT(comm),
			.flags = AT(flags),
			.signal = AT(signal),
			.thread_node = AT(thread_node),
			.state = AT(state),
			.on_cpu = AT(on_cpu),
			.on_rq = AT(on_rq),
			.se = 0,
			.thread_cpu = AT(cpu),
			.switches = AT(voluntary),
			.preemptions = AT(involuntary),
			.thread_head = 0,
			.cpu_ns = AT(cpu_ns),
			.migrations = AT(migrations),
			.queued = offsetof(struct queue, running),
			.current = offsetof(struct queue, current),
			.idle = offsetof(struct queue, idle),
			.cpu_switches = offsetof(struct queue, switches),
			.delay = AT(run_delay),
			.last_queued = AT(last_queued),
			.clock = offsetof(struct queue, clock)}};
#undef AT
}

static struct sched_snapshot read_linux(void)
{
	const struct sched_source source = {guest, GUEST_PAGES_ROOT, 2};
	const struct sched_layout layout = linux_layout();
	struct sched_snapshot s;

	assert_int_equal(sched_read(&source, &layout, &s), 0);
	return s;
}

static void threads_and_cpus_are_what_the_kernel_has(void **state)
{
	struct sched_snapshot s = read_linux();
	const struct sched_task *t = s.tasks;

	(void)state;
	assert_null(s.trouble);
	assert_int_equal(s.n_tasks, TASKS);
	assert_string_equal(t[0].name, "swapper/0");
	assert_string_equal(t[1].name, "swapper/1");
	assert_string_equal(t[2].name, "init");
	assert_string_equal(t[2].state, SCHED_RUNNING);
	assert_int_equal(t[2].switches, 22);
	assert_int_equal(t[2].preemptions, 2);
	assert_int_equal(t[2].migrations, 2);
	assert_int_equal(t[2].cpu_ns, 2000);
	assert_int_equal(t[2].process, 1);
	assert_string_equal(t[3].name, "kthreadd");
	assert_string_equal(t[3].state, SCHED_QUEUED);
	assert_int_equal(t[3].process, 0);
	assert_int_equal(t[3].delay_ns, 70);
	assert_int_equal(t[3].queued_since_ns, 9000);
	assert_int_equal(t[3].flags, SCHED_COUNTS_CPU | SCHED_COUNTS_DELAY);
	assert_int_equal(t[0].flags, SCHED_IS_IDLE);
	assert_int_equal(s.cpus[0].clock_ns, 4321);
	assert_string_equal(t[4].name, "second?");
	assert_string_equal(t[4].state, "waiting");
	assert_int_equal(t[4].cpu, 1);
	assert_int_equal(s.n_cpus, 2);
	assert_int_equal(s.cpus[0].queued, 1);
	assert_int_equal(s.cpus[0].current, 1);
	assert_int_equal(s.cpus[0].idle, 0);
	assert_int_equal(s.cpus[1].queued, 0);
	assert_int_equal(s.cpus[1].idle, 1);
	assert_int_equal(s.cpus[1].switches, 600);
	for (size_t i = 0; i < s.n_tasks; i++)
		assert_int_equal(t[i].torn, 0);
	sched_snapshot_done(&s);
}

static void assert_trouble(uint64_t *word, uint64_t value, const char *words)
{
	uint64_t before = *word;
	struct sched_snapshot s;

	*word = value;
	s = read_linux();
	assert_non_null(s.trouble);
	assert_non_null(strstr(s.trouble, words));
	assert_true(s.end_ns - s.begin_ns < 1000000000);
	sched_snapshot_done(&s);
	*word = before;
}

static void lists_that_lie_end_and_are_told(void **state)
{
	struct task *init = &kernel->tasks[INIT], *kthread = &kernel->tasks[KTHREAD];

	(void)state;
	/* Round in a circle without the begin; out of memory; into another process; not canonical. */
	assert_trouble(&kthread->tasks.next, at(&init->tasks), "");
	assert_trouble(&init->thread_node.next, at(&init->thread_node), "");
	assert_trouble(&init->tasks.next, NOWHERE, "not there");
	assert_trouble(&init->thread_node.next, at(&kthread->thread_node), "elsewhere");
	assert_trouble(&init->signal, 0x8000000000000000ULL, "not there");
	assert_trouble(&kernel->cpu_offsets[1], NOWHERE, "not there");
	assert_trouble(&kernel->queues[0].current, 0, "not there");
}

static void without_page_tables_there_is_nothing(void **state)
{
	const struct sched_source source = {guest, 0xfffffffffffff000ULL, 2};
	const struct sched_layout layout = linux_layout();
	struct sched_snapshot s;

	(void)state;
	assert_int_equal(sched_read(&source, &layout, &s), 0);
	assert_non_null(s.trouble);
	assert_int_equal(s.n_tasks, 0);
	sched_snapshot_done(&s);
}

/* DWARF: of this program. */

struct inner {
	char first;
	struct {
		uint32_t deep;
	} hidden;
};

struct outer {
	uint64_t before;
	struct inner inner;
	struct {
		struct inner within;
	} wrapped[1];
	struct inner *pointer;
	union {
		uint32_t small;
		struct inner large;
	} either;
	uint32_t three_bits : 3, five_bits : 5;
};

enum colour { RED, GREEN = 2, FAR = 1000 };

struct outer variable;
enum colour colour;

static void members_are_where_the_compiler_put_them(void **state)
{
	uint32_t deep, deep_size, pointer, hidden, large, none = 77, none_size = 77;
	struct dwarf_values values;
	const struct dwarf_member members[] = {
		{"outer", "inner.deep", &deep, &deep_size},
		{"o?ter", "pointer", &pointer, NULL},
		{"variable", "hidden", &hidden, NULL},
		{"outer", "either.large", &large, NULL},
		{"outer", "later", &none, &none_size, .optional = true},
	};
	struct error error = {0};

	(void)state;
	assert_int_equal(dwarf_members_find("/proc/self/exe", "unit_guest_sched.c", members,
				 ARRAY_SIZE(members), "colour", &values, &error),
		0);
	assert_int_equal(deep, offsetof(struct outer, inner.hidden.deep));
	assert_int_equal(deep_size, 4);
	assert_int_equal(pointer, offsetof(struct outer, pointer));
	assert_int_equal(hidden, offsetof(struct outer, inner.hidden));
	assert_int_equal(large, offsetof(struct outer, either));
	assert_int_equal(none + none_size, 0);
	assert_string_equal(values.names[RED], "RED");
	assert_string_equal(values.names[1], "");
	assert_string_equal(values.names[GREEN], "GREEN");
}

static void what_is_not_there_is_said(void **state)
{
	uint32_t offset = 77;
	const struct dwarf_member missing = {"outer", "inner.no_such", &offset, NULL};
	const struct dwarf_member bits = {"outer", "five_bits", &offset, NULL};
	struct error error = {0};

	(void)state;
	assert_int_equal(dwarf_members_find("/proc/self/exe", "unit_guest_sched.c", &missing, 1,
				 NULL, NULL, &error),
		-ENODATA);
	assert_non_null(strstr(error.text, "inner.no_such"));
	/* It begins within a byte. */
	assert_int_equal(dwarf_members_find("/proc/self/exe", "unit_guest_sched.c", &bits, 1, NULL,
				 NULL, &error),
		-ENODATA);
	assert_int_equal(offset, 77);
	assert_int_equal(
		dwarf_members_find("/proc/self/maps", "x", &missing, 1, NULL, NULL, &error),
		-ENODATA);
	assert_int_equal(
		dwarf_members_find("/nowhere", "x", &missing, 1, NULL, NULL, &error), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			threads_and_cpus_are_what_the_kernel_has, make, end),
		cmocka_unit_test_setup_teardown(lists_that_lie_end_and_are_told, make, end),
		cmocka_unit_test_setup_teardown(without_page_tables_there_is_nothing, make, end),
		cmocka_unit_test(members_are_where_the_compiler_put_them),
		cmocka_unit_test(what_is_not_there_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
