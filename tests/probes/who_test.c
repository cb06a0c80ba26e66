/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Promises of the eBPF programs on the kernel that runs, and of collector/probes/probe_set.h: they
 * load, and they see the lanes of who is followed and of nobody else. Needs root and BTF.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/probes/probe_accounts.h"
#include "collector/probes/probe_follow.h"
#include "collector/probes/probe_phases.h"
#include "tests/probes/watch.h"

static void every_program_is_accepted_by_this_kernel(void **state)
{
	struct probe_options all = plain, least = {.lanes = 1, .lane_prefix = "CPU "};
	int cpus[PROBE_LANES_MAX];

	(void)state;
	all.exact_split = true;
	all.kvm = true;
	all.lanes = PROBE_LANES_MAX;
	all.exec_path = "/some/program";
	all.guest = GUEST_KVM;
	probe_set_close(open_probes(&all, NULL));
	all.guest = GUEST_TCG;
	probe_set_close(open_probes(&all, NULL));
	probe_set_close(open_probes(&least, NULL));
	/* By name, and by CPU. */
	for (int i = 0; i < PROBE_LANES_MAX; i++)
		cpus[i] = i;
	all = plain;
	all.lanes = PROBE_LANES_MAX;
	all.program = true;
	all.lane_cpus = cpus;
	probe_set_close(open_probes(&all, NULL));
	probe_set_close(NULL);
}

static void too_many_lanes_are_the_users_mistake(void **state)
{
	const struct probe_callbacks callbacks = {0};
	struct probe_options o = plain;
	struct probe_set *probes = NULL;
	struct error error = {0};

	(void)state;
	o.lanes = PROBE_LANES_MAX + 1;
	assert_int_equal(probe_set_open(&o, &callbacks, &probes, &error), -EINVAL);
	assert_null(probes);
	assert_true(error.user);
	assert_non_null(strstr(error.text, "256"));
}

static void threads_become_lanes_by_their_names(void **state)
{
	struct watch w;

	(void)state;
	watch(&w, &plain, program_burns, NULL);
	assert_int_equal(w.n_lane_records, LANES);
	for (int lane = 0; lane < LANES; lane++)
		assert_int_equal(w.lane_tid[lane], w.truth->tid[lane]);
	assert_true(time_of(&w, 0, STATE_BLOCKED, "not created", NULL) > 0);
	assert_true(time_of(&w, 1, STATE_BLOCKED, "exited", NULL) > 0);
	watch_done(&w);
}

/* Lane 0 while it runs, lane 1 while it sleeps. */
static void *runs_while_it_is_named(void *userdata)
{
	struct truth *t = userdata;
	uint64_t begin;

	t->tid[0] = (int)syscall(SYS_gettid);
	while (t->ready < 1)
		;
	begin = thread_ns();
	burn(40 * MS);
	t->cpu_ns[0] = thread_ns() - begin;
	return NULL;
}

static void *sleeps_while_it_is_named(void *userdata)
{
	struct truth *t = userdata;

	t->tid[1] = (int)syscall(SYS_gettid);
	sleep_ns(60 * MS);
	burn(20 * MS);
	t->cpu_ns[1] = 20 * MS;
	return NULL;
}

static void program_names_others(struct truth *t)
{
	pthread_t threads[LANES];

	start_thread(&threads[0], runs_while_it_is_named, t);
	start_thread(&threads[1], sleeps_while_it_is_named, t);
	while (!t->tid[0] || !t->tid[1])
		sleep_ns(MS);
	sleep_ns(10 * MS);
	pthread_setname_np(threads[1], "worker/1-render");
	pthread_setname_np(threads[0], "worker/0");
	t->ready = 1;
	for (int i = 0; i < LANES; i++)
		pthread_join(threads[i], NULL);
}

static void threads_that_others_name_are_lanes_since_then(void **state)
{
	struct watch w;

	(void)state;
	watch(&w, &plain, program_names_others, NULL);
	for (int lane = 0; lane < LANES; lane++) {
		assert_int_equal(w.lane_tid[lane], w.truth->tid[lane]);
		/* The rest of what it had before its name is a helper's. */
		assert_true(cpu_time(&w, lane) + MS >= w.truth->cpu_ns[lane]);
		assert_near(cpu_time(&w, lane), w.truth->cpu_ns[lane], 25 * MS);
	}
	watch_done(&w);
}

static void *executes_this(void *userdata)
{
	struct truth *t = userdata;

	/* What follows is another program, which knows nothing of the truth. */
	t->tid[0] = getpid();
	execl("/bin/bash", "bash", "-c",
		"printf worker/0 > /proc/$$/comm; for ((i = 0; i < 20000; i++)); do :; done",
		(char *)NULL);
	_exit(98);
}

static void program_executes_by_its_second_thread(struct truth *t)
{
	pthread_t thread;

	become_lane(t, 0);
	start_thread(&thread, executes_this, t);
	for (;;)
		pause();
}

static void an_exec_by_another_thread_takes_no_lane_away(void **state)
{
	struct watch w;

	(void)state;
	if (access("/bin/bash", X_OK) < 0)
		skip();
	watch(&w, &plain, program_executes_by_its_second_thread, NULL);
	assert_int_equal(w.n_lane_records, 2); /* the first thread, and the one that is it now */
	assert_true(cpu_time(&w, 0) > 5 * MS);
	watch_done(&w);
}

static void *do_nothing(void *userdata)
{
	return userdata;
}

static void program_makes_many_threads(struct truth *t)
{
	become_lane(t, 0);
	for (int i = 0; i < 3000; i++) {
		pthread_t thread;

		start_thread(&thread, do_nothing, t);
		pthread_join(thread, NULL);
	}
}

static void threads_that_come_and_go_leave_nothing_behind(void **state)
{
	struct watch w;

	(void)state;
	watch(&w, &plain, program_makes_many_threads, NULL); /* checks the table of threads */
	watch_done(&w);
}

static void behind_a_closed_gate_nothing_is_recorded(void **state)
{
	struct watch w = {.truth = new_truth()};
	static const struct lane_record nothing;
	int release, status;

	(void)state;
	w.probes = open_probes(&plain, &w);
	w.pid = fork_program(program_burns, w.truth, &release);
	assert_int_equal(probe_set_follow(w.probes, w.pid), 0);
	close(release);
	assert_int_equal(waitpid(w.pid, &status, 0), w.pid);
	probe_set_consume(w.probes);
	assert_int_equal(w.n_lane_records + w.n_samples + w.n_off + w.n_on, 0);
	for (unsigned lane = 0; lane < LANES; lane++)
		assert_memory_equal(probe_set_lane(w.probes, lane), &nothing, sizeof(nothing));
	watch_done(&w);
}

/* Two watched programs at once are two experiments: one does not see the other. */
static void a_program_that_is_not_followed_is_not_seen(void **state)
{
	struct watch w = {.truth = new_truth(), .n_phases = 1};
	int release, status;

	(void)state;
	w.probes = open_probes(&plain, &w);
	w.pid = fork_program(program_burns, w.truth, &release);
	w.phases[0].start_ns = probe_set_start(w.probes);
	close(release);
	assert_int_equal(waitpid(w.pid, &status, 0), w.pid);
	close_watch(&w);
	assert_books_are_whole(&w);
	assert_int_equal(w.n_lane_records + w.n_samples + w.n_off + w.n_on, 0);
	for (int lane = 0; lane < LANES; lane++)
		assert_int_equal(time_of(&w, lane, STATE_BLOCKED, "not created", NULL),
			w.phases[0].end_ns - w.phases[0].start_ns);
	watch_done(&w);
}

static void *second_sleeps_long(void *userdata)
{
	struct truth *t = userdata;

	t->tid[1] = (int)syscall(SYS_gettid);
	t->ready = 1;
	sleep_ns(5 * SECOND);
	return NULL;
}

static void program_runs_on(struct truth *t)
{
	pthread_t second;

	t->tid[0] = (int)syscall(SYS_gettid);
	start_thread(&second, second_sleeps_long, t);
	burn(5 * SECOND);
}

static uint64_t process_ns(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
	assert_int_equal(clock_gettime(clock, &t), 0);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void threads_that_run_already_can_be_adopted(void **state)
{
	const uint64_t asleep = PROBE_DETAIL(CAUSE_SYSCALL, SYS_clock_nanosleep, 0);
	struct watch w = {.truth = new_truth(), .n_phases = 1};
	struct probe_adoption burns = {.lane = 0, .state = STATE_ONCPU},
			      sleeps = {.lane = 1, .state = STATE_BLOCKED, .detail = asleep};
	uint64_t truth, wall;
	int release;

	(void)state;
	w.probes = open_probes(&plain, &w);
	w.pid = fork_program(program_runs_on, w.truth, &release);
	close(release);
	while (!w.truth->ready)
		sleep_ns(MS);
	sleep_ns(10 * MS);
	burns.tgid = sleeps.tgid = w.pid;
	burns.tid = w.truth->tid[0];
	sleeps.tid = w.truth->tid[1];
	assert_int_equal(probe_set_adopt(w.probes, &burns), 0);
	assert_int_equal(probe_set_adopt(w.probes, &sleeps), 0);
	truth = process_ns(w.pid);
	w.phases[0].start_ns = probe_set_start(w.probes);
	sleep_ns(150 * MS);
	close_watch(&w);
	truth = process_ns(w.pid) - truth;
	assert_books_are_whole(&w);
	wall = w.phases[0].end_ns - w.phases[0].start_ns;
	/* A thread without any event is booked by what it seemed to do, to the nanosecond. */
	assert_int_equal(time_of(&w, 1, STATE_BLOCKED, "clock_nanosleep", NULL), wall);
	assert_near(cpu_time(&w, 0), truth, truth / 20 + 5 * MS);
	kill(w.pid, SIGKILL);
	assert_int_equal(waitpid(w.pid, NULL, 0), w.pid);
	watch_done(&w);
}

/* How the program of a container is found, which is no descendant of who asked for it. */
static void an_exec_of_the_given_path_joins_the_stack(void **state)
{
	char dir[] = "/tmp/guestscope-probes-XXXXXX", path[64];
	struct watch w = {.truth = new_truth(), .n_phases = 1};
	struct probe_options o = plain;
	pid_t pid;
	int status;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/gs-joins", dir);
	assert_int_equal(symlink("/bin/sleep", path), 0);
	o.exec_path = path;
	w.probes = open_probes(&o, &w);
	w.phases[0].start_ns = probe_set_start(w.probes);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		execl(path, path, "0.02", NULL);
		_exit(98);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close_watch(&w);
	unlink(path);
	rmdir(dir);
	assert_books_are_whole(&w);
	assert_true(time_of(&w, PROBE_LANE_NONE, STATE_ONCPU, "gs-joins", NULL) > 0);
	watch_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_program_is_accepted_by_this_kernel),
		cmocka_unit_test(too_many_lanes_are_the_users_mistake),
		cmocka_unit_test(threads_become_lanes_by_their_names),
		cmocka_unit_test(threads_that_others_name_are_lanes_since_then),
		cmocka_unit_test(an_exec_by_another_thread_takes_no_lane_away),
		cmocka_unit_test(threads_that_come_and_go_leave_nothing_behind),
		cmocka_unit_test(threads_that_run_already_can_be_adopted),
		cmocka_unit_test(an_exec_of_the_given_path_joins_the_stack),
		cmocka_unit_test(behind_a_closed_gate_nothing_is_recorded),
		cmocka_unit_test(a_program_that_is_not_followed_is_not_seen),
	};

	if (geteuid() != 0 || access("/sys/kernel/btf/vmlinux", R_OK) < 0) {
		fprintf(stderr, "skipped: needs root and a kernel with BTF\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
