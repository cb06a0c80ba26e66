/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/containers/engine.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/proc.h"
#include "common/spawn.h"
#include "guests/containers/conmon.h"
#include "guests/process/tree.h"

#define QUERY_TIMEOUT_MS  15000
#define IMPORT_TIMEOUT_MS 120000
#define REMOVE_TIMEOUT_MS 30000
#define ID_MIN            12
#define LATE_PAUSE_MS     300
#define LATE_LOOKS        3

const struct engine engine_docker = {
	.name = "docker",
	.title = "Docker",
	.program = "docker",
	.package = "docker.io (and docker-cli from Debian 13 on)",
	.image_prefix = "guestscope/",
	.container_prefix = "guestscope-",
	.host_variable = "DOCKER_HOST",
	.default_socket = "/var/run/docker.sock",
	.monitor = "containerd-shim",
	.daemons = {"dockerd", "containerd"},
};

const struct engine engine_podman = {
	.name = "podman",
	.title = "Podman",
	.program = "podman",
	.package = "podman",
	.image_prefix = "localhost/guestscope/",
	.container_prefix = "guestscope-",
	.monitor = "conmon",
	.variable = "PODMAN_IGNORE_CGROUPSV1_WARNING=1",
	.import_option = "--quiet",
	.kill_first = true,
	.remove_orphans = conmon_remove_orphans,
};

static const struct engine *const engines[] = {&engine_docker, &engine_podman};

const struct engine *engine_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(engines); i++)
		if (strcmp(engines[i]->name, name) == 0)
			return engines[i];
	return NULL;
}

bool engine_owns(const struct engine *e, const char *name, bool image)
{
	const char *prefix = image ? e->image_prefix : e->container_prefix;
	size_t n = strlen(prefix);

	if (strncmp(name, prefix, n) != 0 || !name[n])
		return false;
	for (const char *p = name + n; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-')
			return false;
	return true;
}

static const char *daemon_address(const struct engine *e)
{
	const char *host = e->host_variable ? getenv(e->host_variable) : NULL;

	return host && *host ? host : e->default_socket;
}

/* Why the client could not reach its daemon, from its own words. */
static int explain_refusal(const struct engine *e, const char *words, struct error *error)
{
	const char *address = daemon_address(e);

	if (!e->default_socket)
		return error_set(error, -ECONNREFUSED, "%s does not work here: %.*s", e->title,
			(int)strcspn(words, "\r\n"), words);
	if (strstr(words, "ermission denied"))
		return error_set(error, -EACCES,
			"no permission to talk to the Docker daemon at %s: run as root (sudo), or "
			"add "
			"yourself to its group: sudo usermod -aG docker $USER, then log in again",
			address);
	return error_set(error, -ECONNREFUSED,
		"no Docker daemon answers at %s: start it: systemctl start docker, or sudo dockerd",
		address);
}

static int run_client(const struct engine *e, struct spawn client, int timeout_ms, char **ret_words,
	int *ret_status, struct error *error)
{
	char *const variables[] = {(char *)e->variable, NULL};

	client.variables = variables;
	return spawn_and_collect(&client, timeout_ms, ret_words, ret_status, error);
}

/* Run the engine's client; as spawn_output(). */
static int ask(const struct engine *e, char *const *argv, int timeout_ms, char **ret_words,
	int *ret_status, struct error *error)
{
	return run_client(
		e, (struct spawn){.argv = argv}, timeout_ms, ret_words, ret_status, error);
}

int engine_ask(const struct engine *e, char *const *argv, char **ret_words, int *ret_status,
	struct error *error)
{
	return ask(e, argv, QUERY_TIMEOUT_MS, ret_words, ret_status, error);
}

int engine_available(const struct engine *e, struct error *error)
{
	char *docker[] = {(char *)e->program, "version", "--format", "{{.Server.Version}}", NULL};
	char *podman[] = {
		(char *)e->program, "info", "--format", "{{.Host.OCIRuntime.Name}}", NULL};
	/* Without root every other command of podman leaves a process behind that keeps its
	 * namespaces. */
	char *rootless[] = {(char *)e->program, "--version", NULL};
	char **query = e->default_socket ? docker : geteuid() == 0 ? podman : rootless;
	_cleanup_free_ char *path = NULL, *words = NULL;
	const char *address = daemon_address(e);
	int status, r;

	r = spawn_find_program(e->program, &path);
	if (r < 0)
		return error_set(error, r, "no %s here: apt install %s", e->program, e->package);
	if (address && strstr(address, "://") && strncmp(address, "unix://", 7) != 0)
		return error_set(error, -EINVAL,
			"%s=%s: containers can be watched only on this machine, by a unix:// "
			"socket",
			e->host_variable, address);
	r = ask(e, query, QUERY_TIMEOUT_MS, &words, &status, error);
	if (r == -ETIMEDOUT)
		return error_set(error, -ECONNREFUSED, "%s does not answer within %d s", e->title,
			QUERY_TIMEOUT_MS / 1000);
	if (r < 0)
		return r;
	if (status != 0)
		return explain_refusal(e, words, error);
	return 0;
}

/* By podman-run(1): the command was not found, so all else was done. */
#define STATUS_NO_COMMAND 127

int engine_trial(const struct engine *e, struct error *error)
{
	char folder[] = "/tmp/guestscope-trial-XXXXXX";
	char *argv[] = {(char *)e->program, "run", "--rm", "--network=none", "--rootfs", folder,
		"/guestscope-no-program", NULL};
	_cleanup_free_ char *words = NULL;
	struct error ignored = {0};
	int status = 0, r;

	if (e->default_socket || geteuid() != 0 || !mkdtemp(folder))
		return 0;
	r = ask(e, argv, QUERY_TIMEOUT_MS, &words, &status, error);
	(void)tree_remove(folder, &ignored);
	if (r < 0 || status == 0 || status == STATUS_NO_COMMAND)
		return r;
	return error_set(error, -EIO, "%s starts no container here: %.*s", e->title,
		(int)strcspn(words, "\r\n"), words);
}

int engine_import(const struct engine *e, const char *tar, const char *image, struct error *error)
{
	char *argv[] = {(char *)e->program, "import", (char *)tar, (char *)image,
		(char *)e->import_option, NULL};
	const struct spawn client = {.argv = argv, .outlives_us = true};
	_cleanup_free_ char *words = NULL;

	if (!engine_owns(e, image, true))
		return error_set(error, -EPERM, "%s is no image name of ours", image);
	return run_client(e, client, IMPORT_TIMEOUT_MS, &words, NULL, error);
}

/* Is it the client of an engine_import() that the collector did not live to see the end of? */
static bool imports(pid_t pid, const void *image)
{
	const char *wanted[] = {NULL, "import", NULL, image};
	char words[4096];
	ssize_t n = proc_read_arguments(pid, words, sizeof(words));
	const char *word = words;

	for (size_t k = 0; k < ARRAY_SIZE(wanted); k++, word += strlen(word) + 1)
		if (word >= words + n || (wanted[k] && strcmp(word, wanted[k]) != 0))
			return false;
	return true;
}

static void await_import(const char *image)
{
	const struct timespec pause = {.tv_nsec = LATE_PAUSE_MS * 1000000L};
	pid_t pid;

	for (int ms = 0; ms < IMPORT_TIMEOUT_MS; ms += LATE_PAUSE_MS) {
		if (proc_find(imports, image, &pid, 1) == 0)
			return;
		nanosleep(&pause, NULL);
	}
}

/* A line that is an identifier and nothing else: clients mix warnings into what they list. */
static bool names_something(const char *words)
{
	for (; *words; words += strcspn(words, "\r\n"), words += strspn(words, "\r\n")) {
		size_t n = strspn(words, "0123456789abcdef");

		if (n >= ID_MIN && n == strcspn(words, " \t\r\n"))
			return true;
	}
	return false;
}

/* Does a listing command, with --quiet, name anything? 1, 0 or negative errno. */
static int lists_something(const struct engine *e, char *const *argv, struct error *error)
{
	_cleanup_free_ char *words = NULL;
	int r;

	r = ask(e, argv, QUERY_TIMEOUT_MS, &words, NULL, error);
	if (r < 0)
		return r;
	return names_something(words);
}

int engine_has_image(const struct engine *e, const char *image, struct error *error)
{
	char *argv[] = {(char *)e->program, "images", "--quiet", (char *)image, NULL};

	return lists_something(e, argv, error);
}

/* @kill may be NULL; that it fails is no failure, as what it kills may not run. */
static int remove_thing(const struct engine *e, char *const *list, char *const *kill,
	char *const *remove, struct error *error)
{
	const struct timespec pause = {.tv_nsec = LATE_PAUSE_MS * 1000000L};
	bool seen = false;
	int status, there;

	for (unsigned look = 0;; look++) {
		_cleanup_free_ char *killed = NULL, *words = NULL;

		there = lists_something(e, list, error);
		if (there < 0)
			return there;
		if (!there && (seen || look >= LATE_LOOKS))
			return 0;
		if (there && look > LATE_LOOKS)
			return error_set(error, -EIO, "%s %s has no effect", remove[0], remove[1]);
		if (there) {
			int r;

			if (kill)
				(void)ask(e, kill, QUERY_TIMEOUT_MS, &killed, &status, NULL);
			r = ask(e, remove, REMOVE_TIMEOUT_MS, &words, &status, error);

			if (r < 0)
				return r;
			seen = true;
		} else {
			nanosleep(&pause, NULL);
		}
	}
}

int engine_remove_container(const struct engine *e, const char *name, struct error *error)
{
	char filter[128];
	char *list[] = {(char *)e->program, "ps", "--all", "--quiet", "--filter", filter, NULL};
	char *kill[] = {(char *)e->program, "kill", (char *)name, NULL};
	char *remove[] = {(char *)e->program, "rm", "--force", "--volumes", (char *)name, NULL};
	int r;

	if (!engine_owns(e, name, false) || strlen(name) > 64)
		return error_set(error, -EPERM, "%s is no container name of ours", name);
	snprintf(filter, sizeof(filter), "name=^/?%s$", name);
	r = remove_thing(e, list, e->kill_first ? kill : NULL, remove, error);
	if (r == 0 && e->remove_orphans)
		r = e->remove_orphans(name, error);
	return r;
}

int engine_remove_image(const struct engine *e, const char *image, struct error *error)
{
	char *list[] = {(char *)e->program, "images", "--quiet", (char *)image, NULL};
	char *remove[] = {(char *)e->program, "rmi", "--force", (char *)image, NULL};

	if (!engine_owns(e, image, true))
		return error_set(error, -EPERM, "%s is no image name of ours", image);
	await_import(image);
	return remove_thing(e, list, NULL, remove, error);
}

/* Who listens at the daemon's socket: with several daemons on a machine, only one is ours. */
static pid_t daemon_pid(const struct engine *e)
{
	const char *address = daemon_address(e);
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -EBADF;
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (!address)
		return 0;
	if (strncmp(address, "unix://", 7) == 0)
		address += 7;
	if (snprintf(where.sun_path, sizeof(where.sun_path), "%s", address) >=
		(int)sizeof(where.sun_path))
		return 0;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&where, sizeof(where)) < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return 0;
	return peer.pid;
}

struct wanted {
	const char *comm;
	pid_t parent; /* 0: any */
};

static bool is_wanted(pid_t pid, const void *userdata)
{
	const struct wanted *w = userdata;
	struct proc_stat s;

	return proc_read_stat(pid, &s) == 0 && strcmp(s.comm, w->comm) == 0 &&
	       (!w->parent || s.ppid == w->parent);
}

/* The daemons: the first by its socket if that tells, the next as its children or by their names.
 */
static size_t find_daemons(const struct engine *e, pid_t *ret, size_t max)
{
	pid_t first = daemon_pid(e);
	struct proc_stat s;
	size_t n = 0;

	for (size_t i = 0; e->daemons[i] && n < max; i++) {
		struct wanted w = {.comm = e->daemons[i]};
		size_t more = 0;

		if (i == 0 && first && proc_read_stat(first, &s) == 0 &&
			strcmp(s.comm, w.comm) == 0) {
			ret[n++] = first;
			continue;
		}
		if (i > 0 && n > 0) {
			w.parent = ret[0];
			more = proc_find(is_wanted, &w, ret + n, max - n);
			w.parent = 0;
		}
		n += more ? more : proc_find(is_wanted, &w, ret + n, max - n);
	}
	return n;
}

size_t engine_helpers(const struct engine *e, pid_t program, pid_t *ret, size_t max)
{
	size_t n = find_daemons(e, ret, max);
	struct proc_stat s, parent;

	if (program > 0 && n < max && proc_read_stat(program, &s) == 0 &&
		proc_read_stat(s.ppid, &parent) == 0 && strcmp(parent.comm, e->monitor) == 0)
		ret[n++] = s.ppid;
	return n;
}
