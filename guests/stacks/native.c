/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program as it is: the floor for every other stack.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file_kind.h"
#include "common/spawn.h"
#include "guests/exit_status.h"
#include "guests/guest.h"
#include "guests/guest_files.h"
#include "guests/guest_port.h"
#include "guests/guest_process.h"
#include "guests/guest_program.h"
#include "guests/process/command.h"

#define LAST_MOMENT_MS 2000

struct native {
	char *picture; /* what the program writes; in vain, but the paper's run time includes it */
};

static int native_available(const struct guest_spec *spec, struct error *error)
{
	int r = file_check(spec->program, error);

	if (r == 0 && access(spec->program, X_OK) < 0)
		return error_set(error, -EACCES, "%s cannot be executed", spec->program);
	return r;
}

/* A program that knows the variable binds its workers as planned from their first instant. */
static int make_environment(struct guest *g, struct error *error)
{
	_cleanup_(strv_freep) char **environment = NULL;
	_cleanup_free_ char *cpus = guest_pin_variable(&g->spec);
	_cleanup_(strv_clear) struct strv v = {.error = cpus ? 0 : -ENOMEM};
	int r = guest_program_environment(&g->spec, &environment);

	if (r == 0 && cpus)
		strv_add(&v, cpus);
	strv_add_all(&v, environment);
	if (r == 0)
		r = strv_take(&v, &g->variables);
	return r < 0 ? error_set_errno(error, r, "native") : 0;
}

static int native_prepare(struct guest *g, struct error *error)
{
	_cleanup_free_ struct native *n = calloc(1, sizeof(*n));
	int r = -ENOMEM;

	if (!n ||
		asprintf(&n->picture, "%s/mandelbrot-%s.png", g->spec.work_dir, g->spec.nonce) < 0)
		return error_set_errno(error, r, "native");
	r = guest_program_argv(&g->spec, g->spec.program, n->picture, &g->argv);
	if (r < 0) {
		free(n->picture);
		return error_set_errno(error, r, "native");
	}
	g->data = TAKE_PTR(n);
	return make_environment(g, error);
}

/* The dynamic linker has its own ways by this variable: then it is asked, and not looked for. */
static bool names_libraries(const struct guest_spec *spec)
{
	static const char name[] = "LD_LIBRARY_PATH=";

	for (char *const *v = spec->environment; v && *v; v++)
		if (strncmp(*v, name, strlen(name)) == 0)
			return true;
	return getenv("LD_LIBRARY_PATH");
}

/* What is no ELF file for this processor may well run here. */
static int native_runs(const struct guest_spec *spec, struct error *error)
{
	struct stat st;
	int r;

	if (spec->cwd && (stat(spec->cwd, &st) < 0 || !S_ISDIR(st.st_mode)))
		return error_set(
			error, -ENOENT, "there is no folder %s on this machine (--cwd)", spec->cwd);
	r = names_libraries(spec) ? 0 : guest_files_found(spec, error);
	return r == -ENOENT ? r : 0;
}

static int native_start(struct guest *g, struct error *error)
{
	if (g->spec.own && g->spec.cwd) {
		g->folder_fd = open(g->spec.cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (g->folder_fd < 0)
			return error_set_errno(error, -errno, "cannot enter %s", g->spec.cwd);
	}
	return guest_spawn(g, g->spec.lane_cpus, g->spec.lane_cpus ? g->spec.lanes : 0, error);
}

static int native_answers(struct guest *g, struct error *error)
{
	unsigned found = guest_port_listeners(g->pid, g->spec.port);

	if (found & (LISTENER_ANY | LISTENER_LOOPBACK))
		return 1;
	return found ? error_set(error, -EADDRNOTAVAIL,
			       "the server listens at port %u, but not at " GUEST_HOST,
			       g->spec.port)
		     : 0;
}

static bool native_ask_end(struct guest *g)
{
	return g->pid > 0 && !g->reaped && pidfd_send_signal(g->pidfd, SIGTERM, NULL, 0) == 0;
}

static void native_stop(struct guest *g, bool orderly)
{
	struct native *n = g->data;

	if (!orderly || guest_reap(g, LAST_MOMENT_MS) < 0)
		guest_kill(g);
	if (n && n->picture)
		(void)unlink(n->picture); /* may never have been written */
}

static int native_verdict(struct guest *g, const char *console, size_t length, struct error *error)
{
	if (guest_reap(g, LAST_MOMENT_MS) < 0)
		return error_set(error, -EIO, "the program does not end");
	return exit_status_verdict(g, false, "the program", console, length, error);
}

static void native_destroy(struct guest *g)
{
	struct native *n = g->data;

	if (n)
		free(n->picture);
	free(n);
	g->data = NULL;
}

static const struct guest_boot native_boot = {
	.steps = {BOOT_PROCESS_START, BOOT_PROGRAM},
	.n_steps = 2,
};

const struct guest_ops guest_native = {
	.name = "native",
	.title = "the program as it is, on this host",
	.lane_kind = LANES_WORKERS,
	.boot = &native_boot,
	.available = native_available,
	.runs = native_runs,
	.prepare = native_prepare,
	.start = native_start,
	.network = NETWORK_HOST,
	.answers = native_answers,
	.ask_end = native_ask_end,
	.stop = native_stop,
	.verdict = native_verdict,
	.destroy = native_destroy,
};
