/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The plan, printed: --dry-run. */

#include <string.h>

#include "collector/experiment/experiment_internal.h"
#include "common/cleanup.h"
#include "common/shell_words.h"
#include "guests/guest_port.h"
#include "guests/guest_program.h"
#include "guests/process/command.h"

static void print_words(char *const *argv)
{
	if (argv && *argv)
		putchar(' ');
	shell_words(stdout, argv);
}

/* What of the user's goes where; the same for all runs of a stack and variant. */
static void print_copies(const struct guest *g, const struct experiment *x, size_t at)
{
	const char *line = g->copies;

	if (!x->o->own)
		return;
	for (size_t i = 0; i < at; i++)
		if (x->plan.runs[i].ops == g->ops &&
			x->plan.runs[i].variant == x->plan.runs[at].variant)
			return;
	if (!line || !*line)
		printf("  nothing is copied: files are where they are\n");
	for (; line && *line; line += strcspn(line, "\n") + 1)
		printf("  %.*s\n", (int)strcspn(line, "\n"), line);
}

/* In a shell's words, as it is called in run @g. */
static int print_client(const struct experiment *x, const struct guest *g)
{
	_cleanup_(strv_freep) char **argv = NULL;
	int r = x->client.words ? guest_client_argv(&g->spec, x->client.words, &argv) : 0;

	if (r < 0 || !argv)
		return r;
	fputs("  client:", stdout);
	print_words(argv);
	putchar('\n');
	return 0;
}

static int print_run(
	const struct experiment *x, const struct run_request *q, bool measured, struct error *error)
{
	struct guest_spec spec = experiment_trial_spec(x, q->accel, q->variant);
	struct guest *g = NULL;
	int r;

	spec.lanes = q->lanes;
	spec.run = q->id;
	spec.lane_cpus = q->placement->lane_cpus;
	spec.helper_cpus = q->placement->helper_cpus;
	spec.n_helper_cpus = q->placement->n_helper_cpus;
	spec.keeper = x->keeper;
	r = spec.port ? guest_port_choose(q->ops, spec.port, spec.host_port, &spec.host_port, error)
		      : 0;
	if (r < 0)
		return r;
	r = guest_new(q->ops, &spec, &g);
	if (r < 0)
		return r;
	r = g->ops->prepare(g, error);
	if (r < 0) {
		guest_free(g);
		return r;
	}
	printf("run %u: %s %u, %s, %u %s", q->id, q->counted ? "block" : "warm-up", q->repetition,
		q->ops->name, q->lanes, q->lanes == 1 ? "core" : "cores");
	if (q->variant)
		printf(", variant %s", q->variant);
	if (q->label[0])
		printf(", label %s", q->label);
	if (q->accel != ACCEL_NONE)
		printf(", %s", accel_name(q->accel));
	for (unsigned l = 0; q->placement->lane_cpus && l < q->lanes; l++)
		printf("%s%d", l ? "," : ", lanes on CPU ", q->placement->lane_cpus[l]);
	if (!q->placement->lane_cpus)
		printf(", lanes not pinned");
	if (q->placement->sharing_lanes)
		printf(", %u of them share CPUs", q->placement->sharing_lanes);
	if (measured)
		printf(", measured already");
	printf("\n ");
	print_words(g->variables);
	print_words(g->argv);
	putchar('\n');
	r = print_client(x, g);
	print_copies(g, x, (size_t)(q - x->plan.runs));
	guest_free(g);
	return r;
}

/* With --until these are the most runs that there can be. */
static void print_looks(const struct stopping *s)
{
	printf(" at most, until %s: looked at after", s->o->until_text);
	for (size_t i = 0; i < s->n_looks; i++)
		printf("%s %u", i ? "," : "", s->looks[i]);
	printf(" blocks");
}

static void print_totals(const struct experiment *x)
{
	char id[SHA256_HEX_SIZE];
	size_t warmups = 0, blocks = 0;
	unsigned last = 0;

	for (size_t i = 0; i < x->plan.n; i++) {
		const struct run_request *q = &x->plan.runs[i];

		warmups += !q->counted;
		blocks += q->block != last;
		last = q->block;
	}
	printf("%zu %s", x->plan.n, x->plan.n == 1 ? "run" : "runs");
	if (warmups)
		printf(", %zu of them warm-ups", warmups);
	if (x->o->until.share > 0)
		print_looks(&x->stopping);
	printf(", %zu %s, seed %llu", blocks, blocks == 1 ? "block" : "blocks",
		(unsigned long long)x->o->seed);
	if (x->o->shards)
		printf(", shard %u/%u", x->o->shard, x->o->shards);
	if (x->o->cooldown_s)
		printf(", %u s of rest between runs", x->o->cooldown_s);
	if (plan_document_id(&x->document, id) == 0)
		printf(", plan %.12s", id);
	if (x->accel_note[0])
		printf("; %s", x->accel_note);
	putchar('\n');
}

int experiment_print_plan(struct experiment *x, struct error *error)
{
	int r = 0;

	if (x->attach) {
		attach_describe(x->attach, stdout);
		return 0;
	}
	print_totals(x);
	for (size_t i = 0; i < x->plan.n && r == 0; i++)
		r = print_run(x, &x->plan.runs[i], x->measured && x->measured[i], error);
	return r;
}
