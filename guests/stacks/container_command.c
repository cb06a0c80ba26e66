/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/stacks/container_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "guests/guest_port.h"
#include "guests/guest_program.h"
#include "guests/process/command.h"

static bool is_among(int cpu, const int *cpus, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (cpus[i] == cpu)
			return true;
	return false;
}

/* The container's CPUs as a set, and as a list in the order of lanes. */
static void add_cpus(struct strv *v, const struct guest_spec *spec)
{
	_cleanup_free_ char *variable = guest_pin_variable(spec);
	char list[4096] = "";
	size_t used = 0;

	for (unsigned i = 0; spec->lane_cpus && i < spec->lanes && used < sizeof(list); i++)
		if (!is_among(spec->lane_cpus[i], spec->lane_cpus, i))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%d",
				i ? "," : "", spec->lane_cpus[i]);
	if (used) {
		strv_add(v, "--cpuset-cpus");
		strv_add(v, list);
	}
	strv_add(v, "--env");
	strv_addf(v, "%s", variable ? variable : "");
	if (!variable)
		v->error = -ENOMEM;
}

/* A field of an option that is a line of CSV. */
static char *csv_field(const char *key, const char *value)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fprintf(f, "\"%s=", key);
	for (; *value; value++)
		fprintf(f, *value == '"' ? "\"\"" : "%c", *value);
	fputc('"', f);
	return fclose(f) == 0 ? TAKE_PTR(text) : NULL;
}

/* However large it is, nothing is copied. */
static void add_mount(struct strv *v, const struct guest_with *with)
{
	_cleanup_free_ char *source = csv_field("source", with->source);
	_cleanup_free_ char *target = csv_field("target", with->path);

	strv_add(v, "--mount");
	strv_addf(v, "type=bind,%s,%s,readonly", source ? source : "", target ? target : "");
	if (!source || !target)
		v->error = -ENOMEM;
}

static void add_network(struct strv *v, const struct guest_spec *spec)
{
	if (!spec->port) {
		strv_add(v, "--network");
		strv_add(v, "none");
		return;
	}
	strv_add(v, "--publish");
	strv_addf(v, GUEST_HOST ":%u:%u", spec->host_port, spec->port);
}

/* What an own program has around itself. */
static int add_surroundings(struct strv *v, const struct guest_spec *spec)
{
	_cleanup_(strv_freep) char **environment = NULL;
	int r = guest_program_environment(spec, &environment);

	for (size_t i = 0; r == 0 && environment[i]; i++) {
		strv_add(v, "--env");
		strv_add(v, environment[i]);
	}
	for (size_t i = 0; spec->own && i < spec->n_with; i++)
		add_mount(v, &spec->with[i]);
	if (spec->own && spec->cwd) {
		strv_add(v, "--workdir");
		strv_add(v, spec->cwd);
	}
	return r;
}

/* An image as it is has an entry point, which the program takes the place of; else the program is the
 * command. */
static void add_program(struct strv *v, const struct container_command *c, char *const *command)
{
	if (c->as_it_is) {
		strv_add(v, "--entrypoint");
		strv_add(v, command[0]);
	}
	strv_add(v, c->image);
	if (!c->as_it_is)
		strv_add(v, command[0]);
	strv_add_all(v, c->words);
	strv_add_all(v, command + 1);
}

int container_make_command(struct guest *g, const struct container_command *c, struct error *error)
{
	_cleanup_(strv_clear) struct strv v = {0};
	_cleanup_(strv_freep) char **command = NULL;
	char scratch[64], picture[96];
	int r;

	snprintf(scratch, sizeof(scratch), "/guestscope-%s", g->spec.nonce);
	snprintf(picture, sizeof(picture), "%s/mandelbrot.png", scratch);
	if (asprintf(&g->program_path, "%s/..%s", scratch, c->program) < 0) {
		g->program_path = NULL;
		return error_set_errno(error, -ENOMEM, "%s", c->engine->name);
	}
	r = guest_program_argv(&g->spec, g->program_path, picture, &command);
	if (r < 0)
		return error_set_errno(error, r, "%s", c->engine->name);
	strv_add(&v, c->engine->program);
	strv_add(&v, "run");
	strv_add(&v, "--rm");
	strv_add(&v, "--name");
	strv_add(&v, c->name);
	add_network(&v, &g->spec);
	add_cpus(&v, &g->spec);
	strv_add(&v, "--tmpfs");
	strv_add(&v, scratch);
	r = add_surroundings(&v, &g->spec);
	if (r < 0)
		return error_set_errno(error, r, "%s", c->engine->name);
	strv_add(&v, "--pull");
	strv_add(&v, "never");
	strv_add_all(&v, g->spec.runtime_args);
	add_program(&v, c, command);
	r = strv_take(&v, &g->argv);
	return r < 0 ? error_set_errno(error, r, "%s", c->engine->name) : 0;
}
