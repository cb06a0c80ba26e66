/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "collector/machine/environment.h"
#include "collector/machine/machine.h"
#include "common/cleanup.h"

struct context {
	const json_t *facts;
	const struct topology *topology;   /* may be NULL */
	const struct placement *placement; /* may be NULL */
	machine_warn_t warn;
	void *userdata;
};

static void say(const struct context *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct context *c, const char *format, ...)
{
	char sentence[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(sentence, sizeof(sentence), format, ap);
	va_end(ap);
	c->warn(sentence, c->userdata);
}

static const char *text(const struct context *c, const char *key)
{
	return json_string_value(json_object_get(c->facts, key));
}

static void warn_governor(const struct context *c)
{
	const json_t *governors = json_object_get(c->facts, "governor");
	const json_t *item;
	size_t i;

	json_array_foreach (governors, i, item) {
		const char *name = json_string_value(item);

		if (name && strcmp(name, "performance") != 0)
			say(c,
				"The CPU frequency governor is '%s', not 'performance': the clock "
				"speed may differ from run to run.",
				name);
	}
}

static void warn_boost(const struct context *c)
{
	if (json_is_true(json_object_get(c->facts, "boost")))
		say(c, "Turbo boost is on: the clock speed depends on heat and on how many cores "
		       "are busy.");
}

static void warn_smt(const struct context *c)
{
	if (c->placement && c->placement->smt_lanes > 0)
		say(c,
			"%u of %u lanes share a core with another lane (SMT): they compete for its "
			"execution units.",
			c->placement->smt_lanes, c->placement->lanes);
}

static void warn_no_helpers(const struct context *c)
{
	const struct topology_counts *n = c->topology ? topology_counts(c->topology) : NULL;

	if (n && n->pus_allowed < n->pus)
		say(c,
			"Lanes take all %u CPUs that may be used here (of %u): helper threads run "
			"on the same CPUs.",
			n->pus_allowed, n->pus);
	else
		say(c, "All CPUs are taken by lanes: helper threads and everything else on the "
		       "machine run on the same CPUs.");
}

static void warn_pinning(const struct context *c)
{
	if (c->placement && !c->placement->lane_cpus)
		say(c, "Lanes are not pinned: migrations between CPUs are part of what was "
		       "measured.");
	else if (c->placement && c->placement->n_helper_cpus == 0)
		warn_no_helpers(c);
}

static void warn_sharing(const struct context *c)
{
	if (c->placement && c->placement->sharing_lanes > 0)
		say(c,
			"%u of %u lanes share their CPU with another lane (--overcommit): they "
			"preempt each other, which no machine with enough CPUs would show.",
			c->placement->sharing_lanes, c->placement->lanes);
}

static bool some_but_not_all(unsigned n, const struct context *c)
{
	return n > 0 && n < c->placement->lanes;
}

static void warn_mixture(const struct context *c)
{
	if (!c->placement)
		return;
	if (some_but_not_all(c->placement->isolated_lanes, c))
		say(c,
			"%u of %u lanes are on isolated CPUs, the others on ordinary ones: lanes "
			"are not alike. Choose equal ones with --pin and a list of CPUs.",
			c->placement->isolated_lanes, c->placement->lanes);
	if (some_but_not_all(c->placement->tickless_lanes, c))
		say(c,
			"%u of %u lanes are on CPUs without a tick (nohz_full), where system calls "
			"cost more and interrupts less: lanes are not alike. Choose equal ones "
			"with --pin and a list of CPUs.",
			c->placement->tickless_lanes, c->placement->lanes);
}

static void warn_clocksource(const struct context *c)
{
	const char *source = text(c, "clocksource");

	if (source && strcmp(source, "tsc") != 0)
		say(c,
			"The clock source is '%s', not 'tsc': reading the time is slow, and the "
			"books are dearer and less tight.",
			source);
}

static void warn_hypervisor(const struct context *c)
{
	if (json_is_true(json_object_get(c->facts, "hypervisor")))
		say(c, "This machine is itself virtual: another machine's load can show up in the "
		       "results, and not all of it is seen as steal time.");
}

static void warn_swap(const struct context *c)
{
	json_int_t used = json_integer_value(json_object_get(c->facts, "swap_used_bytes"));

	if (used > 0)
		say(c, "Swap is in use (%" JSON_INTEGER_FORMAT " MB).", used / 1000000);
}

static void warn_kinds(const struct context *c)
{
	if (c->topology && topology_counts(c->topology)->core_kinds > 1)
		say(c, "The machine's cores are of different kinds: lanes on them are not alike. "
		       "Choose equal ones with --pin and a list of CPUs.");
}

static void say_variable(const char *variable, void *userdata)
{
	say(userdata,
		"The environment has %.300s: native programs and QEMU inherit it, containers and "
		"guests do not.",
		variable);
}

static void warn_environment(const struct context *c)
{
	environment_inherited(say_variable, (void *)(uintptr_t)c);
}

/* The last is shown first. */
static void (*const checks[])(const struct context *c) = {
	warn_hypervisor,
	warn_clocksource,
	warn_governor,
	warn_boost,
	warn_kinds,
	warn_smt,
	warn_mixture,
	warn_pinning,
	warn_swap,
	warn_environment,
	warn_sharing,
};

void machine_warnings(const json_t *facts, const struct topology *t,
	const struct placement *placement, machine_warn_t warn, void *userdata)
{
	const struct context c = {
		.facts = facts,
		.topology = t,
		.placement = placement,
		.warn = warn,
		.userdata = userdata,
	};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		checks[i](&c);
}
