/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/qemu/qmp.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"

enum stage {
	STAGE_NONE,
	STAGE_GREETED,
	STAGE_ASKED,
	STAGE_READY,
};

void qmp_init(struct qmp *q)
{
	*q = (struct qmp){.fd = -EBADF};
}

void qmp_close(struct qmp *q)
{
	close_safe(q->fd);
	free(q->buffer);
	qmp_init(q);
}

/* Wait for bytes and add them to the buffer. */
static int fill(struct qmp *q, int64_t deadline)
{
	struct pollfd p = {.fd = q->fd, .events = POLLIN};
	int64_t left = deadline - clock_ms();
	ssize_t n;
	int r;

	if (q->used == QMP_LINE_MAX)
		return -EPROTO;
	r = poll(&p, 1, left > 0 ? (int)left : 0);
	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	if (r == 0)
		return -ETIMEDOUT;
	n = recv(q->fd, q->buffer + q->used, QMP_LINE_MAX - q->used, MSG_DONTWAIT);
	if (n == 0)
		return -ECONNRESET;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	q->used += (size_t)n;
	return 0;
}

static bool is_event(const json_t *message, const char *name)
{
	const char *event = json_string_value(json_object_get(message, "event"));

	return event && strcmp(event, name) == 0;
}

/* The next message, whatever it is. */
static int receive(struct qmp *q, int64_t deadline, json_t **ret)
{
	for (;;) {
		char *end = memchr(q->buffer, '\n', q->used);
		json_error_t why;
		json_t *message;
		size_t length;
		int r;

		if (!end) {
			r = fill(q, deadline);
			if (r < 0)
				return r;
			continue;
		}
		length = (size_t)(end - q->buffer);
		message = json_loadb(q->buffer, length, JSON_REJECT_DUPLICATES, &why);
		q->used -= length + 1;
		memmove(q->buffer, end + 1, q->used);
		if (!message || !json_is_object(message)) {
			json_decref(message);
			return -EPROTO;
		}
		q->shut_down |= is_event(message, "SHUTDOWN");
		*ret = message;
		return 0;
	}
}

/* @arguments: ',"arguments":{...}', or "". */
static int send_command(struct qmp *q, const char *command, const char *arguments, unsigned *ret_id)
{
	char line[256];
	int length = snprintf(line, sizeof(line), "{\"execute\":\"%s\"%s,\"id\":%u}\n", command,
		arguments, q->next);

	if (length < 0 || (size_t)length >= sizeof(line))
		return -EINVAL;
	/* A line of this size fits the socket's buffer, or the other side does not read. */
	if (send(q->fd, line, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT) != length)
		return errno == EPIPE ? -ECONNRESET : errno ? -errno : -EIO;
	*ret_id = q->next++;
	return 0;
}

/* The answer to command @id; events and older answers are passed over. */
static int receive_answer(
	struct qmp *q, unsigned id, int64_t deadline, json_t **ret, struct error *error)
{
	for (;;) {
		json_auto_t *message = NULL;
		json_t *value;
		int r = receive(q, deadline, &message);

		if (r < 0)
			return r;
		if (json_integer_value(json_object_get(message, "id")) != (json_int_t)id ||
			!json_object_get(message, "id"))
			continue;
		value = json_object_get(message, "return");
		if (value) {
			*ret = json_incref(value);
			return 0;
		}
		value = json_object_get(json_object_get(message, "error"), "desc");
		return error_set(error, -EREMOTEIO, "QEMU refused a command: %.200s",
			json_is_string(value) ? json_string_value(value) : "no reason given");
	}
}

static int open_socket(struct qmp *q, const char *path, struct error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -EBADF;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >=
		(int)sizeof(address.sun_path))
		return error_set(error, -ENAMETOOLONG, "path of a socket is over %zu bytes: %s",
			sizeof(address.sun_path) - 1, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(error, -errno, "socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN)
			return -EAGAIN;
		return error_set_errno(error, -errno, "cannot reach QEMU at %s", path);
	}
	q->buffer = malloc(QMP_LINE_MAX);
	if (!q->buffer)
		return error_set_errno(error, -ENOMEM, "QMP");
	q->fd = TAKE_FD(fd);
	return 0;
}

/* One step of the handshake. */
static int advance(struct qmp *q, int64_t deadline, struct error *error)
{
	json_auto_t *message = NULL;
	unsigned id;
	int r;

	switch ((enum stage)q->stage) {
	case STAGE_NONE:
		r = receive(q, deadline, &message);
		if (r == 0 && !json_is_object(json_object_get(message, "QMP")))
			r = -EPROTO;
		break;
	case STAGE_GREETED:
		r = send_command(q, "qmp_capabilities", "", &id);
		break;
	default:
		r = receive_answer(q, q->next - 1, deadline, &message, error);
		break;
	}
	if (r == 0)
		q->stage++;
	return r;
}

int qmp_connect(struct qmp *q, const char *path, int timeout_ms, struct error *error)
{
	int64_t deadline = clock_ms() + timeout_ms;
	int r = 0;

	if (q->fd < 0)
		r = open_socket(q, path, error);
	while (r == 0 && q->stage != STAGE_READY)
		r = advance(q, deadline, error);
	if (r == 0 || r == -EAGAIN)
		return r;
	if (r == -ETIMEDOUT)
		return -EAGAIN;
	qmp_close(q);
	return error_set_errno(error, r, "no sensible answer from QEMU at %s", path);
}

static int command_with(struct qmp *q, const char *command, const char *arguments, int timeout_ms,
	json_t **ret, struct error *error)
{
	json_auto_t *value = NULL;
	unsigned id = 0;
	int r;

	if (q->fd < 0 || q->stage != STAGE_READY)
		return error_set(error, -ENOTCONN, "not connected to QEMU");
	r = send_command(q, command, arguments, &id);
	if (r == 0)
		r = receive_answer(q, id, clock_ms() + timeout_ms, &value, error);
	if (r == -EREMOTEIO)
		return r;
	if (r < 0)
		return error_set_errno(error, r, "QEMU, asked for %s", command);
	if (ret)
		*ret = TAKE_PTR(value);
	return 0;
}

int qmp_command(
	struct qmp *q, const char *command, int timeout_ms, json_t **ret, struct error *error)
{
	return command_with(q, command, "", timeout_ms, ret, error);
}

int qmp_human(struct qmp *q, const char *line, int timeout_ms, char **ret, struct error *error)
{
	json_auto_t *value = NULL;
	char arguments[128];
	int r;

	if (snprintf(arguments, sizeof(arguments), ",\"arguments\":{\"command-line\":\"%s\"}",
		    line) >= (int)sizeof(arguments))
		return error_set_errno(error, -EINVAL, "QEMU, asked for %s", line);
	r = command_with(q, "human-monitor-command", arguments, timeout_ms, &value, error);
	if (r < 0)
		return r;
	if (!json_is_string(value))
		return error_set_errno(error, -EPROTO, "QEMU, asked for %s", line);
	*ret = strdup(json_string_value(value));
	return *ret ? 0 : error_set_errno(error, -ENOMEM, "QEMU");
}

bool qmp_shut_down(struct qmp *q)
{
	json_t *message;

	while (q->fd >= 0 && q->stage == STAGE_READY && !q->shut_down &&
		receive(q, clock_ms(), &message) == 0)
		json_decref(message);
	return q->shut_down;
}

int qmp_vcpus(struct qmp *q, int timeout_ms, pid_t *ret_tids, size_t max, struct error *error)
{
	json_auto_t *list = NULL;
	int n = 0, r;

	r = qmp_command(q, "query-cpus-fast", timeout_ms, &list, error);
	if (r < 0)
		return r;
	memset(ret_tids, 0, max * sizeof(*ret_tids));
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *cpu = json_array_get(list, i);
		json_int_t index = json_integer_value(json_object_get(cpu, "cpu-index"));
		json_int_t tid = json_integer_value(json_object_get(cpu, "thread-id"));

		if (index < 0 || (size_t)index >= max || tid <= 0 || tid > INT_MAX ||
			ret_tids[index])
			return error_set(error, -EPROTO, "QEMU names impossible vCPUs");
		ret_tids[index] = (pid_t)tid;
		n++;
	}
	return n;
}
