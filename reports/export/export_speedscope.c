/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Stacks for speedscope (format: its file-format-schema.json): one document with a profile for each
 * kind of samples and configuration, which share one table of frames. Written as it is made.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "reports/export/export.h"
#include "reports/export/key_index.h"
#include "reports/flames/flames.h"
#include "reports/text/format.h"
#include "reports/text/json_text.h"

struct writer {
	const struct export_job *job;
	struct key_index frames; /* of the shared table: by pairs of texts */
	struct key_index texts;
	FILE *out;
	bool first;
};

/** The shared table's number of a node's frame; the table itself is written at the end. */
static int frame_of(struct writer *w, const struct stack_node *node, uint32_t *ret)
{
	uint32_t symbol = 0, module = 0;
	int r = key_index_add_text(&w->texts, node->frame.symbol, &symbol);

	if (r >= 0)
		r = key_index_add_text(&w->texts, node->frame.module, &module);
	return r < 0 ? r : key_index_add(&w->frames, (uint64_t)symbol << 32 | module, ret);
}

static int put_stack(struct writer *w, const struct stack_tree *tree, uint32_t at)
{
	uint32_t path[STACK_DEPTH_MAX + 1] = {0};
	size_t n = 0;

	while (at != 0 && n <= STACK_DEPTH_MAX) {
		int r = frame_of(w, &tree->nodes[at], &path[n++]);

		if (r < 0)
			return r;
		at = tree->nodes[at].parent;
	}
	fputc('[', w->out);
	while (n-- > 0)
		fprintf(w->out, "%u%s", path[n], n ? "," : "]");
	return 0;
}

static int put_samples(struct writer *w, const struct stack_tree *tree)
{
	const char *comma = "";

	for (size_t i = 0; i + 1 < tree->n_nodes; i++) {
		int r;

		if (tree->nodes[tree->order[i]].self_ns[TREE_A] == 0)
			continue;
		fputs(comma, w->out);
		comma = ",";
		r = put_stack(w, tree, tree->order[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static void put_weights(struct writer *w, const struct stack_tree *tree)
{
	const char *comma = "";

	for (size_t i = 0; i + 1 < tree->n_nodes; i++) {
		uint64_t ns = tree->nodes[tree->order[i]].self_ns[TREE_A];

		if (ns > 0)
			fprintf(w->out, "%s%llu", comma, (unsigned long long)ns);
		comma = ns > 0 ? "," : comma;
	}
}

static int put_profile(
	struct writer *w, const struct flame_kind *kind, const struct configuration *configuration)
{
	_cleanup_stack_tree_ struct stack_tree *tree = NULL;
	_cleanup_free_ char *name = NULL;
	int r = flame_tree(w->job->analysis->flames, kind, configuration, &tree);

	if (r < 0)
		return r == -EBADMSG ? export_store_error(w->job, r) : r;
	if (!tree)
		return 0;
	if (asprintf(&name, "%s, %lld %s: %s", configuration->name, (long long)configuration->cores,
		    cores_word(configuration->cores, configuration->scenario), kind->title) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	fputs(w->first ? "\n" : ",\n", w->out);
	w->first = false;
	fputs("{\"type\":\"sampled\",\"name\":", w->out);
	json_put_text(w->out, name);
	fprintf(w->out,
		",\"unit\":\"nanoseconds\",\"startValue\":0,\"endValue\":%llu,\"samples\":[",
		(unsigned long long)tree->nodes[0].total_ns[TREE_A]);
	r = put_samples(w, tree);
	fputs("],\"weights\":[", w->out);
	put_weights(w, tree);
	fputs("]}", w->out);
	return r;
}

static void put_frames(const struct writer *w)
{
	fputs("\n],\n\"shared\":{\"frames\":[", w->out);
	for (size_t i = 0; i < w->frames.n_keys; i++) {
		uint64_t key = w->frames.keys[i];
		const char *symbol = (const char *)(uintptr_t)w->texts.keys[key >> 32];
		const char *module = (const char *)(uintptr_t)w->texts.keys[key & UINT32_MAX];

		fputs(i ? ",\n{\"name\":" : "\n{\"name\":", w->out);
		json_put_text(w->out, symbol);
		if (*module) {
			fputs(",\"file\":", w->out);
			json_put_text(w->out, module);
		}
		fputc('}', w->out);
	}
	fputs("\n]}}\n", w->out);
}

static int fill(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;
	struct writer w = {.job = job, .out = out, .first = true};
	int r = 0;

	fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
	      "\"exporter\":\"guestscope " GUESTSCOPE_VERSION "\",\n"
	      "\"name\":\"guestscope\",\"activeProfileIndex\":0,\n\"profiles\":[",
		out);
	for (size_t i = 0; r >= 0 && i < job->analysis->summary->n_configurations; i++)
		for (size_t k = 0; r >= 0 && k < FLAME_KINDS; k++)
			r = put_profile(
				&w, &flame_table[k], &job->analysis->summary->configurations[i]);
	if (r >= 0)
		put_frames(&w);
	key_index_clear(&w.frames);
	key_index_clear(&w.texts);
	return r;
}

int export_speedscope(const struct export_job *job)
{
	return output_file(
		job->output, "profile.speedscope.json", fill, (void *)(uintptr_t)job, job->error);
}
