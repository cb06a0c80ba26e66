/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disturbs what runs on a CPU, at instants that it tells: disturb_program CPU PID COUNT THREAD
 *
 * In turn: a burst of a competitor that no ordinary thread can keep from the CPU (compete), a train of interrupts
 * from another CPU (interrupt), SIGSTOP and SIGCONT for process PID (stop). For each a line "KIND BEGIN END",
 * CLOCK_MONOTONIC in ns. Interrupts that come while THREAD waits for a CPU are not told.
 */
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MS     1000000ULL
#define BURST  (4 * MS)
#define STOP   (4 * MS)
#define PAUSE  (17 * MS)
#define PERIOD MS /* of interrupts */
#define TRAIN  12 /* of them */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct timespec at(uint64_t ns)
{
	return (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
}

static void sleep_until(uint64_t ns)
{
	struct timespec t = at(ns);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		;
}

static void bind_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		exit(1);
}

static void compete(void)
{
	uint64_t begin = now_ns(), now;

	do
		now = now_ns();
	while (now < begin + BURST);
	printf("compete %llu %llu\n", (unsigned long long)begin, (unsigned long long)now);
}

/* How long a thread has waited for a CPU so far, as the kernel itself counts. */
static unsigned long long waited_ns(int thread)
{
	char path[64];
	unsigned long long ran, waited = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", thread);
	f = fopen(path, "re");
	if (f && fscanf(f, "%llu %llu", &ran, &waited) != 2)
		waited = 0;
	if (f)
		fclose(f);
	return waited;
}

/* To switch an event of a CPU on and off is done by that CPU, in an interrupt. */
static void train(int cpu, int other, int event, int thread)
{
	bind_to(other);
	for (unsigned i = 0; i < TRAIN; i++) {
		uint64_t begin, end;
		unsigned long long before = waited_ns(thread);

		sleep_until(now_ns() + PERIOD);
		begin = now_ns();
		ioctl(event, i % 2 ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
		end = now_ns();
		sleep_until(end + PERIOD / 2);
		/* Where it had no CPU, that is what held it up. */
		if (waited_ns(thread) != before)
			continue;
		printf("interrupt %llu %llu\n", (unsigned long long)begin, (unsigned long long)end);
	}
	bind_to(cpu);
}

static int event_of(int cpu)
{
	struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attributes),
		.config = PERF_COUNT_SW_DUMMY};

	return (int)syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, 0);
}

static void stop(pid_t pid, int cpu, int other)
{
	uint64_t begin, end;

	bind_to(other);
	begin = now_ns();
	kill(pid, SIGSTOP);
	sleep_until(begin + STOP);
	end = now_ns();
	kill(pid, SIGCONT);
	printf("stop %llu %llu\n", (unsigned long long)begin, (unsigned long long)end);
	bind_to(cpu);
}

int main(int argc, char **argv)
{
	int cpu = argc > 3 ? atoi(argv[1]) : 0, other = cpu ? 0 : 1, event = event_of(cpu);
	struct sched_param first = {.sched_priority = 50};

	if (argc < 5 || event < 0 || sched_setscheduler(0, SCHED_FIFO, &first) < 0)
		return 2;
	for (int i = 0; i < atoi(argv[3]); i++) {
		bind_to(cpu);
		sleep_until(now_ns() + PAUSE);
		compete();
		sleep_until(now_ns() + PAUSE);
		train(cpu, other, event, atoi(argv[4]));
		sleep_until(now_ns() + PAUSE);
		stop((pid_t)atoi(argv[2]), cpu, other);
	}
	return 0;
}
