/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/noise-options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/cleanup.h"
#include "workload/runtime.h"

#define SECONDS_MAX 3600
#define QUANTA_MAX  100000000

static const struct noise_kernel *const tables[] = {noise_quanta_kernels, noise_system_kernels};

static const struct noise_kernel *find_kernel(const char *name)
{
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct noise_kernel *k = tables[t]; k->name; k++)
			if (strcmp(k->name, name) == 0)
				return k;
	return NULL;
}

static int set_kernel(const struct flag *o, const char *value, void *field, struct error *error)
{
	const struct noise_kernel *found = find_kernel(value);
	char names[256] = "";
	size_t used = 0;

	if (found) {
		*(const struct noise_kernel **)field = found;
		return 0;
	}
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct noise_kernel *k = tables[t]; k->name && used < sizeof(names); k++)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
				used ? ", " : "", k->name);
	return error_set_user(error, -EINVAL, "-%s: there is no kernel '%s'%s; there are %s",
		o->name, value, noise_system_lack, names);
}

#define FIELD(f) offsetof(struct noise_options, f)

static const struct flag rows[] = {
	{"kernel", "NAME", set_kernel, FIELD(kernel), 0, 0,
		"what to measure (fwq); noise -help lists them below"},
	{"cores", "N", flag_count, FIELD(cores), 1, RUNTIME_WORKERS_MAX,
		"workers (default: all processors that the program may use)"},
	{"seconds", "X", flag_real, FIELD(seconds), 0.001, SECONDS_MAX, "how long it measures (5)"},
	{"quantum", "US", flag_real, FIELD(quantum_us), 1, 1e6,
		"fwq, ftq, timer: length of a quantum in microseconds (1000)"},
	{"quanta", "N", flag_integer, FIELD(quanta), 1, QUANTA_MAX,
		"fwq, ftq: quanta on each worker (default: what fits into -seconds)"},
	{"threshold", "US", flag_real, FIELD(threshold_us), 0.001, 1e6,
		"detour: the shortest gap that counts, in microseconds (default: measured)"},
	{"records", "N", flag_integer, FIELD(records), 0, DETOURS_KEPT_MAX,
		"detour: how many are reported one by one, the longest of each worker (16384)"},
	{"pin", "MODE", flag_pin, FIELD(pin), 0, 0,
		"cores (default): bind each worker to a processor; none: do not; 4,0,2-3: to "
		"these"},
	{"markers", NULL, flag_switch, FIELD(markers), 0, 0,
		"report phases, workers and distributions as marker lines on standard output"},
	{"rows", NULL, flag_switch, FIELD(rows), 0, 0, NULL},
	{"file", "FILE", flag_text, FIELD(file), 0, 0, NULL},
	{"help", NULL, flag_help, FIELD(action), 0, 0, "show this help"},
	{"h", NULL, flag_help, FIELD(action), 0, 0, NULL},
	{"version", NULL, flag_version, FIELD(action), 0, 0, "show the version"},
};

static const struct flag_table table = {"noise", rows, ARRAY_SIZE(rows)};

/* Options that not all kernels use, and where a kernel says that it does. */
static const struct {
	const char *option;
	size_t used; /* of struct noise_kernel, a bool */
} special[] = {
	{"quantum", offsetof(struct noise_kernel, quantum)},
	{"quanta", offsetof(struct noise_kernel, quanta)},
	{"threshold", offsetof(struct noise_kernel, detours)},
	{"records", offsetof(struct noise_kernel, detours)},
};

static bool uses(const struct noise_kernel *k, size_t i)
{
	return *(const bool *)((const char *)k + special[i].used);
}

/* "fwq, ftq and timer" */
static void name_users(size_t i, char *ret, size_t size)
{
	const char *last = NULL, *between = "";
	size_t used = 0;

	*ret = 0;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct noise_kernel *k = tables[t]; k->name && used < size; k++) {
			if (!uses(k, i))
				continue;
			if (last)
				used += (size_t)snprintf(
					ret + used, size - used, "%s%s", between, last);
			between = last ? ", " : "";
			last = k->name;
		}
	if (last && used < size)
		snprintf(ret + used, size - used, "%s%s", used ? " and " : "", last);
}

/* Is @argument an option that the kernel would not heed? */
static int check_heeded(const struct noise_options *o, const char *argument, struct error *error)
{
	const char *name = argument;
	char users[128];
	size_t n;

	while (*name == '-')
		name++;
	n = strcspn(name, "=");
	for (size_t i = 0; i < ARRAY_SIZE(special); i++) {
		if (*argument != '-' || strlen(special[i].option) != n ||
			strncmp(name, special[i].option, n) != 0 || uses(o->kernel, i))
			continue;
		name_users(i, users, sizeof(users));
		return error_set_user(error, -EINVAL, "-%s is not for the kernel %s: it is for %s",
			special[i].option, o->kernel->name, users);
	}
	return 0;
}

int noise_options_parse(int argc, char **argv, struct noise_options *ret, struct error *error)
{
	int r;

	*ret = (struct noise_options){
		.kernel = &noise_quanta_kernels[0],
		.seconds = 5,
		.quantum_us = 1000,
		.records = 16384,
		.pin = "cores",
	};
	r = flags_parse(&table, argc, argv, ret, &ret->action, error);
	for (int i = 1; i < argc && r == 0 && ret->action == ACTION_RUN; i++)
		r = check_heeded(ret, argv[i], error);
	if (r == 0 && ret->quanta == 0)
		ret->quanta = (int64_t)(ret->seconds * 1e6 / ret->quantum_us);
	if (r == 0 && (ret->quanta < 1 || ret->quanta > QUANTA_MAX))
		r = error_set_user(error, -ERANGE,
			"-seconds %g of quanta of %g us are not between 1 and %d quanta",
			ret->seconds, ret->quantum_us, QUANTA_MAX);
	if (r < 0)
		ret->markers |= flags_ask_for_markers(argc, argv);
	return r;
}

void noise_options_help(FILE *to)
{
	fputs("Usage: noise [OPTION]...\n"
	      "Measure how evenly this system lets a program run, as distributions of times.\n\n",
		to);
	flags_help(&table, to);
	fputs("Kernels:\n", to);
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct noise_kernel *k = tables[t]; k->name; k++)
			fprintf(to, "  %-10s %s\n", k->name, k->title);
	fputs("Exit status: 0 done, 1 it failed (memory, threads), 2 wrong usage.\n", to);
}
