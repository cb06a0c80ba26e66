/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What programs ask of an operating system, where there is none: threads, time, output. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "guests/bare/clock.h"
#include "guests/bare/console.h"
#include "guests/bare/machine.h"
#include "guests/bare/vcpu.h"

#define NS_PER_S 1000000000

struct thread {
	void *(*run)(void *argument);
	void *argument;
};

static struct thread threads[VCPUS_MAX];
static unsigned n_threads = 1; /* the first is there from the start */

static void run_thread(void *argument)
{
	struct thread *t = argument;

	t->run(t->argument);
}

int pthread_attr_init(pthread_attr_t *attributes)
{
	attributes->stack_bytes = STACK_BYTES;
	return 0;
}

int pthread_attr_setstacksize(pthread_attr_t *attributes, size_t bytes)
{
	attributes->stack_bytes = bytes;
	return bytes <= STACK_BYTES ? 0 : EINVAL;
}

int pthread_attr_destroy(pthread_attr_t *attributes)
{
	(void)attributes;
	return 0;
}

int pthread_create(
	pthread_t *ret, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	unsigned n = n_threads;
	int r;

	(void)attributes;
	if (n >= vcpu_count())
		return EAGAIN;
	threads[n] = (struct thread){run, argument};
	r = vcpu_start(n, run_thread, &threads[n]);
	if (r < 0)
		return -r;
	n_threads++;
	*ret = n;
	return 0;
}

int pthread_join(pthread_t thread, void **ret)
{
	vcpu_join(thread);
	if (ret)
		*ret = NULL;
	return 0;
}

pthread_t pthread_self(void)
{
	return vcpu_self()->index;
}

int pthread_setname_np(pthread_t thread, const char *name)
{
	(void)thread;
	(void)name;
	return 0;
}

/*
 * Nobody can be woken: interrupts are off. A vCPU that waits looks at the word until it changes.
 */
static long futex(const _Atomic uint32_t *word, int operation, uint32_t value)
{
	if (operation != FUTEX_WAIT_PRIVATE)
		return 0;
	while (atomic_load_explicit(word, memory_order_acquire) == value)
		relax();
	return 0;
}

long syscall(long number, ...)
{
	const _Atomic uint32_t *word;
	int operation;
	uint32_t value;
	va_list ap;

	if (number != SYS_futex)
		return -1;
	va_start(ap, number);
	word = va_arg(ap, const _Atomic uint32_t *);
	operation = va_arg(ap, int);
	value = va_arg(ap, uint32_t);
	va_end(ap);
	return futex(word, operation, value);
}

int clock_gettime(int clock, struct timespec *ret)
{
	uint64_t now = clock_now_ns();

	(void)clock;
	ret->tv_sec = (time_t)(now / NS_PER_S);
	ret->tv_nsec = (long)(now % NS_PER_S);
	return 0;
}

ssize_t write(int fd, const void *data, size_t bytes)
{
	(void)fd;
	console_write(data, bytes);
	return (ssize_t)bytes;
}

int close(int fd)
{
	(void)fd;
	return 0;
}
