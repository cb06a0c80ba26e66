/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/kernels-options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/cleanup.h"

static int set_kernel(const struct flag *o, const char *value, void *field, struct error *error)
{
	char names[128] = "";
	size_t used = 0;

	for (const struct kernel *const *k = kernel_table; *k; k++) {
		if (strcmp((*k)->name, value) == 0) {
			*(const struct kernel **)field = *k;
			return 0;
		}
		used += (size_t)snprintf(
			names + used, sizeof(names) - used, "%s%s", used ? ", " : "", (*k)->name);
	}
	return error_set_user(error, -EINVAL, "-%s: there is no kernel '%s'; there are %s", o->name,
		value, names);
}

static int set_class(const struct flag *o, const char *value, void *field, struct error *error)
{
	for (int i = 0; i < KERNEL_CLASSES; i++)
		if (strcmp(value, kernel_class_names[i]) == 0) {
			*(enum kernel_class *)field = (enum kernel_class)i;
			return 0;
		}
	return error_set_user(error, -EINVAL, "-%s: there is no class '%s'; there are S, W and A",
		o->name, value);
}

#define FIELD(f) offsetof(struct kernels_options, f)

static const struct flag rows[] = {
	{"kernel", "NAME", set_kernel, FIELD(kernel), 0, 0,
		"what to compute (ep); kernels -help lists them below"},
	{"class", "NAME", set_class, FIELD(class), 0, 0,
		"how much of it: S (default; small), W (workstation), A"},
	{"cores", "N", flag_count, FIELD(cores), 1, RUNTIME_WORKERS_MAX,
		"workers (default: all processors that the program may use)"},
	{"schedule", "POLICY", flag_schedule, FIELD(schedule), 0, 0,
		"goroutine (default), thread, static, dynamic"},
	{"pin", "MODE", flag_pin, FIELD(pin), 0, 0,
		"cores (default): bind each worker to a processor; none: do not; 4,0,2-3: to "
		"these"},
	{"markers", NULL, flag_switch, FIELD(markers), 0, 0,
		"report phases, workers and results as marker lines on standard output"},
	{"rows", NULL, flag_switch, FIELD(rows), 0, 0, NULL},
	{"file", "FILE", flag_text, FIELD(file), 0, 0, NULL},
	{"help", NULL, flag_help, FIELD(action), 0, 0, "show this help"},
	{"h", NULL, flag_help, FIELD(action), 0, 0, NULL},
	{"version", NULL, flag_version, FIELD(action), 0, 0, "show the version"},
};

static const struct flag_table table = {"kernels", rows, ARRAY_SIZE(rows)};

int kernels_options_parse(int argc, char **argv, struct kernels_options *ret, struct error *error)
{
	int r;

	*ret = (struct kernels_options){
		.kernel = kernel_table[0],
		.class = CLASS_S,
		.schedule = schedule_find("goroutine"),
		.pin = "cores",
	};
	r = flags_parse(&table, argc, argv, ret, &ret->action, error);
	if (r < 0)
		ret->markers |= flags_ask_for_markers(argc, argv);
	return r;
}

void kernels_options_help(FILE *to)
{
	fputs("Usage: kernels [OPTION]...\n"
	      "Compute something well known, in parallel, and check the result.\n\n",
		to);
	flags_help(&table, to);
	fputs("Kernels, in classes S, W, A:\n", to);
	for (const struct kernel *const *k = kernel_table; *k; k++)
		fprintf(to, "  %-10s %s\n", (*k)->name, (*k)->title);
	fputs("Exit status: 0 done, 1 it failed (memory, threads, a wrong result), 2 wrong usage.\n",
		to);
}
