/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/guest_process.h"

#include <errno.h>

#include "common/cleanup.h"
#include "common/spawn.h"

int guest_spawn(struct guest *g, const int *cpus, size_t n_cpus, struct error *error)
{
	struct spawn s = {.argv = g->argv,
		.variables = g->variables,
		.folder_fd = g->folder_fd,
		.cpus = cpus,
		.n_cpus = n_cpus};
	struct child child;
	int r;

	if (g->pid > 0)
		return error_set(error, -EBUSY, "guest %s runs already", g->ops->name);
	r = spawn_held(&s, &child, error);
	if (r < 0)
		return r;
	g->pid = child.pid;
	g->pidfd = child.pidfd;
	g->console_fd = child.console_fd;
	g->release_fd = child.hold_fd;
	g->reaped = false;
	return 0;
}

int guest_reap(struct guest *g, int timeout_ms)
{
	int r;

	if (g->pid <= 0 || g->reaped)
		return 0;
	r = spawn_reap(g->pid, g->pidfd, timeout_ms, &g->wait_status);
	if (r < 0)
		return r;
	g->reaped = true;
	return 0;
}

void guest_kill(struct guest *g)
{
	int r;

	if (g->pid <= 0 || g->reaped)
		return;
	r = spawn_kill(g->pid, g->pidfd, &g->wait_status);
	g->release_fd = close_safe(g->release_fd);
	g->killed = r == 1;
	g->reaped = r >= 0;
}
