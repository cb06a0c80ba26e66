/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the program of a Linux guest: mounts what a program expects, runs the command in
 * COMMAND_FILE (arguments ended by NUL), says how it ended, and powers off. In linux-minimal it is
 * the first process, and the program the only other one. In linux a unit of systemd starts it from
 * the program's disk, which becomes its root. Linked statically, so that it brings nothing along.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "guests/init/common.h"
#include "guests/init/words.h"

/* Every byte as it is: no "\n" to "\r\n", no echo, no signals from the other side. */
static void make_console_raw(void)
{
	struct termios t;

	if (tcgetattr(STDOUT_FILENO, &t) < 0)
		return;
	cfmakeraw(&t);
	(void)tcsetattr(STDOUT_FILENO, TCSANOW, &t);
}

static int read_command(char *text, char **argv)
{
	int fd = open(COMMAND_FILE, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	int n = 0;

	if (fd < 0)
		return -1;
	for (;;) {
		ssize_t got = read(fd, text + used, COMMAND_MAX - used);

		if (got <= 0)
			break;
		used += (size_t)got;
	}
	close(fd);
	text[used] = '\0';
	for (char *p = text; p < text + used && n < ARGUMENTS_MAX; p += strlen(p) + 1)
		argv[n++] = p;
	argv[n] = NULL;
	return n;
}

/* Under an init system output goes to its journal: the console is what the host reads. */
static void take_console(void)
{
	int fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

static void enter_program_disk(void)
{
	if (chdir(PROGRAM_MOUNT) == 0 && chroot(".") == 0)
		return;
	say("cannot enter", PROGRAM_MOUNT, errno);
	power_off();
}

static void run(char **argv)
{
	static char *environment[] = {(char *)"PATH=/bin:/usr/bin", (char *)"HOME=/",
		(char *)"TERM=dumb", (char *)"LD_LIBRARY_PATH=/lib", NULL};
	int status = 0;
	pid_t pid, ended;

	pid = fork();
	if (pid == 0) {
		execve(argv[0], argv, environment);
		say("cannot run", argv[0], errno);
		_exit(127);
	}
	if (pid < 0)
		say("cannot fork", NULL, errno);
	do
		ended = wait(&status);
	while (pid > 0 && ended != pid && (ended > 0 || errno == EINTR));
	if (WIFSIGNALED(status))
		say("killed by signal", NULL, WTERMSIG(status));
	else
		say("exit status", NULL, WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	/* The picture goes there: no limit but the memory there is. */
	static const struct mount_point tmp = {"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "size=100%"};
	static char text[COMMAND_MAX + 1];
	static char *command[ARGUMENTS_MAX + 1];

	if (getpid() != 1) {
		take_console();
		if (argc > 1) { /* a unit has something to say */
			say(argv[1], NULL, -1);
			power_off();
		}
		enter_program_disk();
	}
	if (getpid() == 1)
		say_step("init");
	mount_kernel_views();
	mount_one(&tmp);
	make_console_raw();
	if (read_command(text, command) < 1) {
		say("cannot read", COMMAND_FILE, errno);
		power_off();
	}
	say_step("program");
	run(command);
	power_off();
}
