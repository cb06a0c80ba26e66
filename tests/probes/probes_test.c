/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Promises of the eBPF programs and of collector/probe_set.h, on the kernel that runs: programs
 * whose time is known are watched, and their books must say so. Needs root and BTF.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/books.h"
#include "collector/offcpu.h"
#include "collector/probe_set.h"
#include "common/cleanup.h"

#define LANES  2
#define MS     1000000ULL
#define SECOND (1000 * MS)

/** What a watched program says of itself; shared with the test. */
struct truth {
	atomic_int tid[LANES];
	atomic_ullong cpu_ns[LANES];  /**< of the thread, while it was a lane */
	atomic_ullong away_ns[LANES]; /**< by its own clock, where it waited */
	atomic_ullong helper_ns;
	atomic_int ready;
	int cpu; /**< to pin the lane to, where the program pins */
};

/** One program, watched from its begin to its end. */
struct watch {
	struct probe_set *probes;
	struct truth *truth;
	pid_t pid;
	struct phase phases[PROBE_PHASES_MAX];
	unsigned n_phases;
	struct books books;
	struct profile profile;
	struct offcpu offcpu;
	uint32_t lane_tid[LANES];
	unsigned n_lane_records, n_samples, n_off, n_on;
};

/* What the programs do */

static uint64_t thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void burn(uint64_t ns)
{
	uint64_t end = thread_ns() + ns;

	while (thread_ns() < end)
		for (volatile int i = 0; i < 20000; i++)
			;
}

static void sleep_ns(uint64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / SECOND), .tv_nsec = (long)(ns % SECOND)};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
}

/** This thread is lane @lane from here on. Returns its CPU time so far. */
static uint64_t become_lane(struct truth *t, int lane)
{
	char name[PROBE_NAME_SIZE];

	snprintf(name, sizeof(name), "worker/%d", lane);
	t->tid[lane] = (int)syscall(SYS_gettid);
	prctl(PR_SET_NAME, name);
	return thread_ns();
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		_exit(90);
}

static void start_thread(pthread_t *thread, void *(*f)(void *), struct truth *t)
{
	if (pthread_create(thread, NULL, f, t) != 0)
		_exit(91);
}

/* The test's side */

static void on_lane(const struct record_lane *record, void *userdata)
{
	struct watch *w = userdata;

	w->n_lane_records++;
	assert_in_range(record->lane, 0, LANES - 1);
	w->lane_tid[record->lane] = record->pid;
}

static unsigned phase_at(const struct watch *w, uint64_t time_ns)
{
	for (unsigned i = w->n_phases; i-- > 1;)
		if (time_ns >= w->phases[i].start_ns)
			return i;
	return 0;
}

static void on_sample(const struct record_sample *s, const uint64_t *frames, void *userdata)
{
	struct watch *w = userdata;
	struct profile_entry key = {
		.kind = PROFILE_ONCPU,
		.phase = phase_at(w, s->time_ns),
		.lane = s->lane,
		.tgid = s->tgid,
		.mode = s->mode,
		.state = s->state,
		.syscall = s->syscall,
		.ip = s->ip,
		.n_kernel = s->n_kernel,
		.n_user = s->n_user,
	};

	w->n_samples += s->lane >= 0;
	profile_add(&w->profile, &key, frames, frames + s->n_kernel, MS, 1);
}

static void on_off(const struct record_sample *s, const uint64_t *frames, void *userdata)
{
	struct watch *w = userdata;

	w->n_off++;
	offcpu_off(&w->offcpu, s, frames);
}

static void on_on(const struct record_on *record, void *userdata)
{
	struct watch *w = userdata;

	w->n_on++;
	offcpu_on(&w->offcpu, &w->profile, w->phases, w->n_phases, record->pid, record->time_ns);
}

static unsigned classify(
	const struct profile_entry *e, char ret_detail[static DETAIL_SIZE], void *userdata)
{
	(void)ret_detail;
	(void)userdata;
	return e->mode == SAMPLE_KERNEL ? STATE_KERNEL : STATE_USER;
}

static const struct probe_options plain = {
	.lanes = LANES,
	.lane_prefix = "worker/",
	.throttling = true,
	.oncpu = true,
	.offcpu = true,
	.user_stacks = true,
	.frequency_hz = 999,
};

static struct probe_set *open_probes(const struct probe_options *o, struct watch *w)
{
	const struct probe_callbacks callbacks = {
		.lane = on_lane, .sample = on_sample, .off = on_off, .on = on_on, .userdata = w};
	struct probe_set *probes = NULL;
	struct error error = {0};

	if (probe_set_open(o, &callbacks, &probes, &error) < 0)
		fail_msg("%s", error.text);
	return probes;
}

static struct truth *new_truth(void)
{
	struct truth *t =
		mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(t, MAP_FAILED);
	return t;
}

/** Fork a process that waits for the pipe @ret_release to be closed, and then does @program. */
static pid_t fork_program(void (*program)(struct truth *), struct truth *t, int *ret_release)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char byte;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[1]);
		if (read(ends[0], &byte, 1) == 0)
			program(t);
		_exit(0);
	}
	close(ends[0]);
	*ret_release = ends[1];
	return pid;
}

/** A new phase begins. */
static void begin_phase(struct watch *w, const char *name)
{
	uint64_t now = probe_set_phase(w->probes);

	assert_true(now != 0);
	w->phases[w->n_phases - 1].end_ns = now;
	w->phases[w->n_phases].start_ns = now;
	snprintf(w->phases[w->n_phases].name, PHASE_NAME_SIZE, "%s", name);
	w->n_phases++;
}

static void close_watch(struct watch *w)
{
	uint64_t end = probe_set_phase(w->probes);

	if (!end)
		end = clock_ns();
	w->phases[w->n_phases - 1].end_ns = end;
	probe_set_finish(w->probes, end);
	offcpu_finish(&w->offcpu, &w->profile, w->phases, w->n_phases, end);
	assert_int_equal(books_close(&w->books, w->probes, &w->profile, w->phases, w->n_phases,
				 LANES, classify, STATE_USER, w),
		0);
}

/** What holds for every run, whatever the program did. */
static void assert_books_are_whole(const struct watch *w)
{
	struct probe_losses losses = probe_set_losses(w->probes);

	assert_int_equal(losses.ring, 0);
	assert_int_equal(losses.accounts, 0);
	assert_int_equal(losses.tasks, 0);
	assert_int_equal(w->profile.lost, 0);
	assert_int_equal(w->offcpu.lost, 0);
	for (unsigned phase = 0; phase < w->n_phases; phase++) {
		uint64_t wall = w->phases[phase].end_ns - w->phases[phase].start_ns;

		for (int lane = 0; lane < LANES; lane++) {
			uint64_t sum = 0;

			for (unsigned s = 0; s < STATE_COUNT; s++)
				sum += books_state_ns(&w->books, phase, lane, s);
			assert_int_equal(sum, wall);
		}
	}
	assert_int_equal(w->books.residual_ns, 0);
}

/**
 * Watch @program to its end; @meanwhile (may be NULL) runs beside it. A program that takes longer
 * than ten seconds is ended, and the test has failed.
 */
static void watch(struct watch *w, const struct probe_options *o, void (*program)(struct truth *),
	void (*meanwhile)(struct watch *))
{
	int release, status;
	uint64_t give_up;

	memset(w, 0, sizeof(*w));
	w->truth = new_truth();
	w->probes = open_probes(o, w);
	w->pid = fork_program(program, w->truth, &release);
	assert_int_equal(probe_set_follow(w->probes, w->pid), 0);
	w->phases[0].start_ns = probe_set_start(w->probes);
	w->n_phases = 1;
	close(release);
	if (meanwhile)
		meanwhile(w);
	give_up = clock_ns() + 10 * SECOND;
	while (waitpid(w->pid, &status, WNOHANG) == 0) {
		struct pollfd fd = {.fd = probe_set_fd(w->probes), .events = POLLIN};

		if (clock_ns() > give_up)
			kill(w->pid, SIGKILL);
		poll(&fd, 1, 5);
		probe_set_consume(w->probes);
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close_watch(w);
	assert_books_are_whole(w);
}

static void watch_done(struct watch *w)
{
	books_done(&w->books);
	profile_done(&w->profile);
	offcpu_done(&w->offcpu);
	probe_set_close(w->probes);
	munmap(w->truth, sizeof(*w->truth));
}

/** Time of a lane in @state for @detail, over all phases; @ret_count may be NULL. */
static uint64_t time_of(
	const struct watch *w, int lane, unsigned state, const char *detail, uint64_t *ret_count)
{
	uint64_t ns = 0, n = 0;

	for (size_t i = 0; i < w->books.n; i++) {
		const struct account *a = &w->books.accounts[i];

		if (a->lane == lane && a->state == state && strcmp(a->detail, detail) == 0) {
			ns += a->ns;
			n += a->count;
		}
	}
	if (ret_count)
		*ret_count = n;
	return ns;
}

static uint64_t cpu_time(const struct watch *w, int lane)
{
	uint64_t ns = 0;

	for (unsigned phase = 0; phase < w->n_phases; phase++)
		ns += books_cpu_ns(&w->books, phase, lane);
	return ns;
}

/** Two times are equal within @slack_ns; shows both where they are not. */
static void assert_near(uint64_t books_ns, uint64_t truth_ns, uint64_t slack_ns)
{
	uint64_t difference = books_ns > truth_ns ? books_ns - truth_ns : truth_ns - books_ns;

	if (difference > slack_ns)
		fail_msg("books %.3f ms, truth %.3f ms, more than %.3f ms apart",
			(double)books_ns / MS, (double)truth_ns / MS, (double)slack_ns / MS);
}

/* Promises */

static void every_program_is_accepted_by_this_kernel(void **state)
{
	struct probe_options all = plain, least = {.lanes = 1, .lane_prefix = "CPU "};

	(void)state;
	all.exact_split = true;
	all.kvm = true;
	all.lanes = PROBE_LANES_MAX;
	all.exec_path = "/some/program";
	probe_set_close(open_probes(&all, NULL));
	probe_set_close(open_probes(&least, NULL));
	probe_set_close(NULL);
}

static void too_many_lanes_are_the_users_mistake(void **state)
{
	const struct probe_callbacks callbacks = {.lane = on_lane};
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

static void without_privileges_the_message_names_the_mend(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct probe_callbacks callbacks = {.lane = on_lane};
		struct probe_set *probes = NULL;
		struct error error = {0};

		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(1);
		if (probe_set_open(&plain, &callbacks, &probes, &error) != -EPERM || probes)
			_exit(2);
		_exit(strstr(error.text, "root") ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void *second_burns(void *userdata)
{
	struct truth *t = userdata;
	uint64_t begin = become_lane(t, 1);

	burn(30 * MS);
	t->cpu_ns[1] = thread_ns() - begin;
	return NULL;
}

/* Names that are almost a lane's, and a lane that is out of range. */
static void *third_is_no_lane(void *userdata)
{
	static const char *const names[] = {
		"worker/2", "worker", "worker/", "xworker/1", "Worker/1", "worker/x", "helper"};
	struct truth *t = userdata;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		prctl(PR_SET_NAME, names[i]);
	burn(30 * MS);
	t->helper_ns = thread_ns();
	return NULL;
}

static void program_burns(struct truth *t)
{
	uint64_t begin = become_lane(t, 0);
	pthread_t second, third;

	start_thread(&second, second_burns, t);
	start_thread(&third, third_is_no_lane, t);
	burn(60 * MS);
	pthread_join(second, NULL);
	pthread_join(third, NULL);
	t->cpu_ns[0] = thread_ns() - begin;
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

static void cpu_time_is_what_the_threads_clock_says(void **state)
{
	struct watch w;

	(void)state;
	watch(&w, &plain, program_burns, NULL);
	for (int lane = 0; lane < LANES; lane++) {
		uint64_t truth = w.truth->cpu_ns[lane];

		/* Coming and going are outside of its own clock, interrupts may be. */
		assert_near(cpu_time(&w, lane), truth, truth / 20 + 3 * MS);
	}
	assert_near(time_of(&w, PROBE_LANE_NONE, STATE_ONCPU, "helper", NULL), w.truth->helper_ns,
		w.truth->helper_ns / 20 + 3 * MS);
	watch_done(&w);
}

static void a_burning_lane_is_sampled_as_often_as_asked_for(void **state)
{
	struct watch w;
	uint64_t cpu_ms, n = 0;

	(void)state;
	watch(&w, &plain, program_burns, NULL);
	cpu_ms = (cpu_time(&w, 0) + cpu_time(&w, 1)) / MS;
	assert_in_range(w.n_samples, cpu_ms * 6 / 10, cpu_ms * 13 / 10);
	for (size_t i = 0; i < w.profile.n; i++) {
		const struct profile_entry *e = w.profile.entries[i];

		if (e->kind != PROFILE_ONCPU || e->lane < 0)
			continue;
		assert_int_equal(e->tgid, w.pid);
		assert_in_range(e->mode, SAMPLE_USER, SAMPLE_IRQ);
		/* burn() has a caller: frame pointers were followed. */
		n += e->mode == SAMPLE_USER && e->n_user >= 2 ? e->count : 0;
	}
	assert_true(n > w.n_samples / 2);
	watch_done(&w);
}

static void phases_every_20_ms(struct watch *w)
{
	for (int i = 0; i < 4; i++) {
		sleep_ns(20 * MS);
		begin_phase(w, "next");
	}
}

static void program_for_100_ms(struct truth *t)
{
	uint64_t end = clock_ns() + 100 * MS;
	pthread_t second;

	become_lane(t, 0);
	start_thread(&second, second_burns, t);
	while (clock_ns() < end) {
		burn(MS / 2);
		sleep_ns(MS / 2);
	}
	pthread_join(second, NULL);
}

static void intervals_are_split_exactly_where_phases_meet(void **state)
{
	struct watch w;

	(void)state;
	watch(&w, &plain, program_for_100_ms, phases_every_20_ms); /* checks each phase's sum */
	assert_int_equal(w.n_phases, 5);
	watch_done(&w);
}

static void as_many_phases_as_there_can_be(struct watch *w)
{
	for (int i = 1; i < PROBE_PHASES_MAX; i++)
		begin_phase(w, "next");
	assert_int_equal(probe_set_phase(w->probes), 0);
}

static void books_close_over_as_many_phases_as_there_can_be(void **state)
{
	struct watch w;

	(void)state;
	watch(&w, &plain, program_for_100_ms, as_many_phases_as_there_can_be);
	assert_int_equal(w.n_phases, PROBE_PHASES_MAX);
	watch_done(&w);
}

static void *second_sleeps(void *userdata)
{
	struct truth *t = userdata;
	uint64_t begin;

	become_lane(t, 1);
	for (int i = 0; i < 3; i++) {
		begin = clock_ns();
		sleep_ns(50 * MS);
		t->away_ns[1] += clock_ns() - begin;
	}
	return NULL;
}

static void program_sleeps(struct truth *t)
{
	pthread_t second;

	become_lane(t, 0);
	start_thread(&second, second_sleeps, t);
	pthread_join(second, NULL);
}

static void a_sleep_is_blocked_in_the_call_that_sleeps(void **state)
{
	uint64_t blocked, woken, count;
	struct watch w;

	(void)state;
	watch(&w, &plain, program_sleeps, NULL);
	blocked = time_of(&w, 1, STATE_BLOCKED, "clock_nanosleep", &count);
	woken = time_of(&w, 1, STATE_WAKEUP, "", NULL);
	assert_int_equal(count, 3);
	/* From the entry to the call, which is not yet sleep, to where the thread runs again. */
	assert_true(blocked + woken > 149 * MS);
	assert_true(blocked < w.truth->away_ns[1]);
	assert_near(blocked, 150 * MS, 5 * MS);
	/* The other one waited for it, in pthread_join(). */
	assert_true(time_of(&w, 0, STATE_BLOCKED, "futex condition", NULL) +
			    time_of(&w, 0, STATE_BLOCKED, "futex lock", NULL) >
		    140 * MS);
	watch_done(&w);
}

static void off_cpu_stacks_weigh_as_much_as_the_lane_was_away(void **state)
{
	uint64_t away = 0, weight = 0;
	struct watch w;

	(void)state;
	watch(&w, &plain, program_sleeps, NULL);
	away = time_of(&w, 1, STATE_BLOCKED, "clock_nanosleep", NULL) +
	       time_of(&w, 1, STATE_WAKEUP, "", NULL);
	for (size_t i = 0; i < w.profile.n; i++) {
		const struct profile_entry *e = w.profile.entries[i];

		/* From its last absence it never came back: it ended. */
		if (e->kind == PROFILE_OFFCPU && e->lane == 1) {
			weight += e->weight_ns;
			assert_true(e->n_kernel > 0 && e->n_user > 0);
		}
	}
	assert_near(weight, away, away / 50 + MS);
	assert_true(w.n_on > 0 && w.n_on <= w.n_off);
	watch_done(&w);
}

static void *second_writes_late(void *userdata)
{
	int *fd = userdata;

	for (int i = 0; i < 3; i++) {
		sleep_ns(30 * MS);
		if (write(*fd, "x", 1) != 1)
			_exit(92);
	}
	return NULL;
}

static void program_reads_a_pipe(struct truth *t)
{
	pthread_t second;
	int ends[2];
	char byte;

	become_lane(t, 0);
	if (pipe(ends) < 0 || pthread_create(&second, NULL, second_writes_late, &ends[1]) != 0)
		_exit(93);
	for (int i = 0; i < 3; i++)
		if (read(ends[0], &byte, 1) != 1)
			_exit(94);
	pthread_join(second, NULL);
}

static void a_wait_for_a_pipe_is_told_as_such(void **state)
{
	struct watch w;

	(void)state;
	watch(&w, &plain, program_reads_a_pipe, NULL);
	assert_near(time_of(&w, 0, STATE_BLOCKED, "read pipe", NULL), 90 * MS, 9 * MS);
	watch_done(&w);
}

static void program_shares_its_cpu(struct truth *t)
{
	uint64_t end;

	pin(t->cpu);
	become_lane(t, 0);
	t->ready = 1;
	for (end = clock_ns() + 400 * MS; clock_ns() < end;)
		burn(MS);
}

static void program_competes(struct truth *t)
{
	uint64_t begin, end;

	prctl(PR_SET_NAME, "gs-rival");
	pin(t->cpu);
	begin = thread_ns();
	for (end = clock_ns() + 200 * MS; clock_ns() < end;)
		;
	t->helper_ns = thread_ns() - begin;
}

static void start_a_rival(struct watch *w)
{
	int release, status;
	pid_t rival;

	w->truth->cpu = sched_getcpu();
	while (!w->truth->ready)
		sleep_ns(MS);
	rival = fork_program(program_competes, w->truth, &release);
	close(release);
	assert_int_equal(waitpid(rival, &status, 0), rival);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void who_takes_the_cpu_from_a_lane_is_named_with_its_time(void **state)
{
	uint64_t truth, taken;
	struct watch w;

	(void)state;
	watch(&w, &plain, program_shares_its_cpu, start_a_rival);
	truth = w.truth->helper_ns;
	taken = time_of(&w, 0, STATE_PREEMPTED, "gs-rival", NULL);
	assert_true(truth > 20 * MS);
	assert_near(taken, truth, 400 * MS / 50); /* 2 % of wall */
	watch_done(&w);
}

static void stop_for_100_ms(struct watch *w)
{
	uint64_t begin;

	while (!w->truth->ready)
		sleep_ns(MS);
	begin = clock_ns();
	kill(w->pid, SIGSTOP);
	sleep_ns(100 * MS);
	w->truth->helper_ns = clock_ns() - begin;
	kill(w->pid, SIGCONT);
}

static void program_is_stopped(struct truth *t)
{
	become_lane(t, 0);
	t->ready = 1;
	burn(60 * MS);
}

static void a_stopped_lane_is_blocked_by_that(void **state)
{
	struct watch w;

	(void)state;
	watch(&w, &plain, program_is_stopped, stop_for_100_ms);
	assert_near(time_of(&w, 0, STATE_BLOCKED, "stopped", NULL), w.truth->helper_ns, 10 * MS);
	watch_done(&w);
}

#define CALLS 20000

static void program_calls(struct truth *t)
{
	become_lane(t, 0);
	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
}

static void the_exact_split_has_every_system_call_by_name(void **state)
{
	struct probe_options o = plain;
	uint64_t count;
	struct watch w;

	(void)state;
	o.exact_split = true;
	watch(&w, &o, program_calls, NULL);
	/* An interrupt in the middle of a call makes two intervals of it. */
	assert_true(time_of(&w, 0, STATE_KERNEL, "getppid", &count) > 0);
	assert_in_range(count, CALLS, CALLS + CALLS / 20);
	watch_done(&w);
}

static void *second_answers(void *userdata)
{
	int(*ends)[2] = userdata;
	char byte;

	prctl(PR_SET_NAME, "worker/1");
	while (read(ends[0][0], &byte, 1) == 1)
		if (write(ends[1][1], &byte, 1) != 1)
			_exit(95);
	return NULL;
}

static void program_plays_ping_pong(struct truth *t)
{
	uint64_t end = clock_ns() + 300 * MS;
	pthread_t second;
	int ends[2][2];
	char byte = 0;

	become_lane(t, 0);
	if (pipe(ends[0]) < 0 || pipe(ends[1]) < 0 ||
		pthread_create(&second, NULL, second_answers, ends) != 0)
		_exit(96);
	while (clock_ns() < end)
		if (write(ends[0][1], &byte, 1) != 1 || read(ends[1][0], &byte, 1) != 1)
			_exit(97);
	close(ends[0][1]);
	pthread_join(second, NULL);
}

static void nothing_is_lost_in_a_storm_of_switches(void **state)
{
	uint64_t count;
	struct watch w;

	(void)state;
	watch(&w, &plain, program_plays_ping_pong, phases_every_20_ms);
	time_of(&w, 1, STATE_BLOCKED, "read pipe", &count);
	print_message("%llu switches\n", (unsigned long long)count);
	assert_true(count > 500);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_program_is_accepted_by_this_kernel),
		cmocka_unit_test(too_many_lanes_are_the_users_mistake),
		cmocka_unit_test(without_privileges_the_message_names_the_mend),
		cmocka_unit_test(threads_become_lanes_by_their_names),
		cmocka_unit_test(cpu_time_is_what_the_threads_clock_says),
		cmocka_unit_test(a_burning_lane_is_sampled_as_often_as_asked_for),
		cmocka_unit_test(intervals_are_split_exactly_where_phases_meet),
		cmocka_unit_test(books_close_over_as_many_phases_as_there_can_be),
		cmocka_unit_test(a_sleep_is_blocked_in_the_call_that_sleeps),
		cmocka_unit_test(off_cpu_stacks_weigh_as_much_as_the_lane_was_away),
		cmocka_unit_test(a_wait_for_a_pipe_is_told_as_such),
		cmocka_unit_test(who_takes_the_cpu_from_a_lane_is_named_with_its_time),
		cmocka_unit_test(a_stopped_lane_is_blocked_by_that),
		cmocka_unit_test(the_exact_split_has_every_system_call_by_name),
		cmocka_unit_test(nothing_is_lost_in_a_storm_of_switches),
		cmocka_unit_test(threads_that_come_and_go_leave_nothing_behind),
		cmocka_unit_test(behind_a_closed_gate_nothing_is_recorded),
		cmocka_unit_test(a_program_that_is_not_followed_is_not_seen),
	};

	if (geteuid() != 0 || access("/sys/kernel/btf/vmlinux", R_OK) < 0) {
		fprintf(stderr, "skipped: needs root and a kernel with BTF\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
