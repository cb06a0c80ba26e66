/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A workload whose time is known. It takes mandelbrot's command line, starts -cores threads
 * "worker/N", and makes them do what "-do NAME" says, each thing in a phase of its own:
 *
 *	spin	phase render: burn CPU for -ms milliseconds; phase rest: asleep for 300 ms
 *	wait	phases sleep, condition, lock, pipe, poll: 10 waits of 30 ms each
 *	naps	phase naps: as many sleeps as fit into -ms, and a long one of 60 ms after each 20 ms
 *	timers	phase timers: a timer interrupt each 100 us on the worker's CPU;
 *		phase network: packets to itself
 *	reads	phase reads: one long system call after the other for -ms;
 *		phase spin: none for as long
 *	hang	phase render, which never ends
 *	abort	phase render, then SIGABRT
 *	status	end with the status -status
 *
 * After the end it prints what it measured itself, a line for each worker and phase:
 * "truth worker=N phase=NAME KEY=VALUE...".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/perf_event.h>
#include <sys/syscall.h>
#endif

#include "common/marker.h"

#define WORKERS_MAX 64
#define STEPS_MAX   8
#define ROUNDS      10
#define ROUND_MS    30
#define SETTLE_MS                                                                                  \
	30 /* from a phase's marker to the first work in it: the host stamps on arrival            \
	    */
#define REST_MS       300
#define READ_BYTES    (8 << 20)
#define COLUMNS_BYTES 65536

struct worker {
	int id;
	int cpu;
	int orders[2]; /* a socket pair: the step to do; a byte comes back when it is done */
	int news[2];   /* a pipe that the main thread writes to */
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	pthread_mutex_t locks[2];
	unsigned told;
	pthread_t thread;
	char truth[STEPS_MAX][160];
};

struct step {
	const char *phase;
	void (*work)(struct worker *w, char *ret_truth);
	void (*meanwhile)(void); /* what the main thread does */
};

static struct worker workers[WORKERS_MAX];
static int n_workers = 1;
static unsigned work_ms = 1000;
static int end_status;
static const struct step *steps;

static unsigned long long now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (unsigned long long)t.tv_sec * 1000000000ULL + (unsigned long long)t.tv_nsec;
}

static unsigned long long wall_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

static void sleep_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static void mark(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void mark(const char *format, ...)
{
	char body[256], line[MARKER_LINE_MAX];
	va_list ap;
	int n;

	va_start(ap, format);
	vsnprintf(body, sizeof(body), format, ap);
	va_end(ap);
	n = marker_format(line, sizeof(line), body);
	if (n < 0 || write(STDOUT_FILENO, line, (size_t)n) != n)
		exit(3);
}

static void fail(const char *what)
{
	fprintf(stderr, "truth_program: %s: %s\n", what, strerror(errno));
	exit(3);
}

/* Burning */

static void spin_until(unsigned long long end_ns)
{
	while (wall_ns() < end_ns)
		for (volatile int i = 0; i < 2000; i++)
			;
}

static void work_spin(struct worker *w, char *ret_truth)
{
	unsigned long long begin = wall_ns(), cpu = now_ns(CLOCK_THREAD_CPUTIME_ID);

	(void)w;
	spin_until(begin + work_ms * 1000000ULL);
	sprintf(ret_truth, "wall=%llu cpu=%llu", wall_ns() - begin,
		now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu);
}

static void work_rest(struct worker *w, char *ret_truth)
{
	(void)w;
	(void)ret_truth;
	sleep_ms(REST_MS);
}

/* Waiting */

static void work_sleep(struct worker *w, char *ret_truth)
{
	unsigned long long waited = 0;

	(void)w;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned long long begin = wall_ns();

		sleep_ms(ROUND_MS);
		waited += wall_ns() - begin;
	}
	sprintf(ret_truth, "waited=%llu", waited);
}

/* A storm of short sleeps that never has time to end, and long ones in the midst of it. */
static void work_naps(struct worker *w, char *ret_truth)
{
	unsigned long long begin = wall_ns(), now = begin, slow = begin, waited = 0, naps = 0,
			   longs = 0;

	(void)w;
	for (; now < begin + work_ms * 1000000ULL; naps++) {
		struct timespec nap = {.tv_nsec = 1000};
		unsigned long long since = now;

		if (now - slow >= 20000000ULL)
			nap.tv_nsec = 2 * ROUND_MS * 1000000;
		nanosleep(&nap, NULL);
		now = wall_ns();
		waited += now - since;
		if (nap.tv_nsec == 1000)
			continue;
		longs += now - since;
		slow = now;
	}
	sprintf(ret_truth, "waited=%llu naps=%llu long=%llu", waited, naps, longs);
}

static void work_poll(struct worker *w, char *ret_truth)
{
	unsigned long long waited = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct pollfd fd = {.fd = w->news[0], .events = POLLIN};
		unsigned long long begin = wall_ns();

		poll(&fd, 1, ROUND_MS);
		waited += wall_ns() - begin;
	}
	sprintf(ret_truth, "waited=%llu", waited);
}

static void work_pipe(struct worker *w, char *ret_truth)
{
	unsigned long long waited = 0;

	for (int i = 0; i < ROUNDS; i++) {
		unsigned long long begin = wall_ns();
		char byte;

		if (read(w->news[0], &byte, 1) != 1)
			fail("read");
		waited += wall_ns() - begin;
	}
	sprintf(ret_truth, "waited=%llu", waited);
}

static void feed_pipe(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		sleep_ms(ROUND_MS);
		for (int k = 0; k < n_workers; k++)
			if (write(workers[k].news[1], "x", 1) != 1)
				fail("write");
	}
}

static void work_condition(struct worker *w, char *ret_truth)
{
	unsigned long long waited = 0;

	pthread_mutex_lock(&w->mutex);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		unsigned long long begin = wall_ns();

		while (w->told < i)
			pthread_cond_wait(&w->condition, &w->mutex);
		waited += wall_ns() - begin;
	}
	pthread_mutex_unlock(&w->mutex);
	sprintf(ret_truth, "waited=%llu", waited);
}

static void feed_condition(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		sleep_ms(ROUND_MS);
		for (int k = 0; k < n_workers; k++) {
			struct worker *w = &workers[k];

			pthread_mutex_lock(&w->mutex);
			w->told++;
			/* Signalled after it is free: the worker shall wait on the condition only.
			 */
			pthread_mutex_unlock(&w->mutex);
			pthread_cond_signal(&w->condition);
		}
	}
}

/* Two locks in turns: while the worker waits for one, the main thread has already taken the next.
 */
static void work_lock(struct worker *w, char *ret_truth)
{
	unsigned long long waited = 0;

	for (int i = 0; i < ROUNDS; i++) {
		unsigned long long begin = wall_ns();

		pthread_mutex_lock(&w->locks[i & 1]);
		waited += wall_ns() - begin;
		pthread_mutex_unlock(&w->locks[i & 1]);
	}
	sprintf(ret_truth, "waited=%llu", waited);
}

static void feed_lock(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		sleep_ms(ROUND_MS);
		for (int k = 0; k < n_workers; k++) {
			if (i + 1 < ROUNDS)
				pthread_mutex_lock(&workers[k].locks[(i + 1) & 1]);
			pthread_mutex_unlock(&workers[k].locks[i & 1]);
		}
	}
}

/* Interrupts */

/* The number in the line that begins with @name and the column of CPU @cpu; 0 if there is none. */
static unsigned long long find_column(char *text, const char *name, int cpu)
{
	char wanted[16], *save = NULL, *word, *line = strchr(text, '\n');
	int column = 0;

	if (!line)
		return 0;
	*line++ = '\0';
	snprintf(wanted, sizeof(wanted), "CPU%d", cpu);
	for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save), column++)
		if (strcmp(word, wanted) == 0)
			break;
	line = word ? strstr(line, name) : NULL;
	if (!line)
		return 0;
	line += strlen(name);
	for (; column > 0; column--)
		strtoull(line, &line, 10);
	return strtoull(line, NULL, 10);
}

static unsigned long long read_column(const char *path, const char *name, int cpu)
{
	char *text = malloc(COLUMNS_BYTES);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned long long value;
	size_t used = 0;
	ssize_t n;

	if (fd < 0 || !text)
		fail(path);
	while (used < COLUMNS_BYTES - 1 &&
		(n = read(fd, text + used, COLUMNS_BYTES - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	text[used] = '\0';
	value = find_column(text, name, cpu);
	free(text);
	return value;
}

struct interrupts {
	unsigned long long local_timer, timer, sched, net_rx, rcu;
};

static struct interrupts read_interrupts(int cpu)
{
	return (struct interrupts){
		.local_timer = read_column("/proc/interrupts", "LOC:", cpu),
		.timer = read_column("/proc/softirqs", "TIMER:", cpu),
		.sched = read_column("/proc/softirqs", "SCHED:", cpu),
		.net_rx = read_column("/proc/softirqs", "NET_RX:", cpu),
		.rcu = read_column("/proc/softirqs", "RCU:", cpu),
	};
}

static void tell_interrupts(int cpu, const struct interrupts *b, char *ret_truth)
{
	struct interrupts e = read_interrupts(cpu);

	sprintf(ret_truth, "cpu=%d local_timer=%llu timer=%llu sched=%llu net_rx=%llu rcu=%llu",
		cpu, e.local_timer - b->local_timer, e.timer - b->timer, e.sched - b->sched,
		e.net_rx - b->net_rx, e.rcu - b->rcu);
}

static int open_timer(int cpu)
{
#ifdef __linux__
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 100000,
	};

	return (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
#else
	return -cpu;
#endif
}

static void work_timers(struct worker *w, char *ret_truth)
{
	struct interrupts begin = read_interrupts(w->cpu);
	int fd = open_timer(w->cpu);

	if (fd < 0)
		fail("perf_event_open");
	spin_until(wall_ns() + work_ms * 1000000ULL);
	close(fd);
	tell_interrupts(w->cpu, &begin, ret_truth);
}

static void work_network(struct worker *w, char *ret_truth)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(to);
	struct interrupts begin;
	unsigned long long end;
	int in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char bytes[64] = "";

	if (in < 0 || out < 0 || bind(in, (struct sockaddr *)&to, sizeof(to)) < 0 ||
		getsockname(in, (struct sockaddr *)&to, &length) < 0 ||
		connect(out, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail("socket");
	begin = read_interrupts(w->cpu);
	end = wall_ns() + work_ms * 1000000ULL;
	while (wall_ns() < end) {
		for (int i = 0; i < 20; i++)
			(void)!send(out, bytes, sizeof(bytes), MSG_DONTWAIT);
		while (recv(in, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
	}
	tell_interrupts(w->cpu, &begin, ret_truth);
	close(in);
	close(out);
}

/* Long system calls */

static unsigned long long system_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return (unsigned long long)u.ru_stime.tv_sec * 1000000000ULL +
	       (unsigned long long)u.ru_stime.tv_usec * 1000ULL;
}

static void work_reads(struct worker *w, char *ret_truth)
{
	unsigned long long inside = 0, calls = 0, system, end;
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char *bytes = malloc(READ_BYTES);

	(void)w;
	if (fd < 0 || !bytes)
		fail("/dev/zero");
	memset(bytes, 1, READ_BYTES); /* no faults later */
	system = system_ns();
	end = wall_ns() + work_ms * 1000000ULL;
	for (unsigned long long begin = wall_ns(); begin < end; begin = wall_ns(), calls++) {
		if (read(fd, bytes, READ_BYTES) != READ_BYTES)
			fail("read");
		inside += wall_ns() - begin;
	}
	sprintf(ret_truth, "inside=%llu calls=%llu system=%llu", inside, calls,
		system_ns() - system);
	free(bytes);
	close(fd);
}

/* The order of things */

static const struct step do_spin[] = {
	{"render", work_spin, NULL}, {"rest", work_rest, NULL}, {NULL, NULL, NULL}};
static const struct step do_wait[] = {{"sleep", work_sleep, NULL},
	{"condition", work_condition, feed_condition}, {"lock", work_lock, feed_lock},
	{"pipe", work_pipe, feed_pipe}, {"poll", work_poll, NULL}, {NULL, NULL, NULL}};
static const struct step do_naps[] = {{"naps", work_naps, NULL}, {NULL, NULL, NULL}};
static const struct step do_timers[] = {
	{"timers", work_timers, NULL}, {"network", work_network, NULL}, {NULL, NULL, NULL}};
static const struct step do_reads[] = {
	{"reads", work_reads, NULL}, {"spin", work_spin, NULL}, {NULL, NULL, NULL}};

static void hang(void)
{
	for (;;)
		pause();
}

/* Only where the file system is the one that linux-minimal's guest is made of. */
static void panic(void)
{
	int fd = access("/guestscope/command", F_OK) == 0 && getppid() == 1
			 ? open("/proc/sysrq-trigger", O_WRONLY)
			 : -1;

	if (fd < 0 || write(fd, "c", 1) != 1)
		fail("cannot panic");
}

static const struct step do_hang[] = {{"render", NULL, hang}, {NULL, NULL, NULL}};
static const struct step do_abort[] = {{"render", NULL, abort}, {NULL, NULL, NULL}};
static const struct step do_panic[] = {{"render", NULL, panic}, {NULL, NULL, NULL}};
static const struct step do_status[] = {{"render", NULL, NULL}, {NULL, NULL, NULL}};

static const struct {
	const char *name;
	const struct step *steps;
} things[] = {
	{"spin", do_spin},
	{"wait", do_wait},
	{"naps", do_naps},
	{"timers", do_timers},
	{"reads", do_reads},
	{"hang", do_hang},
	{"abort", do_abort},
	{"panic", do_panic},
	{"status", do_status},
};

static void *worker_main(void *argument)
{
	struct worker *w = argument;
	unsigned char step;
	char name[16];
	cpu_set_t set;

	snprintf(name, sizeof(name), "worker/%d", w->id);
	pthread_setname_np(pthread_self(), name);
	CPU_ZERO(&set);
	CPU_SET(w->cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	while (read(w->orders[1], &step, 1) == 1 && step < STEPS_MAX) {
		steps[step].work(w, w->truth[step]);
		if (write(w->orders[1], &step, 1) != 1)
			fail("write");
	}
	return NULL;
}

static void start_workers(void)
{
	cpu_set_t usable;
	int cpu = -1;

	CPU_ZERO(&usable);
	if (sched_getaffinity(0, sizeof(usable), &usable) < 0)
		CPU_ZERO(&usable);
	for (int i = 0; i < n_workers; i++) {
		struct worker *w = &workers[i];
		int left = CPU_SETSIZE;

		do
			cpu = (cpu + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(cpu, &usable) && --left);
		w->id = i;
		w->cpu = left ? cpu : i;
		pthread_mutex_init(&w->mutex, NULL);
		pthread_mutex_init(&w->locks[0], NULL);
		pthread_mutex_init(&w->locks[1], NULL);
		pthread_cond_init(&w->condition, NULL);
		pthread_mutex_lock(&w->locks[0]);
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, w->orders) < 0 || pipe(w->news) < 0)
			fail("pipe");
		if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
			fail("thread");
	}
}

static void do_step(unsigned char number)
{
	const struct step *s = &steps[number];

	mark("phase name=%s t=%llu", s->phase, wall_ns());
	sleep_ms(SETTLE_MS);
	for (int i = 0; s->work && i < n_workers; i++)
		if (write(workers[i].orders[0], &number, 1) != 1)
			fail("write");
	if (s->meanwhile)
		s->meanwhile();
	for (int i = 0; s->work && i < n_workers; i++) {
		unsigned char done;

		if (read(workers[i].orders[0], &done, 1) != 1)
			fail("read");
	}
}

static void read_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "-cores") == 0)
			n_workers = atoi(value);
		else if (strcmp(argv[i], "-ms") == 0)
			work_ms = (unsigned)atoi(value);
		else if (strcmp(argv[i], "-status") == 0)
			end_status = atoi(value);
		for (size_t k = 0;
			strcmp(argv[i], "-do") == 0 && k < sizeof(things) / sizeof(things[0]); k++)
			if (strcmp(things[k].name, value) == 0)
				steps = things[k].steps;
	}
	if (!steps || n_workers < 1 || n_workers > WORKERS_MAX) {
		fprintf(stderr, "truth_program: -do NAME [-cores N] [-ms N] [-status N]\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	unsigned long long begin, end;

	read_options(argc, argv);
	begin = wall_ns();
	mark("phase name=setup t=%llu", begin);
	start_workers();
	sleep_ms(SETTLE_MS);
	for (unsigned char i = 0; steps[i].phase; i++)
		do_step(i);
	end = wall_ns();
	mark("end t=%llu status=%d runtime=%llu", end, end_status, end - begin);
	for (int i = 0; i < n_workers; i++) {
		shutdown(workers[i].orders[0], SHUT_RDWR);
		pthread_join(workers[i].thread, NULL);
		for (int k = 0; steps[k].phase; k++)
			printf("truth worker=%d phase=%s %s\n", i, steps[k].phase,
				workers[i].truth[k]);
	}
	fflush(stdout);
	mark("bye");
	return end_status;
}
