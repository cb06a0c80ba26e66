/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the variants of an experiment are, made ready; and what a run of one is given. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/experiment/experiment_internal.h"
#include "collector/experiment/workload_path.h"
#include "common/cleanup.h"
#include "guests/guest_program.h"
#include "guests/process/command.h"

/* Nobody knows what a program of the user's needs. Only what is touched takes memory of the host;
 * --memory says it better. */
#define OWN_MEMORY_BYTES ((uint64_t)512 << 20)

struct run_settings experiment_settings(const struct experiment *x, const char *variant)
{
	struct run_settings s = x->settings;

	for (size_t i = 0; i < x->n_variants && variant; i++) {
		const struct variant *v = &x->variants[i];

		if (strcmp(v->name, variant) != 0)
			continue;
		s.image = v->o.image;
		s.program = v->program;
		s.arguments = v->o.arguments;
		s.environment = v->environment;
		s.memory_bytes = v->memory_bytes;
		s.ram_bytes = v->o.ram_bytes;
		s.machine = v->o.machine;
		s.kernel = v->o.kernel;
		s.symbols = v->o.symbols;
		s.append = v->o.append;
		s.runtime_args = v->o.container_args;
	}
	return s;
}

/* The program's own, with which it takes the most memory: on the most cores, where these are in a word in braces. */
uint64_t experiment_memory(const struct options *o, char *const *arguments)
{
	_cleanup_(strv_freep) char **words = NULL;
	struct guest_spec spec = {.arguments = arguments, .lanes = 1, .run = 1};

	for (size_t i = 0; i < o->n_cores; i++)
		if (o->cores[i] > spec.lanes)
			spec.lanes = o->cores[i];
	if (o->own || o->alone)
		return OWN_MEMORY_BYTES;
	return guest_program_words(&spec, &words) < 0 ? UINT64_MAX : scenario_memory(words);
}

/* Perhaps a slip, perhaps the program's own: one line for each text, before the first run. */
void experiment_warn_of_words(char *const *texts, bool client)
{
	for (; texts && *texts; texts++) {
		size_t n;
		const char *word = guest_program_unknown_word(*texts, client, &n);

		if (word)
			fprintf(stderr,
				"collector: %.*s is handed on as it stands: known are {cores}, {run}%s\n",
				(int)n, word,
				client ? ", {seed}, {port} and {host}" : " and {seed}");
	}
}

static bool has_cores(char *const *texts)
{
	for (; texts && *texts; texts++)
		if (strstr(*texts, "{cores}"))
			return true;
	return false;
}

/* Whether the work grows only the user can know; where nothing of it tells the program so, it is said. */
static void warn_of_work(const struct experiment *x)
{
	for (size_t i = 0; i < x->n_variants; i++)
		if (has_cores(x->variants[i].o.arguments) ||
			has_cores(x->variants[i].o.environment))
			return;
	fprintf(stderr,
		"collector: --weak: no argument has {cores}, so the work does not seem to grow "
		"with the cores\n");
}

int experiment_prepare_variants(struct experiment *x, struct error *error)
{
	const struct options *o = x->o;
	int r = 0;

	if (o->weak && !o->resume)
		warn_of_work(x);
	for (size_t i = 0; i < x->n_variants && r == 0; i++) {
		struct variant *v = &x->variants[i];
		const char *same;

		v->memory_bytes = experiment_memory(o, v->o.arguments);
		if (v->memory_bytes == UINT64_MAX)
			return error_set_user(
				error, -EOVERFLOW, "the picture asked for is too large");
		same = o->image ? v->o.program : x->program;
		if (v->o.program != o->program && !o->image)
			r = workload_find(v->o.program, NULL, &v->program, error);
		else if (same && !(v->program = strdup(same)))
			r = error_set_errno(error, -ENOMEM, "%s", same);
		if (r < 0)
			return error_prefix(error, r, "--variant %s", v->name);
		if (o->own || o->alone)
			experiment_warn_of_words(v->o.arguments, false);
		experiment_warn_of_words(v->environment, false);
	}
	return r;
}
