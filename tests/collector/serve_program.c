/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server whose work is known, and its client.
 *
 *	serve_program serve PORT MS [ADDRESS]	burns MS of CPU time for each byte that it gets, and
 *						answers with the nanoseconds that it burned
 *	serve_program serve-once PORT MS	the same, and ends after the first
 *	serve_program deaf SECONDS		serves nothing, and says so
 *	serve_program ask HOST PORT N		asks N times; says "half" in the middle, and at its end
 *						"requests N" and "burned MS"
 *	serve_program complain STATUS		says what is wrong, and ends with STATUS; of 200 or
 *						more by signal STATUS - 200
 *	serve_program wait SECONDS
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static struct sockaddr_in at(const char *host, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((in_port_t)atoi(port)),
		.sin_addr.s_addr = inet_addr(host)};

	return a;
}

static void burn_for(int fd, uint64_t ns)
{
	uint64_t begin = cpu_ns(), burned;

	while ((burned = cpu_ns() - begin) < ns)
		;
	if (write(fd, &burned, sizeof(burned)) < 0)
		perror("write");
}

static int serve(const char *host, const char *port, uint64_t ns, int once)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1, got = 0;
	struct sockaddr_in where = at(host, port);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&where, sizeof(where)) < 0 || listen(fd, 8) < 0)
		return fail("cannot listen");
	while (!once || !got) {
		int client = accept(fd, NULL, NULL);
		char byte;

		if (client < 0)
			return fail("accept");
		while (!(once && got) && read(client, &byte, 1) == 1) {
			burn_for(client, ns);
			got++;
		}
		close(client);
	}
	return 0;
}

static int ask(const char *host, const char *port, int n)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in where = at(host, port);
	uint64_t sum = 0, burned;

	if (connect(fd, (struct sockaddr *)&where, sizeof(where)) < 0)
		return fail("cannot connect");
	for (int i = 0; i < n; i++) {
		if (i == n / 2)
			puts("half");
		if (write(fd, "x", 1) != 1 ||
			recv(fd, &burned, sizeof(burned), MSG_WAITALL) != (ssize_t)sizeof(burned)) {
			puts("no answer");
			return 1;
		}
		sum += burned;
	}
	printf("requests %d\nburned %.3f\n", n, (double)sum / 1e6);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strncmp(what, "serve", 5) == 0)
		return serve(argc > 4 ? argv[4] : "0.0.0.0", argv[2],
			strtoull(argv[3], NULL, 10) * 1000000, strcmp(what, "serve-once") == 0);
	if (strcmp(what, "ask") == 0)
		return ask(argv[2], argv[3], atoi(argv[4]));
	if (strcmp(what, "complain") == 0) {
		puts("this is what is wrong");
		if (atoi(argv[2]) >= 200)
			raise(atoi(argv[2]) - 200);
		return atoi(argv[2]);
	}
	if (strcmp(what, "deaf") == 0)
		puts("I hear nothing");
	sleep((unsigned)atoi(argc > 2 ? argv[2] : "0"));
	return 0;
}
