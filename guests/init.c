/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first process of the guest linux-minimal: mounts what a program expects, runs the command in
 * COMMAND_FILE (arguments ended by NUL) as the only other process, says how it ended, and powers
 * off. Linked statically, so that it brings nothing along. Its words are for
 * guests/linux_minimal.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define COMMAND_FILE  "/guestscope/command"
#define COMMAND_MAX   65536
#define ARGUMENTS_MAX 1024

static void say(const char *text, const char *what, int number)
{
	dprintf(STDOUT_FILENO, "\nguestscope-init: %s%s%s %d\n", text, what ? " " : "",
		what ? what : "", number);
}

/* The host takes the boot apart by these. */
static void say_step(const char *begins)
{
	dprintf(STDOUT_FILENO, "guestscope-boot: %s\n", begins);
}

static void power_off(void)
{
	tcdrain(STDOUT_FILENO); /* the last words are still in the serial port's buffer */
	sync();
	reboot(RB_POWER_OFF);
	_exit(1); /* the kernel panics, which ends the virtual machine as well */
}

static void mount_all(void)
{
	static const struct {
		const char *type, *target;
		unsigned long flags;
	} mounts[] = {
		{"devtmpfs", "/dev", MS_NOSUID},
		{"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC},
		{"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC},
		/* The picture goes there: no limit but the memory there is. */
		{"tmpfs", "/tmp", MS_NOSUID | MS_NODEV},
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		if (mkdir(mounts[i].target, 0755) < 0 && errno != EEXIST)
			say("cannot make", mounts[i].target, errno);
		if (mount(mounts[i].type, mounts[i].target, mounts[i].type, mounts[i].flags,
			    strcmp(mounts[i].type, "tmpfs") == 0 ? "size=100%" : NULL) < 0 &&
			errno != EBUSY)
			say("cannot mount", mounts[i].target, errno);
	}
}

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

int main(void)
{
	static char *environment[] = {(char *)"PATH=/bin:/usr/bin", (char *)"HOME=/",
		(char *)"TERM=dumb", (char *)"LD_LIBRARY_PATH=/lib", NULL};
	static char text[COMMAND_MAX + 1];
	static char *argv[ARGUMENTS_MAX + 1];
	int status = 0;
	pid_t pid, ended;

	if (getpid() != 1) {
		fputs("guestscope-init: only for the first process of a guest\n", stderr);
		return 2;
	}
	say_step("init");
	mount_all();
	make_console_raw();
	if (read_command(text, argv) < 1) {
		say("cannot read", COMMAND_FILE, errno);
		power_off();
	}
	say_step("program");
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
	power_off();
}
