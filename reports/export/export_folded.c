/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "common/cleanup.h"
#include "reports/export/export.h"
#include "reports/flames/flames.h"
#include "reports/flames/folded.h"

/** What one flame graph file is made from. */
struct flame_file {
	struct flames *flames;
	const struct flame_kind *kind;
	const struct configuration *configuration;
	const struct stack_tree *tree;
};

static int fill_folded(void *userdata, FILE *out)
{
	const struct flame_file *flame = userdata;

	return folded_write(flame->tree, out);
}

static int fill_svg(void *userdata, FILE *out)
{
	const struct flame_file *flame = userdata;

	return flame_draw(
		flame->flames, flame->kind, flame->configuration, flame->tree, true, 0, 0, out);
}

static int write_flame(const struct export_job *job, struct flame_file *flame, const char *suffix,
	output_fill_t fill)
{
	_cleanup_free_ char *name = flame_name(flame->kind, flame->configuration), *file = NULL;

	if (!name || asprintf(&file, "%s%s", name, suffix) < 0) {
		file = NULL;
		return -ENOMEM;
	}
	return output_file(job->output, file, fill, flame, job->error);
}

/* For people only: as folded stacks it would be the first kind again. */
static int draw_guest_threads(
	const struct export_job *job, const struct configuration *configuration)
{
	_cleanup_stack_tree_ struct stack_tree *tree = NULL;
	struct flame_file flame = {
		job->analysis->flames, &flame_guest_threads, configuration, NULL};
	int r = flame_tree(job->analysis->flames, flame.kind, flame.configuration, &tree);

	if (r < 0)
		return export_store_error(job, r);
	flame.tree = tree;
	return tree ? write_flame(job, &flame, ".svg", fill_svg) : 0;
}

int export_flames(const struct export_job *job, bool svg)
{
	const struct summary *s = job->analysis->summary;

	for (size_t i = 0; i < s->n_configurations; i++) {
		for (size_t k = 0; k < FLAME_KINDS; k++) {
			const struct stack_tree *tree = NULL;
			struct flame_file flame = {job->analysis->flames, &flame_table[k],
				&s->configurations[i], NULL};
			int r = flame_tree_kept(
				job->analysis->flames, flame.kind, flame.configuration, &tree);

			if (r < 0)
				return export_store_error(job, r);
			flame.tree = tree;
			if (tree)
				r = write_flame(job, &flame, ".folded", fill_folded);
			if (r >= 0 && tree && svg)
				r = write_flame(job, &flame, ".svg", fill_svg);
			if (r < 0)
				return r;
		}
		if (svg) {
			int r = draw_guest_threads(job, &s->configurations[i]);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

int export_folded(const struct export_job *job)
{
	return export_flames(job, false);
}
