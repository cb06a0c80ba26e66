/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The timeline of runs, drawn by assets/time.js. What finds no room in the page is in files beside it,
 * which the page opens when it is asked to. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/page/page.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"
#include "reports/text/json_text.h"
#include "reports/time/time_data.h"

/** How many bytes of the page all runs may take, about. */
#define TIME_BYTES 900000

/** Where a run's data is. */
enum place { PLACE_NONE, PLACE_FILE, PLACE_PAGE };

struct page_times {
	const struct store_run *runs; /**< those of store_tables() */
	size_t *bytes;                /**< for each of them */
	enum place *places;           /**< likewise */
	bool *median;                 /**< likewise: of its configuration */
	size_t n;                     /**< runs with data */
	size_t n_files;               /**< of these beside the page */
};

void page_times_free(struct page_times *p)
{
	if (!p)
		return;
	free(p->bytes);
	free(p->places);
	free(p->median);
	free(p);
}

static int fill_times(const struct summary *s, struct page_times *p)
{
	const size_t n = store_tables(s->store)->n_runs;
	size_t left = TIME_BYTES;
	int r = time_data_bytes(s->store, &p->bytes);

	p->runs = store_tables(s->store)->runs;
	p->places = calloc(n + 1, sizeof(*p->places));
	p->median = calloc(n + 1, sizeof(*p->median));
	if (!p->places || !p->median)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct store_run *median = configuration_median(&s->configurations[i]);

		if (median)
			p->median[median - p->runs] = true;
	}
	for (size_t pass = 0; r >= 0 && pass < 2; pass++)
		for (size_t i = 0; i < n; i++) {
			if (p->bytes[i] == 0 || p->median[i] == (pass == 1))
				continue;
			p->places[i] = p->bytes[i] <= left ? PLACE_PAGE : PLACE_FILE;
			left -= p->places[i] == PLACE_PAGE ? p->bytes[i] : 0;
			p->n_files += p->places[i] == PLACE_FILE;
			p->n++;
		}
	return r;
}

int page_times_make(const struct analysis *a, struct page_times **ret)
{
	_cleanup_page_times_ struct page_times *p = calloc(1, sizeof(*p));
	int r = p ? fill_times(a->summary, p) : -ENOMEM;

	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

size_t page_times_files(const struct page_times *p)
{
	return p->n_files;
}

static void write_states(FILE *out)
{
	fputs("{\"states\":[", out);
	for (int i = 0; i < STATE_COUNT; i++)
		fprintf(out, "%s[\"%s\",\"%s\",\"%s\"]", i ? "," : "", state_table[i].name,
			state_table[i].color, page_state_title(i));
	fputs("],\n", out);
	page_sides(out);
	fputs("\"runs\":[", out);
}

static void write_entry(const struct configuration *configuration, const struct store_run *run,
	const struct page_times *p, bool first, FILE *out)
{
	const size_t i = (size_t)(run - p->runs);

	fprintf(out, "%s{\"run\":%" PRId64 ",\"stack\":", first ? "" : ",\n", run->id);
	json_put_text(out, configuration->name);
	fprintf(out, ",\"cores\":\"%" PRId64 " %s\",\"median\":%s,\"note\":\"%s\",\"runtime\":",
		run->cores, cores_word(run->cores, run->scenario), p->median[i] ? "true" : "false",
		!run->ok        ? "failed"
		: !run->counted ? "warm-up"
				: "");
	if (run->runtime_ns == STORE_NULL)
		fputs("null", out);
	else
		fprintf(out, "%" PRId64, run->runtime_ns);
	if (p->places[i] == PLACE_FILE)
		fprintf(out, ",\"file\":\"" TIME_FOLDER "/run-%" PRId64 ".js\",\"bytes\":%zu",
			run->id, p->bytes[i]);
	fputc('}', out);
}

/** In order of the configurations. */
static void write_index(const struct summary *s, const struct page_times *p, FILE *out)
{
	const struct store_tables *t = store_tables(s->store);
	bool first = true;

	fputs("<script type=\"application/json\" id=\"time-index\">", out);
	write_states(out);
	for (size_t k = 0; k < s->n_configurations; k++)
		for (size_t i = 0; i < t->n_runs; i++) {
			if (p->places[i] == PLACE_NONE ||
				!configuration_has(&s->configurations[k], &t->runs[i]))
				continue;
			write_entry(&s->configurations[k], &t->runs[i], p, first, out);
			first = false;
		}
	fputs("]}</script>\n", out);
}

static int write_runs(const struct summary *s, const struct page_times *p, FILE *out)
{
	const struct store_tables *t = store_tables(s->store);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < t->n_runs; i++) {
		if (p->places[i] != PLACE_PAGE)
			continue;
		fprintf(out,
			"<script type=\"application/json\" class=\"time-run\" data-run=\"%" PRId64
			"\">",
			t->runs[i].id);
		r = time_data_write(s->store, &t->runs[i], out);
		fputs("</script>\n", out);
	}
	return r;
}

static void write_words(const struct page *page, const struct page_times *p, FILE *out)
{
	if (p->n_files > 0)
		fprintf(out,
			"<p class=\"of-runs\">%zu of %zu runs %s not in this page, which has to stay small, but in "
			"<code>" TIME_FOLDER
			"/</code> beside it: chosen here, they are opened.</p>\n",
			p->n_files, p->n, p->n_files == 1 ? "is" : "are");
	fputs("<noscript><p>To be drawn the timeline needs scripts. ", out);
	if (figures_have(page->figures, "timeline")) {
		fputs("The rows of a run are in the figure ", out);
		page_file_link(out, FIGURES_FOLDER "/", "timeline", ".svg");
		fputs(". ", out);
	}
	fputs("All intervals: <code>report export --format csv</code>.</p></noscript>\n", out);
}

int page_time(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;
	const struct page_times *p = page->times;
	bool used[STATE_COUNT];

	if (p->n == 0)
		return 0;
	memcpy(used, s->state_used, sizeof(used));
	used[STATE_NONE] = false;
	used[STATE_ONCPU] = true;
	fputs("<ul class=\"legend\">", out);
	page_state_legend(out, used);
	fputs("</ul>\n<div id=\"time-view\" hidden></div>\n", out);
	write_words(page, p, out);
	write_index(s, p, out);
	return write_runs(s, p, out);
}

/** A file beside the page. */
struct file {
	struct store_reader *store;
	const struct store_run *run;
};

static int fill_file(void *userdata, FILE *out)
{
	const struct file *f = userdata;
	int r;

	fputs("guestscopeTime.take(", out);
	r = time_data_write(f->store, f->run, out);
	fputs(");\n", out);
	return r;
}

int page_time_files(const struct analysis *a, const struct page_times *p, struct output *output,
	struct error *error)
{
	const struct store_tables *t = store_tables(a->store);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < t->n_runs; i++) {
		struct file file = {a->store, &t->runs[i]};
		char name[40];

		if (p->places[i] != PLACE_FILE)
			continue;
		snprintf(name, sizeof(name), "run-%" PRId64 ".js", t->runs[i].id);
		r = output_file(output, name, fill_file, &file, error);
	}
	return r;
}
