/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What comes out of QEMU's monitor: greeting, answers, events. */

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guests/qemu/qmp.h"
#include "tests/fuzz/fuzz.h"

#define WAIT_MS   100
#define VCPUS_MAX 8
#define BYTES_MAX ((size_t)64 << 10) /* what a socket takes before anybody reads it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pid_t tids[VCPUS_MAX];
	struct error error;
	struct qmp q;
	int ends[2], n;

	if (size > BYTES_MAX || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return 0;
	qmp_init(&q);
	q.fd = ends[0];
	q.buffer = malloc(QMP_LINE_MAX);
	if (!q.buffer || write(ends[1], data, size) != (ssize_t)size)
		abort();
	shutdown(ends[1], SHUT_WR);
	if (qmp_connect(&q, "the fuzzer", WAIT_MS, &error) == 0) {
		n = qmp_vcpus(&q, WAIT_MS, tids, VCPUS_MAX, &error);
		if (n > VCPUS_MAX)
			abort();
	}
	qmp_close(&q);
	close(ends[1]);
	return 0;
}
