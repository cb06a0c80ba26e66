/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * To be preloaded (LD_PRELOAD) into the collector: detaches and attaches the eBPF programs that it
 * traces by, as often as asked, while it runs.
 *
 * A link of such a program cannot be paused. It is closed instead, with /dev/null put in its
 * place so that the number stays taken, and later made anew by the same system call. For this the
 * calls that libbpf makes links by are noted, and those that close them.
 *
 * Commands come as single bytes through the socket whose number is in $BENCH_SWITCH: "0" detaches,
 * "1" attaches. Each is answered by a byte when it is done: "." or, if it failed, "!".
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINKS_MAX 128

struct attachment {
	int fd;
	int command;
	unsigned size;
	union bpf_attr attr;
};

static struct attachment links[LINKS_MAX];
static unsigned n_links;
static bool had_links;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

typedef long syscall_function(long number, ...);

/* Other libraries' constructors may call before ours has run. */
static syscall_function *real(void)
{
	static syscall_function *found;

	if (!found)
		found = (syscall_function *)dlsym(RTLD_NEXT, "syscall");
	return found;
}

/* Samples come by perf events, which can be disabled; their links are left alone. */
static bool traces(int command, const union bpf_attr *attr)
{
	return command == BPF_RAW_TRACEPOINT_OPEN ||
	       (command == BPF_LINK_CREATE && attr->link_create.attach_type == BPF_TRACE_RAW_TP);
}

static void note_link(int fd, int command, const union bpf_attr *attr, unsigned size)
{
	pthread_mutex_lock(&lock);
	if (n_links < LINKS_MAX && size <= sizeof(*attr)) {
		struct attachment *link = &links[n_links++];

		*link = (struct attachment){.fd = fd, .command = command, .size = size};
		memcpy(&link->attr, attr, size);
		had_links = true;
	}
	pthread_mutex_unlock(&lock);
}

long syscall(long number, ...)
{
	long a[6], r;
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	r = real()(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (number == SYS_bpf && r >= 0 && traces((int)a[0], (const union bpf_attr *)a[1]))
		note_link((int)r, (int)a[0], (const union bpf_attr *)a[1], (unsigned)a[2]);
	return r;
}

int close(int fd)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < n_links; i++) {
		if (links[i].fd == fd) {
			memmove(&links[i], &links[i + 1], (n_links - i - 1) * sizeof(links[0]));
			n_links--;
			break;
		}
	}
	pthread_mutex_unlock(&lock);
	return (int)real()(SYS_close, fd);
}

/* The new descriptor takes the place of the old, which thereby is closed. */
static bool put_in_place(int new, int old)
{
	bool done = new >= 0 && dup3(new, old, O_CLOEXEC) == old;

	if (new >= 0)
		real()(SYS_close, new);
	return done;
}

static bool detach(void)
{
	bool done = had_links; /* at the end of a run there are none any more */

	for (unsigned i = n_links; i-- > 0;)
		done &= put_in_place(open("/dev/null", O_RDONLY | O_CLOEXEC), links[i].fd);
	return done;
}

static bool attach(void)
{
	bool done = had_links;

	for (unsigned i = 0; i < n_links; i++)
		done &= put_in_place(
			(int)real()(SYS_bpf, links[i].command, &links[i].attr, links[i].size),
			links[i].fd);
	return done;
}

static void *obey(void *argument)
{
	const struct sched_param urgent = {.sched_priority = 1};
	int fd = *(const int *)argument;
	char command;

	pthread_setname_np(
		pthread_self(), "bench-switch"); /* its CPU time is not the collector's */
	pthread_setschedparam(pthread_self(), SCHED_FIFO, &urgent);
	while (read(fd, &command, 1) == 1) {
		bool done;

		pthread_mutex_lock(&lock);
		done = command == '1' ? attach() : detach();
		pthread_mutex_unlock(&lock);
		if (write(fd, done ? "." : "!", 1) != 1)
			break;
	}
	return NULL;
}

__attribute__((constructor)) static void begin(void)
{
	static int fd;
	const char *number = getenv("BENCH_SWITCH");
	sigset_t all, before;
	pthread_t thread;

	if (!number)
		return;
	fd = atoi(number);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	/* What the collector starts is not to be switched. */
	unsetenv("BENCH_SWITCH");
	unsetenv("LD_PRELOAD");
	/* Signals are for the collector's own thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, obey, &fd) == 0)
		pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}
