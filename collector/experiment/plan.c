/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/experiment/plan.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014): the order
 * must be the same from the same seed on every machine, which rand() does not promise. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static struct run_request run_of(const struct plan_configuration *configuration)
{
	return (struct run_request){
		.ops = configuration->ops,
		.accel = configuration->accel,
		.lanes = configuration->lanes,
		.placement = configuration->placement,
		.label = "",
		.variant = configuration->variant,
	};
}

/* The first configuration of its stack and variant answers for them: the one with the most lanes, or NULL. */
static const struct plan_configuration *warmed_by(const struct plan_request *q, size_t first)
{
	const struct plan_configuration *most = &q->configurations[first];

	for (size_t i = 0; i < q->n_configurations; i++) {
		if (q->configurations[i].ops != most->ops ||
			q->configurations[i].variant != most->variant)
			continue;
		if (i < first)
			return NULL;
		if (q->configurations[i].lanes > most->lanes)
			most = &q->configurations[i];
	}
	return most;
}

static const char *const labels[] = {"a", "b"};

static size_t add_warmups(const struct plan_request *q, struct run_request *runs)
{
	size_t n = 0;

	for (unsigned i = 1; i <= q->warmup; i++) {
		for (size_t c = 0; c < q->n_configurations; c++) {
			const struct plan_configuration *configuration = warmed_by(q, c);

			if (!configuration)
				continue;
			runs[n] = run_of(configuration);
			if (q->aa)
				runs[n].label =
					labels[0]; /* or it would be a third configuration */
			runs[n++].repetition = i;
		}
	}
	return n;
}

static size_t add_block(const struct plan_request *q, unsigned block, struct run_request *runs)
{
	size_t n = 0;

	for (size_t i = 0; i < q->n_configurations; i++) {
		for (size_t l = 0; l < (q->aa ? ARRAY_SIZE(labels) : 1); l++) {
			runs[n] = run_of(&q->configurations[i]);
			runs[n].repetition = runs[n].block = block;
			runs[n].counted = true;
			if (q->aa)
				runs[n].label = labels[l];
			runs[n].configuration = (unsigned)n;
			n++;
		}
	}
	return n;
}

/* Fisher-Yates. The bias of the modulus is below 2^-50 for any plan. */
static void shuffle(struct run_request *runs, size_t n, uint64_t *random)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = next_random(random) % i;
		struct run_request other = runs[j];

		runs[j] = runs[i - 1];
		runs[i - 1] = other;
	}
}

static bool is_ours(const struct plan_request *q, const struct run_request *r)
{
	return !q->shards || !r->block || (r->block - 1) % q->shards == q->shard - 1;
}

int plan_make(struct plan *ret, const struct plan_request *q)
{
	size_t most = q->n_configurations * (q->warmup + (size_t)q->repeat * (q->aa ? 2 : 1)), n,
	       ours = 0;
	struct run_request *runs = calloc(most + 1, sizeof(*runs));
	uint64_t random = q->seed;

	if (!runs)
		return -ENOMEM;
	n = add_warmups(q, runs);
	for (unsigned block = 1; block <= q->repeat; block++) {
		size_t size = add_block(q, block, runs + n);

		shuffle(runs + n, size, &random);
		n += size;
	}
	for (size_t i = 0; i < n; i++) {
		runs[i].id = runs[i].position = (unsigned)i + 1;
		if (is_ours(q, &runs[i]))
			runs[ours++] = runs[i];
	}
	*ret = (struct plan){runs, ours};
	return 0;
}

void plan_done(struct plan *p)
{
	free(p->runs);
	*p = (struct plan){0};
}
