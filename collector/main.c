/* SPDX-License-Identifier: GPL-2.0-or-later */

/* collector: measures where the time of a parallel program goes in a virtualised stack. */

#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/doctor/doctor.h"
#include "collector/experiment/experiment.h"
#include "collector/list.h"
#include "collector/machine/environment.h"
#include "collector/machine/rights.h"
#include "collector/machine/topology.h"
#include "collector/options/option_table.h"
#include "common/cleanup.h"
#include "common/shell_words.h"
#include "common/stream.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

static void catch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = on_signal};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

/* libbpf explains itself at length; the user gets one line of ours. GUESTSCOPE_DEBUG shows it all.
 */
static int on_libbpf(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level;
	return getenv("GUESTSCOPE_DEBUG") ? vfprintf(stderr, format, ap) : 0;
}

static int dispatch(
	struct options *o, char **argv, struct experiment_next *ret_next, struct error *error)
{
	struct topology *topology = NULL;
	int r;

	switch (o->action) {
	case ACTION_LIST_GUESTS:
		return list_guests(o, stdout, error);
	case ACTION_LIST_COUNTERS:
		return list_counters(stdout, error);
	case ACTION_LIST_SCENARIOS:
		list_scenarios(stdout);
		return 0;
	case ACTION_PRINT_OPTIONS:
		return options_print(stdout);
	case ACTION_DOCTOR:
		return doctor_print(stdout, o->json, error);
	default:
		break;
	}
	r = o->topology ? topology_load_synthetic(o->topology, NULL, &topology, error)
			: topology_load(&topology, error);
	if (r < 0)
		return r;
	if (o->action == ACTION_DRY_RUN)
		r = experiment_dry_run(o, topology, error);
	else
		r = experiment_measure(o, topology, argv, &interrupted, ret_next, error);
	topology_free(topology);
	return r;
}

/* The last line, after what went wrong: it is what the user needs next. */
static void say_how_to_continue(const struct experiment_next *next)
{
	fflush(stdout);
	fprintf(stderr, "collector: continue with: %s ", next->program);
	shell_word(stderr, next->folder);
	fputc('\n', stderr);
}

static int end(int r, const struct error *error)
{
	if (r >= 0)
		return r;
	if (ferror(stdout))
		return interrupted ? EXIT_INTERRUPTED : 0; /* of 0 streams_guard() makes another */
	fprintf(stderr, "collector: %s\n", error_text(error, r));
	if (interrupted)
		return EXIT_INTERRUPTED;
	return error->user ? EXIT_USAGE : EXIT_MISSING;
}

int main(int argc, char **argv)
{
	struct experiment_next next = {NULL};
	struct error error = {0};
	struct options options;
	int r;

	streams_guard("collector", EXIT_MISSING);
	environment_drop();
	libbpf_set_print(on_libbpf);
	rights_keep();
	catch_signals();
	r = options_parse(argc, argv, &options, &error);
	if (r == 0)
		r = dispatch(&options, argv, &next, &error);
	options_done(&options);
	r = end(r, &error);
	if (next.folder)
		say_how_to_continue(&next);
	free(next.folder);
	return r;
}
