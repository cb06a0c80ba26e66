/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/debug_server.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if HAVE_DEBUGINFOD
#include <elfutils/debuginfod.h>
#endif

#include "collector/symbols/child_pipe.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/spawn.h"

#define URLS_VARIABLE    "DEBUGINFOD_URLS"
#define TIMEOUT_VARIABLE "DEBUGINFOD_TIMEOUT"
#define QUIET_S          15  /* without a byte, unless the variable says it otherwise */
#define WHOLE_S          300 /* for a file */
#define TELL_MS          500 /* how often the child says that it is alive */
#define SILENCE_MS       10000
#define END_MS           2000 /* to take away what was not got whole */

/* What the child writes: how far it is, and in the end what came of it. */
struct message {
	int64_t done, all;
	int32_t result; /* WAITING; 0, followed by the path; or a negative errno */
	uint32_t path_bytes;
};

enum { WAITING = 1 };

const char *debug_servers_named(void)
{
	const char *urls = getenv(URLS_VARIABLE);

	return urls && urls[strspn(urls, " ")] ? urls : NULL;
}

#if HAVE_DEBUGINFOD
bool debug_servers_supported(void)
{
	return true;
}

static int64_t quiet_ms(void)
{
	const char *text = getenv(TIMEOUT_VARIABLE);
	long seconds = text ? strtol(text, NULL, 10) : 0;

	return 1000 * (seconds > 0 && seconds <= WHOLE_S ? seconds : QUIET_S);
}

/* The child's. */
struct watch {
	int out;
	int64_t begin_ms;
	int64_t moved_ms; /* when the last byte came */
	int64_t told_ms;
	long done;
	bool late;
};

/* False: who asked has gone. */
static bool tell(int out, const void *bytes, size_t n)
{
	return write(out, bytes, n) == (ssize_t)n;
}

/* The library calls it at least once a second; what it returns but 0 ends the waiting. */
static int on_progress(debuginfod_client *client, long done, long all)
{
	struct watch *w = debuginfod_get_user_data(client);
	const struct message m = {.done = done, .all = all, .result = WAITING};
	int64_t now = clock_ms();

	if (done > w->done) {
		w->done = done;
		w->moved_ms = now;
	}
	w->late = now - w->moved_ms > quiet_ms() || now - w->begin_ms > WHOLE_S * INT64_C(1000);
	if (w->late)
		return 1;
	if (now - w->told_ms < TELL_MS)
		return 0;
	w->told_ms = now;
	return !tell(w->out, &m, sizeof(m));
}

/* A proxy is never the way to this machine. Without "*", which stands alone. */
static void spare_loopback(void)
{
	_cleanup_free_ char *hosts = NULL;
	const char *old = getenv("no_proxy");

	if (!old)
		old = getenv("NO_PROXY");
	if (old && strcmp(old, "*") == 0)
		return;
	if (asprintf(&hosts, "%s%slocalhost,127.0.0.1,::1", old ? old : "",
		    old && *old ? "," : "") < 0)
		hosts = NULL;
	else
		setenv("no_proxy", hosts, 1);
}

static void child_main(const void *userdata, int out)
{
	const struct elf_file *file = userdata;
	int64_t now = clock_ms();
	struct watch w = {.out = out, .begin_ms = now, .moved_ms = now, .told_ms = now};
	struct message m = {.result = -ENOMEM};
	debuginfod_client *client;
	char *path = NULL;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	spare_loopback();
	client = debuginfod_begin();
	if (client) {
		debuginfod_set_user_data(client, &w);
		debuginfod_set_progressfn(client, on_progress);
		fd = debuginfod_find_debuginfo(
			client, file->build_id, (int)file->build_id_bytes, &path);
		m.result = fd >= 0 ? 0 : w.late ? -ETIME : fd;
	}
	m.path_bytes = m.result == 0 && path ? (uint32_t)strlen(path) : 0;
	if (tell(out, &m, sizeof(m)) && m.path_bytes)
		(void)tell(out, path, m.path_bytes);
}
#else
bool debug_servers_supported(void)
{
	return false;
}

static void child_main(const void *userdata, int out)
{
	const struct message m = {.result = -ENOENT};

	(void)userdata;
	if (write(out, &m, sizeof(m)) < 0)
		return;
}
#endif

static int take_path(int in, uint32_t bytes, char **ret)
{
	_cleanup_free_ char *path = calloc(1, (size_t)bytes + 1);

	if (!path)
		return -ENOMEM;
	if (bytes == 0 || bytes >= PATH_MAX ||
		!child_pipe_read(in, path, bytes, clock_ms() + SILENCE_MS))
		return -EIO;
	*ret = TAKE_PTR(path);
	return 0;
}

static int take_answer(struct debug_servers *s, int in, const char *path, char **ret_path)
{
	struct message m;

	for (;;) {
		if (!child_pipe_read(in, &m, sizeof(m), clock_ms() + SILENCE_MS))
			return -ETIME;
		if (m.result == 0)
			return take_path(in, m.path_bytes, ret_path);
		if (m.result != WAITING)
			return m.result < 0 ? m.result : -EIO;
		if (s->wait && !s->wait(path, m.done > 0 ? (uint64_t)m.done : 0,
				       m.all > 0 ? (uint64_t)m.all : 0, s->userdata))
			return -ECANCELED;
	}
}

/* It sees that nobody reads any more, takes away what it has, and ends; or it hangs. */
static void end_child(pid_t pid, int in)
{
	int64_t deadline_ms = clock_ms() + END_MS;
	struct timespec nap = {.tv_nsec = 10000000};

	close(in);
	while (clock_ms() < deadline_ms) {
		siginfo_t info = {0};

		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
			info.si_pid == pid)
			break;
		nanosleep(&nap, NULL);
	}
	kill(pid, SIGKILL);
	(void)spawn_wait(pid, NULL);
}

static void give_up(struct debug_servers *s, int code)
{
	s->given_up = true;
	if (code == -ECANCELED)
		return;
	snprintf(s->trouble, sizeof(s->trouble),
		"no debug files from the servers of " URLS_VARIABLE
		": %s; they are not asked any more, and what only they know has no name",
		code == -ETIME ? "they do not answer in time" : strerror(-code));
}

int debug_servers_fetch(
	struct debug_servers *s, const struct elf_file *file, const char *path, char **ret_path)
{
	pid_t pid;
	int in, r;

	if (s->given_up || !file->build_id_bytes || !debug_servers_named() ||
		!debug_servers_supported())
		return -ENOENT;
	pid = child_pipe_start(child_main, file, &in);
	if (pid < 0)
		return -ENOENT;
	r = take_answer(s, in, path, ret_path);
	end_child(pid, in);
	if (r < 0 && r != -ENOENT && r != -ENOSYS && r != -ENOMEM)
		give_up(s, r);
	return r == 0 || r == -ENOMEM ? r : -ENOENT;
}

const char *debug_servers_take_trouble(struct debug_servers *s, char ret[static 256])
{
	if (!s->trouble[0])
		return NULL;
	snprintf(ret, sizeof(s->trouble), "%s", s->trouble);
	s->trouble[0] = '\0';
	return ret;
}
