/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/list.h"

#include "collector/counters/counters.h"
#include "collector/experiment/workload_path.h"
#include "collector/options/scenario.h"
#include "common/cleanup.h"
#include "guests/stacks/stacks.h"

int list_guests(const struct options *o, FILE *out, struct error *problem)
{
	_cleanup_free_ char *program = NULL;
	int found = workload_find(o->program, o->scenario->program, &program, problem);

	if (found < 0)
		return found;
	for (const struct guest_ops *const *ops = guest_table; *ops; ops++) {
		struct error error = {0};
		struct guest_spec spec = {.lanes = 1,
			.program = program,
			.arguments = o->arguments,
			.kernel = o->kernel,
			.symbols = o->symbols,
			.disk = o->disk,
			.nonce = "00000000"};
		int r = 0;

		if ((*ops)->is_vm)
			r = accel_resolve(o->accel, &spec.accel, NULL, &error);
		if (r == 0)
			r = (*ops)->available(&spec, &error);
		fprintf(out, "%-14s %s\n", (*ops)->name, (*ops)->title);
		if (r < 0)
			fprintf(out, "%-14s unavailable: %s\n", "", error.text);
		else
			fprintf(out, "%-14s ready\n", "");
	}
	return 0;
}

static void print_counter(const struct counter_info *info, void *userdata)
{
	FILE *out = userdata;

	fprintf(out, "%s\n", info->name);
	if (info->description)
		fprintf(out, "    %s\n", info->description);
	if (info->counted)
		fprintf(out, "    counted%s%s\n", info->note ? ", " : "",
			info->note ? info->note : "");
	else
		fprintf(out, "    not counted: %s\n", info->reason);
}

int list_counters(FILE *out, struct error *error)
{
	return counters_list(print_counter, out, error);
}

void list_scenarios(FILE *out)
{
	for (const struct scenario *s = scenario_table; s->name; s++)
		fprintf(out, "%-16s %s\n", s->name, s->title);
}
