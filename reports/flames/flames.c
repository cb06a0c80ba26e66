/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/flames/flames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/flames/idle.h"
#include "reports/text/format.h"

const struct flame_kind flame_table[FLAME_KINDS] = {
	{"flamegraph", "oncpu", false, false, "On-CPU", "time on the CPU by sampling", "samples"},
	{"offcpu", "offcpu", false, false, "Off-CPU",
		"time off the CPU, measured; helpers that wait for work are under " IDLE_HELPERS,
		"intervals"},
	{"flamegraph-boot", "oncpu", true, false, "On-CPU during boot",
		"time on the CPU by sampling", "samples"},
	{"exits", "exits", false, false, "Exits",
		"time from exits of the guest to its entry, measured", "exits"},
	{"offcpu-boot", "offcpu", true, false, "Off-CPU during boot", "time off the CPU, measured",
		"intervals"},
	{"exits-boot", "exits", true, false, "Exits during boot",
		"time from exits of the guest to its entry, measured", "exits"},
};

const struct flame_kind flame_guest_threads = {"flamegraph-threads", "oncpu", false, true,
	"On-CPU by thread of the guest", "time on the CPU by sampling", "samples"};

char *flame_name(const struct flame_kind *kind, const struct configuration *configuration)
{
	char *name;

	if (asprintf(&name, "%s-%s-%lld", kind->prefix, configuration->file_name,
		    (long long)configuration->cores) < 0)
		return NULL;
	return name;
}

/** One slot for each kind of each configuration, filled as they are asked for. */
struct flames {
	const struct summary *s;
	struct kept_tree {
		bool built;
		struct stack_tree *tree; /**< NULL: there are no samples */
	} * slots;
	struct sample_groups *groups; /**< read when they are first asked for */
};

int flames_make(const struct summary *s, struct flames **ret)
{
	struct flames *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->s = s;
	f->slots = calloc(s->n_configurations * FLAME_KINDS + 1, sizeof(*f->slots));
	if (!f->slots) {
		free(f);
		return -ENOMEM;
	}
	*ret = f;
	return 0;
}

void flames_free(struct flames *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->s->n_configurations * FLAME_KINDS; i++)
		stack_tree_free(f->slots[i].tree);
	free(f->slots);
	sample_groups_free(f->groups);
	free(f);
}

/** Where the kind of the configuration is in slots and groups. */
static size_t index_of(const struct flames *f, const struct flame_kind *kind,
	const struct configuration *configuration)
{
	return (size_t)(configuration - f->s->configurations) * FLAME_KINDS +
	       (size_t)(kind - flame_table);
}

int flame_group(struct flames *f, const struct flame_kind *kind,
	const struct configuration *configuration, const struct sample_group **ret)
{
	if (!f->groups) {
		int r = sample_groups_make(f->s, &f->groups);

		if (r < 0)
			return r;
	}
	*ret = &f->groups->groups[index_of(f, kind, configuration)];
	return 0;
}

static int build_tree(struct flames *f, const struct flame_kind *kind,
	const struct configuration *configuration, bool merge_lanes, struct stack_tree **ret)
{
	const struct sample_group *group = NULL;
	int r = flame_group(f, kind, configuration, &group);

	return r < 0 ? r : stack_tree_build(f->s->store, group, merge_lanes, ret);
}

int flame_tree_of_lanes(struct flames *f, const struct flame_kind *kind,
	const struct configuration *configuration, struct stack_tree **ret)
{
	return build_tree(f, kind, configuration, true, ret);
}

int flame_tree(struct flames *f, const struct flame_kind *kind,
	const struct configuration *configuration, struct stack_tree **ret)
{
	struct stack_tree *tree = NULL;
	int r = kind->guest_threads ? stack_tree_build_guest_threads(
					      f->s->store, configuration, kind->kind, &tree)
				    : build_tree(f, kind, configuration, false, &tree);

	if (r < 0)
		return r;
	if (tree->nodes[0].total_ns[TREE_A] == 0) {
		stack_tree_free(tree);
		tree = NULL;
	}
	*ret = tree;
	return 0;
}

int flame_tree_kept(struct flames *f, const struct flame_kind *kind,
	const struct configuration *configuration, const struct stack_tree **ret)
{
	struct kept_tree *slot = &f->slots[index_of(f, kind, configuration)];

	if (!slot->built) {
		int r = flame_tree(f, kind, configuration, &slot->tree);

		if (r < 0)
			return r;
		slot->built = true;
	}
	*ret = slot->tree;
	return 0;
}

/** "999 Hz" of the configuration's runs, where they agree. */
static int64_t frequency(const struct summary *s, const struct configuration *configuration)
{
	const struct store_tables *t = store_tables(s->store);
	int64_t hz = STORE_NULL;

	for (size_t i = 0; i < t->n_runs; i++) {
		const struct store_run *run = &t->runs[i];

		if (!configuration_counts(configuration, run))
			continue;
		if (hz != STORE_NULL && hz != run->frequency_hz)
			return STORE_NULL;
		hz = run->frequency_hz;
	}
	return hz;
}

int flame_draw(const struct flames *f, const struct flame_kind *kind,
	const struct configuration *configuration, const struct stack_tree *tree, bool standalone,
	double narrowest_px, size_t index, FILE *out)
{
	_cleanup_free_ char *title = NULL, *subtitle = NULL;
	int64_t hz = strcmp(kind->kind, "oncpu") == 0 ? frequency(f->s, configuration) : STORE_NULL;
	char id[40], rate[40] = "";
	struct flamegraph_options options = {
		.id = id, .narrowest_px = narrowest_px, .standalone = standalone};

	snprintf(id, sizeof(id), "fg%zu", index);
	if (hz != STORE_NULL)
		snprintf(rate, sizeof(rate), " at %lld Hz", (long long)hz);
	if (asprintf(&title, "%s: %s, %lld %s", kind->title, configuration->name,
		    (long long)configuration->cores,
		    cores_word(configuration->cores, configuration->scenario)) < 0) {
		title = NULL;
		return -ENOMEM;
	}
	if (asprintf(&subtitle, "%s%s, all threads of the stack: %s in %zu run%s", kind->meaning,
		    rate, format_time((double)tree->nodes[0].total_ns[TREE_A]).text,
		    tree->n_runs[TREE_A], tree->n_runs[TREE_A] == 1 ? "" : "s") < 0) {
		subtitle = NULL;
		return -ENOMEM;
	}
	options.title = title;
	options.subtitle = subtitle;
	options.count_of = kind->count_of;
	return flamegraph_write(tree, &options, out);
}
