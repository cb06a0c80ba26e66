/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/guest_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"

#define STATE_LISTEN 0x0a /* TCP_LISTEN, as in the kernel's table */

/* The port that it comes to in *@port, which may be 0: any that is free. */
static int try_bind(in_addr_t address, unsigned *port)
{
	struct sockaddr_in where = {.sin_family = AF_INET,
		.sin_port = htons((in_port_t)*port),
		.sin_addr.s_addr = htonl(address)};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(where);
	int on = 1;

	/* Connections of the run before that are not forgotten yet are in nobody's way. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&where, sizeof(where)) < 0 ||
		getsockname(fd, (struct sockaddr *)&where, &length) < 0)
		return -errno;
	*port = ntohs(where.sin_port);
	return 0;
}

int guest_port_choose(const struct guest_ops *ops, unsigned port, unsigned asked, unsigned *ret,
	struct error *error)
{
	bool own = ops->network == NETWORK_HOST;
	unsigned chosen = own ? port : asked;
	int r = try_bind(own ? INADDR_ANY : INADDR_LOOPBACK, &chosen);

	if (r == -EADDRINUSE)
		return error_set(error, r,
			"port %u is in use on this machine: end what listens there, or choose another "
			"one with --port",
			chosen);
	if (r < 0)
		return error_set_errno(error, r, "port %u on this machine", chosen);
	*ret = chosen;
	return 0;
}

/* An address of the table: words of four bytes, as they lie in memory, in hexadecimal. */
static unsigned listener_at(const char *address)
{
	static const char mapped[] = "0000000000000000FFFF0000"; /* IPv4 in IPv6 */

	if (strspn(address, "0") == strlen(address))
		return LISTENER_ANY;
	if (strncmp(address, mapped, strlen(mapped)) == 0)
		address += strlen(mapped);
	return strcmp(address, "0100007F") == 0 ? LISTENER_LOOPBACK : LISTENER_OTHER;
}

static unsigned listeners_in(pid_t pid, const char *table, unsigned port)
{
	char path[64], line[512], address[33];
	unsigned found = 0, at, state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid, table);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " %*u: %32[0-9A-F]:%4x %*[0-9A-F]:%*x %2x", address, &at,
			    &state) == 3 &&
			at == port && state == STATE_LISTEN)
			found |= listener_at(address);
	fclose(f);
	return found;
}

unsigned guest_port_listeners(pid_t pid, unsigned port)
{
	return listeners_in(pid, "tcp", port) | listeners_in(pid, "tcp6", port);
}
