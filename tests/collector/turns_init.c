/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first process of a Linux guest, statically linked: it starts the programs /left and /right of
 * turns_program.c, which burn in turns, the former 14 and the latter 6 parts of 20, for argv[1] seconds. There is one byte, which they
 * pass to each other, so only one of them runs at a time, on however many processors. Then it powers off.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t start(char *program, char *times, int from, int to, const int others[4])
{
	pid_t pid = fork();

	if (pid)
		return pid;
	dup2(from, STDIN_FILENO);
	dup2(to, STDOUT_FILENO);
	for (int i = 0; i < 4; i++)
		close(others[i]);
	execl(program, program + 1, times, NULL);
	_exit(1);
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[argc - 1]) : 3, pipes[4];
	pid_t left, right;

	if (pipe(pipes) || pipe(pipes + 2))
		return 1;
	puts("burning");
	fflush(stdout);
	left = start("/left", "14", pipes[0], pipes[3], pipes);
	right = start("/right", "6", pipes[2], pipes[1], pipes);
	if (write(pipes[1], "", 1) != 1)
		return 1;
	sleep((unsigned)seconds);
	kill(left, SIGKILL);
	kill(right, SIGKILL);
	while (wait(NULL) > 0)
		;
	puts("burnt");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
