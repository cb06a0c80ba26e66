/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/counters/counters.h: software events everywhere, hardware where there is
 * some. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/counters/counters.h"
#include "tests/common/ranges.h"

#define SLEEPS 200
#define PAGES  300

struct reading {
	const char *name;
	bool found;
	bool counted;
	int64_t value;
	uint64_t enabled_ns, running_ns;
};

static void take(unsigned lane, const char *name, const int64_t *value, uint64_t enabled_ns,
	uint64_t running_ns, void *userdata)
{
	struct reading *r = userdata;

	if (lane != 3 || strcmp(name, r->name) != 0)
		return;
	*r = (struct reading){
		.name = r->name,
		.found = true,
		.counted = value != NULL,
		.value = value ? *value : 0,
		.enabled_ns = enabled_ns,
		.running_ns = running_ns,
	};
}

static struct reading read_lane(struct counter_set *set, const char *name)
{
	struct reading r = {.name = name};

	assert_int_equal(counter_set_read(set, take, &r), 0);
	assert_true(r.found);
	return r;
}

static struct counter_set *new_set(const char *list)
{
	struct counter_set *set;

	assert_int_equal(counter_set_new(list, &set, NULL), 0);
	return set;
}

/* A thread that sleeps and touches pages, and counts its switches by the kernel's other means. */
struct worker {
	_Atomic pid_t tid;
	atomic_bool go;
	long switches, faults;
};

static void *work(void *data)
{
	const struct timespec nap = {.tv_nsec = 50000};
	long page = sysconf(_SC_PAGESIZE);
	struct worker *w = data;
	struct rusage before, after;
	char *memory = mmap(NULL, (size_t)(PAGES * page), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(memory, (size_t)(PAGES * page), MADV_NOHUGEPAGE);
	atomic_store(&w->tid, gettid());
	while (!atomic_load(&w->go))
		nanosleep(&nap, NULL);
	getrusage(RUSAGE_THREAD, &before);
	for (int i = 0; i < SLEEPS; i++)
		nanosleep(&nap, NULL);
	for (int i = 0; i < PAGES; i++)
		memory[i * page] = 1;
	getrusage(RUSAGE_THREAD, &after);
	w->switches = after.ru_nvcsw + after.ru_nivcsw - before.ru_nvcsw - before.ru_nivcsw;
	w->faults = after.ru_minflt - before.ru_minflt;
	munmap(memory, (size_t)(PAGES * page));
	return NULL;
}

static void software_events_count_what_the_thread_did(void **state)
{
	struct counter_set *set = new_set("context-switches,minor-faults,task-clock");
	struct worker w = {0};
	struct reading r;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, work, &w), 0);
	while (!atomic_load(&w.tid))
		usleep(100);
	assert_int_equal(counter_set_open(set, 3, atomic_load(&w.tid)), 0);
	assert_int_equal(counter_set_open(set, 3, atomic_load(&w.tid)), -EEXIST);
	atomic_store(&w.go, true);
	pthread_join(thread, NULL);

	/* The thread is gone; its counts are not. It also waited for the start signal. */
	r = read_lane(set, "context-switches");
	if (!r.counted && geteuid() != 0) {
		counter_set_free(set);
		skip(); /* kernel.perf_event_paranoid keeps what happens in the kernel from us */
	}
	assert_true(r.counted);
	/* Where the hypervisor takes the CPU meanwhile, a short sleep is over before it begins. */
	assert_true(w.switches >= SLEEPS / 2);
	assert_between(r.value, w.switches - 1, w.switches + 1000);
	assert_true(r.enabled_ns > 0);
	assert_int_equal(r.enabled_ns, r.running_ns);
	r = read_lane(set, "minor-faults");
	assert_true(r.counted);
	assert_true(w.faults >= PAGES);
	assert_between(r.value, w.faults, w.faults + 100);
	r = read_lane(set, "task-clock");
	assert_true(r.counted && r.value > 0);
	counter_set_free(set);
}

/* A process that forks: its and its child's faults are on the CPU that both are pinned to. */
static void a_tree_is_counted_by_cpu(void **state)
{
	struct counter_set *set = new_set("minor-faults,task-clock");
	int go[2], cpu = sched_getcpu();
	struct reading r;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(go), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		cpu_set_t one;
		char byte;

		CPU_ZERO(&one);
		CPU_SET((unsigned)cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		if (read(go[0], &byte, 1) == 1 && fork() == 0) {
			struct worker w = {.go = true};

			work(&w);
			_exit(0);
		}
		wait(NULL);
		_exit(0);
	}
	assert_int_equal(counter_set_open_tree(set, 3, pid, cpu), 0);
	assert_int_equal(write(go[1], "x", 1), 1);
	waitpid(pid, NULL, 0);
	r = read_lane(set, "minor-faults");
	if (!r.counted && geteuid() != 0) {
		counter_set_free(set);
		skip();
	}
	assert_true(r.counted);
	assert_between(r.value, PAGES, PAGES + 1000);
	counter_set_free(set);
	close(go[0]);
	close(go[1]);
}

static void burn_on(int cpu, uint64_t ns)
{
	struct timespec t;
	cpu_set_t one;
	uint64_t end = 0;

	CPU_ZERO(&one);
	CPU_SET((unsigned)cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	do {
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
		if (!end)
			end = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec + ns;
	} while ((uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec < end);
}

/* What it does on the other CPU is no time that an event waited for a counter. */
static void a_lane_has_its_CPU_s_part_alone(void **state)
{
	struct counter_set *set = new_set("cpu-clock");
	struct reading r;
	int go[2], cpus[2], n = 0;
	cpu_set_t all;
	pid_t pid;

	(void)state;
	sched_getaffinity(0, sizeof(all), &all);
	for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
		if (CPU_ISSET((unsigned)cpu, &all))
			cpus[n++] = cpu;
	if (n < 2) {
		counter_set_free(set);
		skip();
	}
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		char byte;

		if (read(go[0], &byte, 1) == 1) {
			burn_on(cpus[0], 100000000);
			burn_on(cpus[1], 400000000);
		}
		_exit(0);
	}
	assert_int_equal(counter_set_open_tree(set, 3, pid, cpus[0]), 0);
	assert_int_equal(write(go[1], "x", 1), 1);
	waitpid(pid, NULL, 0);
	r = read_lane(set, "cpu-clock");
	assert_true(r.counted);
	assert_between(r.value, 90000000, 150000000);
	counter_set_free(set);
	close(go[0]);
	close(go[1]);
}

static void what_the_machine_lacks_has_no_value(void **state)
{
	struct counter_set *set = new_set(NULL);
	struct reading cycles, clock;

	(void)state;
	assert_int_equal(counter_set_open(set, 3, gettid()), 0);
	for (volatile int i = 0; i < 1000000; i++)
		;
	cycles = read_lane(set, "cycles");
	if (cycles.counted)
		assert_true(cycles.value > 0);
	else
		assert_int_equal(cycles.running_ns, 0);
	clock = read_lane(set, "task-clock");
	assert_true(clock.counted && clock.value > 0);
	counter_set_free(set);
}

static void count_infos(const struct counter_info *info, void *userdata)
{
	assert_true(info->counted == !info->reason);
	if (strcmp(info->name, "task-clock") == 0 && info->counted)
		++*(int *)userdata;
}

static void software_stands_in_where_nothing_else_counts(void **state)
{
	struct counter_set *set = new_set("cycles");
	struct reading cycles;
	int stand_ins = 0;

	(void)state;
	assert_int_equal(counter_set_open(set, 3, gettid()), 0);
	cycles = read_lane(set, "cycles");
	counter_set_each(set, count_infos, &stand_ins);
	assert_int_equal(stand_ins, cycles.counted ? 0 : 1);
	counter_set_free(set);
}

static void refuse(const char *list, const char *word)
{
	struct error error = {0};
	struct counter_set *set = NULL;

	assert_int_equal(counter_set_new(list, &set, &error), -EINVAL);
	assert_true(error.user);
	assert_non_null(strstr(error.text, word));
	assert_null(set);
}

static void a_name_nobody_knows_is_named(void **state)
{
	(void)state;
	refuse("task-clock,no-such-event", "no-such-event");
	refuse("task-clock,,cpu-clock", "empty item");
	refuse("", "empty item");
	refuse("task-clock,TASK-CLOCK", "twice");
}

static void a_thread_that_is_gone_is_an_error(void **state)
{
	struct counter_set *set = new_set("task-clock");

	(void)state;
	assert_int_equal(counter_set_open(set, 0, 0), -ESRCH);
	assert_int_equal(counter_set_open(set, 0, (1 << 22) + 1), -ESRCH);
	assert_int_equal(counter_set_open(set, 0, gettid()), 0);
	counter_set_free(set);
	counter_set_free(NULL);
}

struct seen {
	bool switches, cycles;
};

static void see(const struct counter_info *info, void *userdata)
{
	struct seen *seen = userdata;

	assert_true(info->counted == !info->reason);
	if (strcasecmp(info->name, "perf::context-switches") == 0)
		seen->switches = info->counted;
	if (strcasecmp(info->name, "perf::cycles") == 0)
		seen->cycles = true;
}

static void the_list_has_software_and_hardware(void **state)
{
	struct seen seen = {0};

	(void)state;
	assert_int_equal(counters_list(see, &seen, NULL), 0);
	assert_true(seen.switches || geteuid() != 0);
	assert_true(seen.cycles);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(software_events_count_what_the_thread_did),
		cmocka_unit_test(a_tree_is_counted_by_cpu),
		cmocka_unit_test(a_lane_has_its_CPU_s_part_alone),
		cmocka_unit_test(what_the_machine_lacks_has_no_value),
		cmocka_unit_test(software_stands_in_where_nothing_else_counts),
		cmocka_unit_test(a_name_nobody_knows_is_named),
		cmocka_unit_test(a_thread_that_is_gone_is_an_error),
		cmocka_unit_test(the_list_has_software_and_hardware),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
