/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"

#define OUTPUT_MAX      ((size_t)1 << 20)
#define CONSOLE_PIPE    (1 << 20)
#define EXEC_TIMEOUT_MS 10000
#define EXIT_NO_EXEC    127

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int spawn_find_program(const char *program, char **ret_path)
{
	const char *path = getenv("PATH");
	char *found;

	if (strchr(program, '/')) {
		if (!is_program(program))
			return -ENOENT;
		found = strdup(program);
		if (!found)
			return -ENOMEM;
		*ret_path = found;
		return 0;
	}
	if (!path || !*path)
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	while (*path) {
		size_t length = strcspn(path, ":");

		/* An empty entry would mean the current folder: never run a program from there. */
		if (length && asprintf(&found, "%.*s/%s", (int)length, path, program) < 0)
			return -ENOMEM;
		if (length && is_program(found)) {
			*ret_path = found;
			return 0;
		}
		if (length)
			free(found);
		path += length + (path[length] == ':');
	}
	return -ENOENT;
}

/* What the child needs, all made before the fork: between fork and exec only async-signal-safe
 * calls are allowed, as the collector has threads. */
struct child_plan {
	const char *path;
	const struct spawn *s;
	int output_fd;
	int hold_fd;
	int null_fd;
	const cpu_set_t *cpus;
	char **environment;
};

/* A parent that dies from the prctl() on takes the child along; one that died before shows as
 * another parent. */
static pid_t fork_child(bool outlives_us)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0 &&
		((!outlives_us && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) || getppid() != parent))
		_exit(EXIT_NO_EXEC);
	return pid;
}

pid_t spawn_fork(void)
{
	return fork_child(false);
}

int spawn_wait(pid_t pid, int *ret_wait_status)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (ret_wait_status)
		*ret_wait_status = status;
	return 0;
}

static void default_signals(void)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int i = 1; i < _NSIG; i++)
		sigaction(i, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void __attribute__((noreturn)) child_main(const struct child_plan *plan)
{
	char go;
	int code;

	setpgid(0, 0);
	default_signals();
	if (dup2(plan->null_fd, STDIN_FILENO) < 0 || dup2(plan->output_fd, STDOUT_FILENO) < 0 ||
		dup2(plan->output_fd, STDERR_FILENO) < 0)
		_exit(EXIT_NO_EXEC);
	close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	if (plan->cpus)
		sched_setaffinity(0, sizeof(*plan->cpus), plan->cpus);
	if (plan->s->folder_fd > 0 && fchdir(plan->s->folder_fd) < 0)
		_exit(EXIT_NO_EXEC);
	if (read(plan->hold_fd, &go, 1) != 1)
		_exit(EXIT_NO_EXEC);
	execve(plan->path, plan->s->argv, plan->environment);
	code = errno;
	if (write(plan->hold_fd, &code, sizeof(code)) < 0)
		_exit(EXIT_NO_EXEC);
	_exit(EXIT_NO_EXEC);
}

/* Descriptors 0 to 2 of ours may be closed; then a new one could land there and be overwritten by
 * the child's dup2() of another. Keep all of ours above. */
static int lift(int *fd)
{
	int higher;

	if (*fd > STDERR_FILENO)
		return 0;
	higher = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (higher < 0)
		return -errno;
	close(*fd);
	*fd = higher;
	return 0;
}

static int cpu_set_from(const int *cpus, size_t n, cpu_set_t *ret)
{
	CPU_ZERO(ret);
	for (size_t i = 0; i < n; i++) {
		if (cpus[i] < 0 || cpus[i] >= CPU_SETSIZE)
			return -EINVAL;
		CPU_SET(cpus[i], ret);
	}
	return 0;
}

static int open_pipes(int output[2], int hold[2], int *ret_null)
{
	int r = 0;

	if (pipe2(output, O_CLOEXEC) < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, hold) < 0)
		return -errno;
	*ret_null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (*ret_null < 0)
		return -errno;
	for (int i = 0; i < 2 && r == 0; i++) {
		r = lift(&output[i]);
		if (r == 0)
			r = lift(&hold[i]);
	}
	if (r == 0)
		r = lift(ret_null);
	if (r < 0)
		return r;
	if (fcntl(output[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	/* A guest must not wait for us to read its words. Not fatal: unprivileged users have
	 * limits. */
	(void)fcntl(output[1], F_SETPIPE_SZ, CONSOLE_PIPE);
	return 0;
}

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static bool has_name(const char *variable, const char *other)
{
	size_t n = strcspn(other, "=");

	return strncmp(variable, other, n) == 0 && variable[n] == '=';
}

static bool is_left_out(const struct spawn *s, const char *variable)
{
	for (size_t i = 0; s->variables && s->variables[i]; i++)
		if (has_name(variable, s->variables[i]))
			return true;
	for (size_t i = 0; s->hidden && s->hidden[i]; i++)
		if (strncmp(variable, s->hidden[i], strlen(s->hidden[i])) == 0)
			return true;
	return false;
}

/* Ours, but for what @s says otherwise. The strings stay where they are. */
static char **make_environment(const struct spawn *s)
{
	char **all = calloc(count(environ) + count(s->variables) + 1, sizeof(*all));
	size_t n = 0;

	for (char **e = environ; all && e && *e; e++)
		if (!is_left_out(s, *e))
			all[n++] = *e;
	for (size_t i = 0; all && s->variables && s->variables[i]; i++)
		all[n++] = s->variables[i];
	return all;
}

int spawn_held(const struct spawn *s, struct child *ret, struct error *error)
{
	_cleanup_close_ int out_r = -EBADF, out_w = -EBADF, hold_p = -EBADF, hold_c = -EBADF;
	_cleanup_close_ int null_fd = -EBADF;
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ char **environment = NULL;
	int output[2] = {-EBADF, -EBADF}, hold[2] = {-EBADF, -EBADF};
	struct child_plan plan;
	cpu_set_t set;
	pid_t pid;
	int pidfd, r;

	r = spawn_find_program(s->argv[0], &path);
	if (r < 0)
		return error_set_errno(error, r, "cannot run %s", s->argv[0]);
	if (s->cpus) {
		r = cpu_set_from(s->cpus, s->n_cpus, &set);
		if (r < 0)
			return error_set_errno(error, r, "CPU list for %s", s->argv[0]);
	}
	environment = make_environment(s);
	if (!environment)
		return error_set_errno(error, -ENOMEM, "cannot run %s", s->argv[0]);
	r = open_pipes(output, hold, &null_fd);
	out_r = output[0];
	out_w = output[1];
	hold_p = hold[0];
	hold_c = hold[1];
	if (r < 0)
		return error_set_errno(error, r, "cannot make pipes for %s", s->argv[0]);
	plan = (struct child_plan){.path = path,
		.s = s,
		.output_fd = out_w,
		.hold_fd = hold_c,
		.null_fd = null_fd,
		.cpus = s->cpus ? &set : NULL,
		.environment = environment};
	pid = fork_child(s->outlives_us);
	if (pid == 0)
		child_main(&plan);
	if (pid < 0)
		return error_set_errno(error, -errno, "cannot fork for %s", s->argv[0]);
	setpgid(pid, pid); /* the child does so too: whoever comes first */
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		r = -errno;
		kill(pid, SIGKILL);
		(void)spawn_wait(pid, NULL);
		return error_set_errno(error, r, "pidfd_open");
	}
	*ret = (struct child){pid, pidfd, TAKE_FD(out_r), TAKE_FD(hold_p)};
	return 0;
}

int spawn_release(int *hold_fd)
{
	struct pollfd p = {.fd = *hold_fd, .events = POLLIN};
	int64_t deadline = clock_ms() + EXEC_TIMEOUT_MS;
	int code = 0, n;
	ssize_t got;

	if (*hold_fd < 0)
		return -EALREADY;
	if (send(*hold_fd, "g", 1, MSG_NOSIGNAL) != 1) {
		*hold_fd = close_safe(*hold_fd);
		return -ESRCH;
	}
	do {
		int64_t left = deadline - clock_ms();

		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	/* End of file: the exec closed the child's end. Otherwise it says why not. */
	got = n > 0 ? recv(*hold_fd, &code, sizeof(code), MSG_DONTWAIT) : 0;
	*hold_fd = close_safe(*hold_fd);
	if (n == 0)
		return -ETIMEDOUT;
	if (got == (ssize_t)sizeof(code))
		return code > 0 ? -code : -EIO;
	return 0;
}

static int poll_until(int fd, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		int64_t left = deadline < 0 ? -1 : deadline - clock_ms();
		int n = poll(&p, 1, deadline < 0 ? -1 : left > 0 ? (int)left : 0);

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

int spawn_reap(pid_t pid, int pidfd, int timeout_ms, int *ret_wait_status)
{
	int r;

	if (pid <= 0)
		return -ESRCH;
	r = poll_until(pidfd, timeout_ms < 0 ? -1 : clock_ms() + timeout_ms);
	if (r < 0)
		return r;
	/* As long as it is not reaped its number stays taken, so the group is surely the child's.
	 */
	kill(-pid, SIGKILL);
	return spawn_wait(pid, ret_wait_status);
}

/* Read what there is until end of file or @deadline. More than OUTPUT_MAX is read and dropped. */
static int collect(int fd, int64_t deadline, char *buffer, size_t *used)
{
	char sink[4096] = "";

	for (;;) {
		bool full = *used == OUTPUT_MAX;
		ssize_t n = read(
			fd, full ? sink : buffer + *used, full ? sizeof(sink) : OUTPUT_MAX - *used);
		int r;

		if (n == 0)
			return 0;
		if (n > 0) {
			*used += full ? 0 : (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		r = poll_until(fd, deadline);
		if (r < 0)
			return r;
	}
}

static int output_verdict(char *const *argv, int status, const char *text, struct error *error)
{
	int length = (int)strcspn(text, "\r\n");

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (length > 400)
		length = 400;
	if (WIFSIGNALED(status))
		return error_set(
			error, -EIO, "%s was killed by signal %d", argv[0], WTERMSIG(status));
	return error_set(error, -EIO, "%s failed with status %d: %.*s", argv[0],
		WEXITSTATUS(status), length, text);
}

int spawn_and_collect(const struct spawn *s, int timeout_ms, char **ret_output, int *ret_status,
	struct error *error)
{
	char *const *argv = s->argv;
	int64_t deadline = clock_ms() + timeout_ms;
	_cleanup_free_ char *text = malloc(OUTPUT_MAX + 1);
	struct child child = {.hold_fd = -EBADF};
	size_t used = 0;
	int status, r, collected;
	char *shorter;

	if (!text)
		return error_set_errno(error, -ENOMEM, "output of %s", argv[0]);
	r = spawn_held(s, &child, error);
	if (r < 0)
		return r;
	r = spawn_release(&child.hold_fd);
	collected = r < 0 ? r : collect(child.console_fd, deadline, text, &used);
	if (collected < 0)
		kill(-child.pid, SIGKILL);
	r = spawn_reap(child.pid, child.pidfd,
		collected < 0 ? -1 : (int)(deadline - clock_ms() > 0 ? deadline - clock_ms() : 0),
		&status);
	if (r < 0) {
		kill(-child.pid, SIGKILL);
		(void)spawn_reap(child.pid, child.pidfd, -1, &status);
		collected = r;
	}
	close_safe(child.console_fd);
	close_safe(child.pidfd);
	if (collected < 0)
		return error_set_errno(error, collected, "%s", argv[0]);
	text[used] = '\0';
	if (ret_status)
		*ret_status = status;
	else if ((r = output_verdict(argv, status, text, error)) < 0)
		return r;
	shorter = realloc(text, used + 1);
	if (shorter)
		text = shorter;
	*ret_output = TAKE_PTR(text);
	return 0;
}

int spawn_output(
	char *const *argv, int timeout_ms, char **ret_output, int *ret_status, struct error *error)
{
	return spawn_and_collect(
		&(struct spawn){.argv = argv}, timeout_ms, ret_output, ret_status, error);
}

int spawn_kill(pid_t pid, int pidfd, int *ret_wait_status)
{
	int running = poll_until(pidfd, 0) == -ETIMEDOUT, r;

	/* The leader by its pidfd, before the group: at this point neither number can be another's.
	 */
	(void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	kill(-pid, SIGKILL);
	r = spawn_reap(pid, pidfd, -1, ret_wait_status);
	return r < 0 ? r : running;
}
