/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One guest through its whole life, for the system tests and for trying a stack by hand:
 *
 *	run_guest [options] GUEST PROGRAM [ARGUMENT...]
 *
 *	--cores N  --kernel FILE  --disk FILE  --work DIR  --accel MODE  --memory BYTES  --timeout
 *SECONDS
 *	--machine TYPE  --with FILE:PATH  --env NAME=VALUE  --cwd DIR (these three: of an own program)
 *	--pin CPU,CPU,...  --helpers CPU,...  --plan (print the command line and stop)  --check
 *(available() only)
 *
 * The guest's console goes to standard output, everything else to standard error. Exit status: 0
 *the guest ended well, 1 it failed (the reason is printed), 2 usage, 3 something is missing.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "guests/guest.h"
#include "guests/stacks/stacks.h"

#define CPUS_MAX  64
#define WORDS_MAX 16

struct console {
	char *text;
	size_t used, room;
};

static struct guest_with with[WORDS_MAX];
static char *environment[WORDS_MAX + 1];

/* What makes a program the user's own. */
static bool take_own(struct guest_spec *spec, int option, char *value)
{
	static size_t n_variables;
	char *colon = strchr(value, ':');

	if (option == 'W' && colon && spec->n_with < WORDS_MAX) {
		*colon = '\0';
		with[spec->n_with++] = (struct guest_with){value, colon + 1};
		spec->with = with;
	} else if (option == 'e' && n_variables < WORDS_MAX) {
		environment[n_variables++] = value;
	} else if (option == 'C') {
		spec->cwd = value;
	} else {
		return false;
	}
	spec->own = true;
	spec->environment = environment;
	return true;
}

static enum machine machine_from(const char *name)
{
	return strcmp(name, "q35") == 0       ? MACHINE_Q35
	       : strcmp(name, "microvm") == 0 ? MACHINE_MICROVM
					      : MACHINE_PC;
}

static size_t parse_cpus(char *text, int *ret)
{
	size_t n = 0;
	char *rest;

	for (char *p = strtok_r(text, ",", &rest); p && n < CPUS_MAX;
		p = strtok_r(NULL, ",", &rest))
		ret[n++] = atoi(p);
	return n;
}

/* Any name but auto is taken as it is, without asking whether it can work. */
static enum accel accel_from(const char *name)
{
	enum accel chosen = ACCEL_TCG;
	const char *reason = "";

	if (strcmp(name, "auto") != 0)
		return strcmp(name, "kvm") == 0 ? ACCEL_KVM : ACCEL_TCG;
	if (accel_resolve(ACCEL_AUTO, &chosen, &reason, NULL) < 0)
		return ACCEL_TCG;
	fprintf(stderr, "auto: %s: %s\n", accel_name(chosen), reason);
	return chosen;
}

/* Read what is there; 0 at the end of the output. */
static int drain(struct guest *g, struct console *c)
{
	for (;;) {
		ssize_t n;

		if (c->room - c->used < 65536) {
			c->room = c->room * 2 + 65536;
			c->text = realloc(c->text, c->room);
			if (!c->text)
				abort();
		}
		n = read(g->console_fd, c->text + c->used, c->room - c->used);
		if (n < 0 && errno == EAGAIN)
			return 1;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		if (write(STDOUT_FILENO, c->text + c->used, (size_t)n) < 0)
			return 0;
		c->used += (size_t)n;
	}
}

static void show_lanes(struct guest *g, int64_t start, bool *done)
{
	struct guest_lane lanes[CPUS_MAX];
	struct error error = {0};
	int n = g->ops->lanes ? g->ops->lanes(g, lanes, CPUS_MAX, &error) : 0;

	if (n == -EAGAIN)
		return;
	*done = true;
	if (n < 0)
		fprintf(stderr, "lanes: %s\n", error.text);
	for (int i = 0; i < n; i++)
		fprintf(stderr, "lane %u: thread %d at %lld ms\n", lanes[i].lane, (int)lanes[i].tid,
			(long long)(clock_ms() - start));
}

/* 0 at the end of the console, -ETIMEDOUT. */
static int watch(struct guest *g, struct console *c, int timeout_s)
{
	int64_t start = clock_ms();
	bool lanes_done = false;

	for (;;) {
		struct pollfd p = {.fd = g->console_fd, .events = POLLIN};

		if (clock_ms() - start > (int64_t)timeout_s * 1000)
			return -ETIMEDOUT;
		if (!lanes_done)
			show_lanes(g, start, &lanes_done);
		poll(&p, 1, lanes_done ? 100 : 5);
		if (drain(g, c) == 0)
			break;
	}
	fprintf(stderr, "console ended after %lld ms\n", (long long)(clock_ms() - start));
	return 0;
}

static int live(struct guest *g, bool plan, int timeout_s, struct error *error)
{
	struct console c = {0};
	int r = g->ops->prepare(g, error);

	if (r < 0)
		return r;
	for (size_t i = 0; g->argv[i]; i++)
		fprintf(stderr, "%s%s", i ? " " : "", g->argv[i]);
	fprintf(stderr, "\nnote: %s\n", g->note ? g->note : "");
	if (plan)
		return 0;
	r = g->ops->start(g, error);
	if (r < 0)
		return r;
	fprintf(stderr, "pid %d\n", (int)g->pid);
	r = guest_release(g);
	if (r < 0)
		return error_set_errno(error, r, "release");
	r = watch(g, &c, timeout_s);
	if (r < 0)
		error_set_errno(error, r, "guest");
	else if (g->ops->verdict)
		r = g->ops->verdict(g, c.text, c.used, error);
	g->ops->stop(g, true);
	free(c.text);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"cores", 1, NULL, 'c'}, {"kernel", 1, NULL, 'k'},
		{"disk", 1, NULL, 'd'}, {"work", 1, NULL, 'w'}, {"accel", 1, NULL, 'a'},
		{"memory", 1, NULL, 'm'}, {"timeout", 1, NULL, 't'}, {"pin", 1, NULL, 'p'},
		{"helpers", 1, NULL, 'h'}, {"plan", 0, NULL, 'n'}, {"check", 0, NULL, 'x'},
		{"machine", 1, NULL, 'M'}, {"with", 1, NULL, 'W'}, {"env", 1, NULL, 'e'},
		{"cwd", 1, NULL, 'C'}, {NULL, 0, NULL, 0}};
	struct guest_spec spec = {.lanes = 2, .accel = ACCEL_TCG, .memory_bytes = 16 << 20};
	int lane_cpus[CPUS_MAX], helper_cpus[CPUS_MAX], timeout_s = 60, o, r;
	const struct guest_ops *ops;
	bool plan = false, check = false;
	struct error error = {0};
	struct guest *g = NULL;
	char nonce[20];

	while ((o = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (o == 'c')
			spec.lanes = (unsigned)atoi(optarg);
		else if (o == 'k')
			spec.kernel = optarg;
		else if (o == 'd')
			spec.disk = optarg;
		else if (o == 'w')
			spec.work_dir = optarg;
		else if (o == 'a')
			spec.accel = accel_from(optarg);
		else if (o == 'm')
			spec.memory_bytes = strtoull(optarg, NULL, 10);
		else if (o == 't')
			timeout_s = atoi(optarg);
		else if (o == 'p' && parse_cpus(optarg, lane_cpus) > 0)
			spec.lane_cpus = lane_cpus;
		else if (o == 'h' && (spec.n_helper_cpus = parse_cpus(optarg, helper_cpus)) > 0)
			spec.helper_cpus = helper_cpus;
		else if (o == 'n')
			plan = true;
		else if (o == 'x')
			check = true;
		else if (o == 'M')
			spec.machine = machine_from(optarg);
		else if (!take_own(&spec, o, optarg))
			return 2;
	}
	if (argc - optind < 2 || !spec.work_dir) {
		fprintf(stderr,
			"usage: run_guest --work DIR [options] GUEST PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	ops = guest_find(argv[optind]);
	if (!ops) {
		fprintf(stderr, "unknown guest %s\n", argv[optind]);
		return 2;
	}
	spec.program = argv[optind + 1];
	spec.arguments = argv + optind + 2;
	snprintf(nonce, sizeof(nonce), "%08x", (unsigned)getpid());
	spec.nonce = nonce;
	r = ops->available(&spec, &error);
	if (r < 0) {
		fprintf(stderr, "not available: %s\n", error.text);
		return 3;
	}
	if (check)
		return 0;
	if (guest_new(ops, &spec, &g) < 0)
		return 1;
	r = live(g, plan, timeout_s, &error);
	guest_free(g);
	if (r < 0)
		fprintf(stderr, "failed: %s\n", error.text);
	return r < 0 ? (error.user ? 2 : 1) : 0;
}
