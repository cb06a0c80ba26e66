/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Docker and Podman: an image from the program alone, or one of the user's own, then `docker run` as a user would type it.
 *
 * The program's process is no descendant of the client's. It is recognised by the name of the file
 * that its exec carries, which therefore has to be one that no other process can have: every run
 * gets a scratch folder /guestscope-NONCE (a tmpfs, where the picture is written as well, like in
 * the other stacks), and the program is called as /guestscope-NONCE/../PROGRAM. Runtimes hand this
 * string to execve() unchanged.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/console.h"
#include "common/hash_index.h"
#include "common/proc.h"
#include "common/spawn.h"
#include "guests/containers/cgroup.h"
#include "guests/containers/engine.h"
#include "guests/containers/user_image.h"
#include "guests/exit_status.h"
#include "guests/guest.h"
#include "guests/guest_files.h"
#include "guests/guest_port.h"
#include "guests/guest_process.h"
#include "guests/images/image.h"
#include "guests/images/tarball.h"
#include "guests/keeper/keeper.h"
#include "guests/process/command.h"
#include "guests/stacks/container_command.h"

#define LAST_MOMENT_MS    5000
#define STATUS_NO_RUN     125 /* docker-run(1): the engine itself failed */
#define STATUS_NO_PROGRAM 127

struct container {
	const struct engine *engine;
	char *name;        /* of the container */
	char *name_entry;  /* as the keeper knows it */
	char *image;       /* its name, where we made it */
	char *image_entry; /* as the keeper knows it */
	char *cgroup;      /* once known */
	pid_t program;     /* its first process, once known */
	bool registered;   /* the container may exist and the keeper knows */
};

static const struct engine *engine_of(const struct guest *g)
{
	return engine_find(g->ops->name);
}

static int container_available_by(
	const char *name, const struct guest_spec *spec, struct error *error)
{
	_cleanup_(user_image_done) struct user_image image = {0};
	const struct engine *e = engine_find(name);
	int r;

	if (!spec->image && access(spec->program, R_OK) < 0)
		return error_set_errno(error, -errno, "program %s", spec->program);
	r = engine_available(e, error);
	return r < 0 || !spec->image ? r : user_image_read(e, spec->image, &image, error);
}

static int container_runs(const struct guest_spec *spec, struct error *error)
{
	return spec->image ? 0 : guest_files_found(spec, error);
}

static int docker_available(const struct guest_spec *spec, struct error *error)
{
	return container_available_by("docker", spec, error);
}

static int podman_available(const struct guest_spec *spec, struct error *error)
{
	return container_available_by("podman", spec, error);
}

static int podman_trial(struct error *error)
{
	return engine_trial(&engine_podman, error);
}

/*
 * The image is made once in an experiment, and goes with it: the keeper removes it. Its name comes
 * from the tar file's, which has the experiment's folder and the fingerprint of the content in it.
 */
static int make_image(struct guest *g, const char *tar, struct error *error)
{
	struct container *c = g->data;
	int r;

	if (asprintf(&c->image, "%s%016llx", c->engine->image_prefix,
		    (unsigned long long)hash_bytes(HASH_FIRST, tar, strlen(tar))) < 0 ||
		asprintf(&c->image_entry, "%s %s", c->engine->name, c->image) < 0)
		return error_set_errno(error, -ENOMEM, "%s", c->engine->name);
	r = engine_has_image(c->engine, c->image, error);
	if (r != 0)
		return r < 0 ? r : 0;
	r = keeper_add(g->spec.keeper, KEEPER_IMAGE, c->image_entry, error);
	if (r == 0)
		r = engine_import(c->engine, tar, c->image, error);
	return r;
}

static int list_files(
	const struct guest_spec *spec, struct image *ret, char **ret_program, struct error *error)
{
	static const struct guest_libraries libraries = {.add = tarball_add_needs};
	_cleanup_free_ char *place = guest_program_place(spec, "");
	int r = place ? tarball_add_folders(ret, error)
		      : error_set_errno(error, -ENOMEM, "container's image");

	if (r == 0)
		r = guest_add_program(spec, place, &libraries, true, ret, error);
	if (r == 0)
		*ret_program = TAKE_PTR(place);
	return r;
}

/* An image made here, of the program and what it needs. */
static int prepare_own_image(struct guest *g, struct error *error)
{
	_cleanup_free_ char *tar = NULL, *program = NULL;
	_cleanup_(image_clear) struct image files = {0};
	struct container *c = g->data;
	int r = list_files(&g->spec, &files, &program, error);

	if (r == 0)
		r = image_write_cached(
			&files, tarball_write, g->spec.work_dir, "container-", &tar, error);
	if (r == 0)
		r = guest_note_copies(g, &files, "image", "mount, read-only", error);
	if (r == 0)
		r = make_image(g, tar, error);
	if (r == 0)
		r = container_make_command(g,
			&(struct container_command){.engine = c->engine,
				.name = c->name,
				.image = c->image,
				.program = program},
			error);
	if (r < 0)
		return r;
	if (asprintf(&g->note, "image %s imported from %s (%zu entries)", c->image, tar, files.n) <
		0)
		g->note = NULL;
	return 0;
}

/* Where it is in the image. It is looked for by a container of the same name as the run's, which the
 * keeper knows. */
static int find_in_image(struct guest *g, const struct user_image *image, const char *called,
	char **ret, struct error *error)
{
	struct container *c = g->data;
	int r = keeper_add(g->spec.keeper, KEEPER_CONTAINER, c->name_entry, error);

	if (r == 0)
		r = user_image_find(c->engine, g->spec.image, image, called, c->name, ret, error);
	if (r == 0)
		keeper_remove(g->spec.keeper, KEEPER_CONTAINER, c->name_entry);
	return r;
}

/* What `docker run IMAGE ARGUMENTS` would execute: the entry point and, where there are no arguments,
 * the image's command; --program stands for --entrypoint. */
static int list_words(const struct guest_spec *spec, const struct user_image *image, char ***ret,
	struct error *error)
{
	struct strv v = {0};
	int r;

	if (spec->program)
		strv_add(&v, spec->program);
	else
		strv_add_all(&v, image->entry);
	if (!spec->program && !*spec->arguments)
		strv_add_all(&v, image->command);
	r = strv_take(&v, ret);
	return r < 0 ? error_set_errno(error, r, "image %s", spec->image) : 0;
}

/* An image without an entry point whose command is given behind "--": that is the program. */
static int take_first_argument(struct guest *g, char ***words, struct error *error)
{
	struct strv v = {0};
	int r;

	if (**words)
		return 0;
	if (!*g->spec.arguments)
		return error_set_user(error, -EINVAL,
			"image %s has neither an entry point nor a command: name a program with --program",
			g->spec.image);
	strv_add(&v, *g->spec.arguments++);
	strv_free(*words);
	*words = NULL;
	r = strv_take(&v, words);
	return r < 0 ? error_set_errno(error, r, "image %s", g->spec.image) : 0;
}

static int prepare_user_image(struct guest *g, struct error *error)
{
	_cleanup_(user_image_done) struct user_image image = {0};
	_cleanup_(strv_freep) char **words = NULL;
	_cleanup_free_ char *program = NULL;
	const struct image nothing = {0};
	struct container *c = g->data;
	int r = user_image_read(c->engine, g->spec.image, &image, error);

	if (r == 0)
		r = list_words(&g->spec, &image, &words, error);
	if (r == 0)
		r = take_first_argument(g, &words, error);
	if (r == 0)
		r = find_in_image(g, &image, words[0], &program, error);
	if (r == 0)
		r = guest_note_copies(g, &nothing, "image", "mount, read-only", error);
	if (r == 0)
		r = container_make_command(g,
			&(struct container_command){.engine = c->engine,
				.name = c->name,
				.image = g->spec.image,
				.program = program,
				.words = words + 1,
				.as_it_is = true},
			error);
	if (r < 0)
		return r;
	if (asprintf(&g->note, "image %s, %s", g->spec.image, image.id) < 0)
		g->note = NULL;
	g->identity = TAKE_PTR(image.id);
	return 0;
}

static int container_prepare(struct guest *g, struct error *error)
{
	struct container *c = calloc(1, sizeof(*c));

	if (!c)
		return error_set_errno(error, -ENOMEM, "%s", g->ops->name);
	g->data = c;
	c->engine = engine_of(g);
	if (asprintf(&c->name, "%s%s", c->engine->container_prefix, g->spec.nonce) < 0 ||
		asprintf(&c->name_entry, "%s %s", c->engine->name, c->name) < 0)
		return error_set_errno(error, -ENOMEM, "%s", g->ops->name);
	return g->spec.image ? prepare_user_image(g, error) : prepare_own_image(g, error);
}

static int container_start(struct guest *g, struct error *error)
{
	struct container *c = g->data;
	bool apart = c->engine->default_socket; /* the client's CPUs are not the program's */
	int r;

	r = keeper_add(g->spec.keeper, KEEPER_CONTAINER, c->name_entry, error);
	if (r < 0)
		return r;
	c->registered = true;
	return guest_spawn(
		g, apart ? g->spec.helper_cpus : NULL, apart ? g->spec.n_helper_cpus : 0, error);
}

/* Did the client see its container through to the end, so that --rm has removed it? */
static bool ended_well(const struct guest *g)
{
	return g->reaped && WIFEXITED(g->wait_status) &&
	       WEXITSTATUS(g->wait_status) != STATUS_NO_RUN;
}

static void container_stop(struct guest *g, bool orderly)
{
	struct container *c = g->data;
	bool gone;

	if (g->pid > 0)
		(void)guest_reap(g, orderly ? LAST_MOMENT_MS : 0);
	gone = g->pid <= 0 || ended_well(g);
	guest_kill(g); /* first the client, so that it starts no container after this */
	if (!c || !c->registered)
		return;
	if (gone || engine_remove_container(c->engine, c->name, NULL) == 0) {
		keeper_remove(g->spec.keeper, KEEPER_CONTAINER, c->name_entry);
		c->registered = false;
	}
}

/* A script's interpreter, and env(1) before it, have its name as a later argument. */
static bool is_program(pid_t pid, const void *path)
{
	char words[PATH_MAX];
	ssize_t n = proc_read_arguments(pid, words, sizeof(words));
	const char *p = words;

	for (int i = 0; i < 4 && p < words + n; i++, p += strlen(p) + 1)
		if (strcmp(p, path) == 0)
			return true;
	return false;
}

/* The container's first process, by the program's unique path; 0 if it is not there (yet, or any
 * more). */
static pid_t find_program(struct guest *g)
{
	struct container *c = g->data;

	if (c && g->program_path && (c->program <= 0 || !is_program(c->program, g->program_path)))
		if (proc_find(is_program, g->program_path, &c->program, 1) != 1)
			c->program = 0;
	return c ? c->program : 0;
}

/* The engine's own proxy takes connections before the server does. */
static int container_answers(struct guest *g, struct error *error)
{
	unsigned found = g->program > 0 ? guest_port_listeners(g->program, g->spec.port) : 0;

	if (!found)
		return 0;
	if (!(found & (LISTENER_ANY | LISTENER_OTHER)))
		return error_set(error, -EADDRNOTAVAIL,
			"the server listens at " GUEST_HOST
			" only, which in a container is its own: it has to listen at 0.0.0.0");
	if (!guest_port_listeners(getpid(), g->spec.host_port))
		return error_set(error, -EADDRNOTAVAIL,
			"%s has not published the server's port: its containers have no network",
			engine_of(g)->title);
	return 1;
}

/* The client hands the signal on. A container's first process is dead to it unless it handles it. */
static bool container_ask_end(struct guest *g)
{
	if (g->pid <= 0 || g->reaped || !proc_catches(g->program, SIGTERM))
		return false;
	return pidfd_send_signal(g->pidfd, SIGTERM, NULL, 0) == 0;
}

static size_t container_helpers(struct guest *g, pid_t *ret, size_t max)
{
	return engine_helpers(engine_of(g), find_program(g), ret, max);
}

static const char *container_cgroup(struct guest *g)
{
	struct container *c = g->data;
	pid_t program;

	if (!c || c->cgroup)
		return c ? c->cgroup : NULL;
	program = find_program(g);
	if (program > 0)
		(void)guest_cgroup_of_pid(program, "cpu", &c->cgroup, NULL);
	return c->cgroup;
}

/* Docker ends its complaints with hints at its own help, which say nothing of what is wrong. */
static bool is_hint(const char *line, size_t length)
{
	static const char *const hints[] = {"Run '", "See '", "Usage:", "\n"};

	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (length >= strlen(hints[i]) && memcmp(line, hints[i], strlen(hints[i])) == 0)
			return true;
	return false;
}

static size_t without_hints(const char *console, size_t length)
{
	while (length) {
		const char *end = memrchr(console, '\n', length - 1);
		size_t start = end ? (size_t)(end - console) + 1 : 0;

		if (!is_hint(console + start, length - start))
			break;
		length = start;
	}
	return length;
}

static int container_verdict(
	struct guest *g, const char *console, size_t length, struct error *error)
{
	struct container *c = g->data;
	char words[CONSOLE_WORDS_SIZE];
	int status;

	if (guest_reap(g, LAST_MOMENT_MS) < 0)
		return error_set(error, -EIO, "%s does not end", c->engine->program);
	status = WIFEXITED(g->wait_status) ? WEXITSTATUS(g->wait_status) : 0;
	if (status >= STATUS_NO_RUN && status <= STATUS_NO_PROGRAM) {
		console_last_words(words, console, without_hints(console, length));
		return error_set(error, -EIO, "%s could not run the program (status %d)%s",
			c->engine->title, status, words);
	}
	return exit_status_verdict(g, true, "the program in the container", console, length, error);
}

static void container_destroy(struct guest *g)
{
	struct container *c = g->data;

	if (!c)
		return;
	/* Without a keeper nobody else would: the image then serves this run only. */
	if (!g->spec.keeper && c->image)
		(void)engine_remove_image(c->engine, c->image, NULL);
	free(c->name);
	free(c->name_entry);
	free(c->image);
	free(c->image_entry);
	free(c->cgroup);
	free(c);
	g->data = NULL;
}

#define CONTAINER_OPS                                                                              \
	.lane_kind = LANES_WORKERS, .takes_image = true, .runs = container_runs,                   \
	.prepare = container_prepare, .network = NETWORK_FORWARDED, .answers = container_answers,  \
	.ask_end = container_ask_end, .start = container_start, .stop = container_stop,            \
	.helpers = container_helpers, .cgroup = container_cgroup, .verdict = container_verdict,    \
	.destroy = container_destroy

static const struct guest_boot docker_boot = {
	.steps = {BOOT_CLIENT, BOOT_DAEMON, BOOT_MONITOR, BOOT_RUNTIME_CREATE, BOOT_START_REQUEST,
		BOOT_RUNTIME_START, BOOT_PROGRAM},
	.n_steps = 7,
	.monitor = "containerd-shim",
};

static const struct guest_boot podman_boot = {
	.steps = {BOOT_CLIENT, BOOT_MONITOR, BOOT_RUNTIME_CREATE, BOOT_START_REQUEST,
		BOOT_RUNTIME_START, BOOT_PROGRAM},
	.n_steps = 6,
	.monitor = "conmon",
};

const struct guest_ops guest_docker = {
	.name = "docker",
	.boot = &docker_boot,
	.title = "a Docker container made of the program alone",
	.available = docker_available,
	CONTAINER_OPS,
};

const struct guest_ops guest_podman = {
	.name = "podman",
	.boot = &podman_boot,
	.title = "a Podman container made of the program alone",
	.available = podman_available,
	.trial = podman_trial,
	CONTAINER_OPS,
};
