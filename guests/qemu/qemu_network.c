/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/qemu/qemu_network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "guests/guest_port.h"
#include "guests/init/words.h"

#define ASK_WAIT_MS 1000
/* A guest that had no address yet when the connection was made would hear of it late. */
#define TRIAL_MS 200

void qemu_network_add(struct strv *v, const char *device, const struct guest_spec *spec)
{
	if (!spec->port)
		return;
	strv_add(v, "-netdev");
	strv_addf(v,
		"user,id=net,ipv6=off,restrict=on,hostfwd=tcp:" GUEST_HOST ":%u-" GUEST_ADDRESS
		":%u",
		spec->host_port, spec->port);
	strv_add(v, "-device");
	/* No firmware of its own, which would look for something to boot. */
	strv_addf(v, "%s,netdev=net%s", device, strstr(device, "-pci") ? ",romfile=" : "");
}

void qemu_trial_end(struct qemu_trial *t)
{
	t->fd = close_safe(t->fd);
}

static void begin_trial(struct qemu_trial *t, const struct guest_spec *spec)
{
	struct sockaddr_in where = {.sin_family = AF_INET,
		.sin_port = htons((in_port_t)spec->host_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* It takes the other side's answer to know more, which comes at once from this machine. */
	if (fd < 0 ||
		(connect(fd, (struct sockaddr *)&where, sizeof(where)) < 0 && errno != EINPROGRESS))
		return;
	t->fd = TAKE_FD(fd);
	t->since_ms = clock_ms();
}

/* "TCP[ESTABLISHED]  25  127.0.0.1  40123  10.0.2.15  80 ..." for each connection. */
static bool is_established(const char *table, const struct guest_spec *spec)
{
	unsigned from, to;

	for (; *table; table += strcspn(table, "\n"), table += *table == '\n')
		if (sscanf(table, " TCP[ESTABLISHED] %*d %*[0-9.*] %u %*[0-9.*] %u", &from, &to) ==
				2 &&
			from == spec->host_port && to == spec->port)
			return true;
	return false;
}

/* The guest's refusal, or QEMU's that is not there yet. */
static bool is_closed(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN);
}

int qemu_network_answers(
	struct qemu_trial *t, struct qmp *q, const struct guest_spec *spec, struct error *error)
{
	_cleanup_free_ char *table = NULL;
	int r;

	if (t->fd < 0) {
		begin_trial(t, spec);
		return 0;
	}
	if (is_closed(t->fd)) {
		qemu_trial_end(t);
		return 0;
	}
	r = qmp_human(q, "info usernet", ASK_WAIT_MS, &table, error);
	if (r < 0)
		return r;
	r = is_established(table, spec);
	if (r || clock_ms() - t->since_ms > TRIAL_MS)
		qemu_trial_end(t);
	return r;
}
