/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/spawn.h"
#include "guests/keeper/keeper_list.h"

/* A message is one datagram: '+' or '-', the kind as a digit, what. */
#define HEADER 2

struct keeper {
	pid_t pid;
	int fd;
};

static void serve(int fd, struct keeper_list *list)
{
	char message[HEADER + KEEPER_WHAT_MAX + 1];

	for (;;) {
		ssize_t n = recv(fd, message, sizeof(message) - 1, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		if (n < HEADER)
			continue;
		message[n] = '\0';
		if (message[0] == '+')
			keeper_list_add(list, message[1] - '0', message + HEADER);
		else
			keeper_list_drop(list, message[1] - '0', message + HEADER);
	}
}

static void report_failure(const char *text, void *userdata)
{
	(void)send(*(int *)userdata, text, strlen(text), MSG_NOSIGNAL);
}

static void ignore_signals(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGTTIN,
		SIGTTOU, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

/*
 * The standard descriptors become /dev/null: a pipe that the collector's output goes to must end
 * when the collector does. All else is closed but the socket, which moves to descriptor 3.
 */
static int keep_only(int fd)
{
	int high = fcntl(fd, F_DUPFD, 10), null_fd;

	if (high < 0)
		return -errno;
	null_fd = open("/dev/null", O_RDWR);
	if (null_fd < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		if (null_fd != i && dup2(null_fd, i) < 0)
			return -errno;
	if (dup3(high, 3, O_CLOEXEC) < 0)
		return -errno;
	close_range(4, ~0U, 0);
	return 3;
}

static void __attribute__((noreturn)) keeper_main(int fd)
{
	struct keeper_list list = {0};

	setsid();
	ignore_signals();
	prctl(PR_SET_NAME, "guestscope-keep");
	fd = keep_only(fd);
	if (fd < 0 || chdir("/") < 0 || send(fd, "", 1, MSG_NOSIGNAL) != 1)
		_exit(1);
	serve(fd, &list);
	keeper_list_clean(&list, report_failure, &fd);
	_exit(0);
}

/*
 * Until it has left our session, what ends us could end the keeper as well: a signal from the
 * terminal, or a kill of the whole group.
 */
static int await_ready(const struct keeper *k)
{
	char ready;
	ssize_t n;

	do
		n = recv(k->fd, &ready, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return 0;
	(void)spawn_wait(k->pid, NULL);
	return -ECHILD;
}

int keeper_start(struct keeper **ret, struct error *error)
{
	_cleanup_free_ struct keeper *k = calloc(1, sizeof(*k));
	int pair[2], r;

	if (!k)
		return error_set_errno(error, -ENOMEM, "keeper");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set_errno(error, -errno, "cannot make the keeper's socket");
	k->pid = fork();
	if (k->pid == 0)
		keeper_main(pair[1]);
	r = k->pid < 0 ? -errno : 0;
	close_safe(pair[1]);
	k->fd = pair[0];
	if (r == 0)
		r = await_ready(k);
	if (r < 0) {
		close(pair[0]);
		return error_set_errno(error, r, "cannot start the keeper");
	}
	*ret = TAKE_PTR(k);
	return 0;
}

static int tell(struct keeper *k, char sign, enum keeper_kind kind, const char *what)
{
	char message[HEADER + KEEPER_WHAT_MAX];
	size_t length = strlen(what);

	if (length > KEEPER_WHAT_MAX)
		return -EINVAL;
	message[0] = sign;
	message[1] = (char)('0' + kind);
	memcpy(message + HEADER, what, length);
	while (send(k->fd, message, HEADER + length, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int keeper_add(struct keeper *k, enum keeper_kind kind, const char *what, struct error *error)
{
	int r;

	if (!k)
		return 0;
	r = keeper_list_allowed(kind, what, error);
	if (r < 0)
		return r;
	r = tell(k, '+', kind, what);
	if (r < 0)
		return error_set_errno(error, r, "cannot register %s with the keeper", what);
	return 0;
}

void keeper_remove(struct keeper *k, enum keeper_kind kind, const char *what)
{
	/* A keeper that is gone has nothing on its list. */
	if (k)
		(void)tell(k, '-', kind, what);
}

int keeper_finish(struct keeper *k, struct error *error)
{
	char text[sizeof(error->text)];
	int status = 0, r = 0;
	ssize_t n;

	if (!k)
		return 0;
	shutdown(k->fd, SHUT_WR);
	for (;;) {
		n = recv(k->fd, text, sizeof(text) - 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		text[n] = '\0';
		if (r == 0)
			r = error_set(error, -EIO, "%s", text);
	}
	if (spawn_wait(k->pid, &status) == 0 && r == 0 && status != 0)
		r = error_set(error, -EIO, "the keeper ended before its time: look for leftovers");
	close_safe(k->fd);
	free(k);
	return r;
}
