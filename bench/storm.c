/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A storm of context switches, as "perf bench sched messaging" makes it: groups of 20 senders and
 * 20 receivers, processes all; every sender sends 100 bytes to every receiver of its group through
 * a socket pair, over and over. Unlike that one it goes on until its standard input ends, and each
 * process counts its messages in a file that others can map.
 *
 *	storm COUNTERS-FILE GROUPS
 *
 * The storm begins when a line comes on standard input. COUNTERS-FILE has a 64-bit counter for
 * each process, 64 bytes apart. Sending and receiving come in bursts: only both together tell how
 * much was done in a short time.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS         20
#define GROUPS_MAX    100
#define MESSAGE_BYTES 100

struct counter {
	_Alignas(64) volatile uint64_t messages;
};

static void fail(const char *what)
{
	fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Everything falls with the process that started it. */
static pid_t start_child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("cannot start a process");
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void receive(int fd, struct counter *counter)
{
	char message[MESSAGE_BYTES];

	while (recv(fd, message, sizeof(message), MSG_WAITALL) == MESSAGE_BYTES)
		counter->messages++;
	exit(0);
}

static void send_to(const int *fds, struct counter *counter)
{
	char message[MESSAGE_BYTES] = {0};

	for (;;)
		for (int i = 0; i < PAIRS; i++) {
			if (write(fds[i], message, sizeof(message)) < 0)
				exit(0);
			counter->messages++;
		}
}

static void start_group(struct counter *counters)
{
	int to[PAIRS], pair[2];

	for (int i = 0; i < PAIRS; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
			fail("cannot make a socket pair");
		if (start_child() == 0)
			receive(pair[0], &counters[i]);
		close(pair[0]);
		to[i] = pair[1];
	}
	for (int i = 0; i < PAIRS; i++)
		if (start_child() == 0)
			send_to(to, &counters[PAIRS + i]);
	for (int i = 0; i < PAIRS; i++)
		close(to[i]);
}

int main(int argc, char **argv)
{
	int groups = argc == 3 ? atoi(argv[2]) : 0;
	size_t bytes = (size_t)groups * 2 * PAIRS * sizeof(struct counter);
	struct counter *counters;
	char line;
	int fd;

	if (groups < 1 || groups > GROUPS_MAX) {
		fprintf(stderr, "Usage: storm COUNTERS-FILE GROUPS\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
		fail(argv[1]);
	counters = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (counters == MAP_FAILED)
		fail(argv[1]);
	if (read(STDIN_FILENO, &line, 1) != 1)
		return 0;
	for (int i = 0; i < groups; i++)
		start_group(&counters[i * 2 * PAIRS]);
	while (read(STDIN_FILENO, &line, 1) == 1)
		continue;
	return 0;
}
