/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/child_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/spawn.h"

pid_t child_pipe_start(child_main_t child, const void *userdata, int *ret_fd)
{
	_cleanup_close_ int in = -EBADF, out = -EBADF;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	in = ends[0];
	out = ends[1];
	pid = spawn_fork();
	if (pid == 0) {
		close(in);
		child(userdata, out);
		_exit(0);
	}
	if (pid < 0)
		return -errno;
	*ret_fd = TAKE_FD(in);
	return pid;
}

bool child_pipe_read(int fd, void *ret, size_t size, int64_t deadline_ms)
{
	char *p = ret;

	while (size > 0) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		int64_t left = deadline_ms - clock_ms();
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&poll_fd, 1, (int)left) < 0) {
			if (errno == EINTR)
				continue;
			return false;
		}
		if (!poll_fd.revents)
			return false;
		n = read(fd, p, size);
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}
