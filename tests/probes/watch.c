/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/probes/watch.h"

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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/probes/probe_accounts.h"
#include "collector/probes/probe_follow.h"
#include "collector/probes/probe_phases.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "tests/common/ranges.h"

#define ATTEMPTS 5

/* What the programs do */

uint64_t thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

void burn(uint64_t ns)
{
	uint64_t end = thread_ns() + ns;

	while (thread_ns() < end)
		for (volatile int i = 0; i < 20000; i++)
			;
}

void sleep_ns(uint64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / SECOND), .tv_nsec = (long)(ns % SECOND)};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
}

uint64_t become_lane(struct truth *t, int lane)
{
	char name[PROBE_NAME_SIZE];

	snprintf(name, sizeof(name), "worker/%d", lane);
	t->tid[lane] = (int)syscall(SYS_gettid);
	prctl(PR_SET_NAME, name);
	return thread_ns();
}

void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		_exit(90);
}

void start_thread(pthread_t *thread, void *(*f)(void *), struct truth *t)
{
	if (pthread_create(thread, NULL, f, t) != 0)
		_exit(91);
}

void *second_burns(void *userdata)
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

void program_burns(struct truth *t)
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

/* The test's side */

static void on_lane(const struct record_lane *record, void *userdata)
{
	struct watch *w = userdata;

	w->n_lane_records++;
	assert_between(record->lane, 0, LANES - 1);
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

	w->n_samples += s->lane >= 0;
	guest_check_add(&w->guest, s);
	profile_add_sample(&w->profile, s, frames, phase_at(w, s->time_ns), MS);
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

static void on_long(const struct record_long *record, void *userdata)
{
	struct watch *w = userdata;

	offcpu_long(&w->offcpu, record);
}

static unsigned classify(
	const struct profile_entry *e, char ret_detail[static DETAIL_SIZE], void *userdata)
{
	(void)ret_detail;
	(void)userdata;
	return e->mode == SAMPLE_KERNEL ? STATE_KERNEL : STATE_USER;
}

const struct probe_options plain = {
	.lanes = LANES,
	.lane_prefix = "worker/",
	.throttling = true,
	.oncpu = true,
	.offcpu = true,
	.user_stacks = true,
	.timeline = TIMELINE_BUDGET,
	.frequency_hz = 999,
};

struct probe_set *open_probes(const struct probe_options *o, struct watch *w)
{
	const struct probe_callbacks callbacks = {.lane = on_lane,
		.sample = on_sample,
		.off = on_off,
		.on = on_on,
		.away = on_long,
		.userdata = w};
	struct probe_set *probes = NULL;
	struct error error = {0};

	if (probe_set_open(o, &callbacks, &probes, &error) < 0)
		fail_msg("%s", error.text);
	return probes;
}

struct truth *new_truth(void)
{
	struct truth *t =
		mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(t, MAP_FAILED);
	return t;
}

pid_t fork_program(void (*program)(struct truth *), struct truth *t, int *ret_release)
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

void begin_phase(struct watch *w, const char *name)
{
	uint64_t now = probe_set_phase(w->probes);

	assert_true(now != 0);
	w->phases[w->n_phases - 1].end_ns = now;
	w->phases[w->n_phases].start_ns = now;
	snprintf(w->phases[w->n_phases].name, PHASE_NAME_SIZE, "%s", name);
	w->n_phases++;
}

void close_watch(struct watch *w)
{
	uint64_t end = probe_set_phase(w->probes);
	struct counted_account *accounts;
	size_t n_accounts;

	if (!end)
		end = clock_ns();
	w->phases[w->n_phases - 1].end_ns = end;
	probe_set_finish(w->probes, end);
	offcpu_finish(&w->offcpu, &w->profile, w->phases, w->n_phases, end);
	assert_int_equal(probe_set_accounts(w->probes, &accounts, &n_accounts), 0);
	assert_int_equal(books_close(&w->books,
				 &(struct books_input){
					 .lanes = probe_set_lane(w->probes, 0),
					 .n_lanes = LANES,
					 .accounts = accounts,
					 .n_accounts = n_accounts,
					 .phases = w->phases,
					 .n_phases = w->n_phases,
					 .profile = &w->profile,
					 .classify = classify,
					 .unsampled = STATE_USER,
					 .userdata = w,
				 }),
		0);
	free(accounts);
}

void assert_books_are_whole(const struct watch *w)
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

static void watch_once(struct watch *w, const struct probe_options *o,
	void (*program)(struct truth *), void (*meanwhile)(struct watch *))
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

void watch(struct watch *w, const struct probe_options *o, void (*program)(struct truth *),
	void (*meanwhile)(struct watch *))
{
	for (int i = 0; i < ATTEMPTS; i++) {
		__u64 left_out;
		bool untold;

		watch_once(w, o, program, meanwhile);
		left_out = probe_set_losses(w->probes).switches;
		untold = w->truth->tid[0] && !w->n_lane_records;
		if ((!left_out && !untold) || i + 1 == ATTEMPTS)
			return;
		print_message("again: the kernel left out %llu switches%s\n", left_out,
			untold ? ", and told of no lane" : "");
		watch_done(w);
	}
}

void skip_if_untold(struct watch *w)
{
	probe_set_consume(w->probes);
	if (w->n_lane_records)
		return;
	kill(w->pid, SIGKILL);
	print_message("skipped: the kernel tells nothing of the program\n");
	skip();
}

void watch_done(struct watch *w)
{
	books_done(&w->books);
	profile_done(&w->profile);
	offcpu_done(&w->offcpu);
	probe_set_close(w->probes);
	munmap(w->truth, sizeof(*w->truth));
}

uint64_t time_of(
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

uint64_t cpu_time(const struct watch *w, int lane)
{
	uint64_t ns = 0;

	for (unsigned phase = 0; phase < w->n_phases; phase++)
		ns += books_cpu_ns(&w->books, phase, lane);
	return ns;
}

void assert_near(uint64_t books_ns, uint64_t truth_ns, uint64_t slack_ns)
{
	uint64_t difference = books_ns > truth_ns ? books_ns - truth_ns : truth_ns - books_ns;

	if (difference > slack_ns)
		fail_msg("books %.3f ms, truth %.3f ms, more than %.3f ms apart",
			(double)books_ns / MS, (double)truth_ns / MS, (double)slack_ns / MS);
}

uint64_t waiting_time(const struct watch *w, int lane)
{
	uint64_t ns = 0;

	for (unsigned phase = 0; phase < w->n_phases; phase++)
		ns += books_state_ns(&w->books, phase, lane, STATE_PREEMPTED) +
		      books_state_ns(&w->books, phase, lane, STATE_WAKEUP);
	return ns;
}

void assert_blocked(const struct watch *w, int lane, const char *detail, uint64_t away_ns)
{
	uint64_t blocked = time_of(w, lane, STATE_BLOCKED, detail, NULL);

	if (blocked > away_ns || blocked + waiting_time(w, lane) + 2 * MS < away_ns)
		fail_msg("blocked %.3f ms and waited %.3f ms, by its own clock %.3f ms",
			(double)blocked / MS, (double)waiting_time(w, lane) / MS,
			(double)away_ns / MS);
}
