/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/page/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "charts_js.h"
#include "common/cleanup.h"
#include "heat_js.h"
#include "page_css.h"
#include "page_html.h"
#include "page_js.h"
#include "reports/flames/flamegraph.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"
#include "reports/text/stack_style.h"
#include "script_policy.h"
#include "signature_js.h"
#include "time_data_js.h"
#include "time_draw_js.h"
#include "time_js.h"
#include "uplot_css.h"
#include "uplot_js.h"
#include "uplot_license.h"

/** What the page is made of, in reading order. */
static const struct {
	const char *id;
	const char *group; /**< begins a group of the contents; NULL: goes on with it */
	const char *nav;   /**< its name in the contents */
	const char *title;
	const char *lead; /**< markup; NULL: none */
	page_section_t write;
} sections[] = {
	{"verdict", "Result", "Verdict", "Verdict", NULL, page_verdict},
	{"comparison", NULL, "Comparison", "The stacks side by side", NULL, page_comparison},
	{"findings", NULL, "Findings", "Warnings and all findings", NULL, page_findings},
	{"statistics", NULL, "Statistics", "Stack against stack, and how far runs differ", NULL,
		page_statistics},
	{"metrics", NULL, "Metrics", "Numbers in the program’s output",
		"What the expressions of --metric found in the output of each run, of a server in its client’s: the last match. Or, of the workload noise, quantiles of what its kernel measured on all workers. "
		"Analysed as run time is; a run without a match is in no statistic.",
		page_metrics},
	{"detours", NULL, "Detours", "Causes of detours",
		"What held up the loop of the workload noise, on the host’s clock: each detour has the one cause "
		"that took most of it, and the time of all detours is split without a rest.",
		page_detours},
	{"explanation", NULL, "Explanation", "Why", NULL, page_explain},
	{"figures", NULL, "Figures", "Figures", NULL, page_figures},
	{"books", "Where the time went", "Books", "Where the lanes’ time went",
		"A lane is a vCPU or a pinned worker thread; of a program that names no workers, it "
		"is a CPU. At every instant of the run it is in exactly one state. The states of all lanes add up to run time × lanes, which is "
		"100 %; any unaccounted time is the residual.",
		page_books},
	{"phases", NULL, "Phases", "Time by phase", NULL, page_phases},
	{"timeline", NULL, "Timeline", "What each lane did, and when",
		"Each lane’s states over time. Of what is narrower than a pixel, the pixel shows each state’s share of it. "
		"Click an interval to read what it was.",
		page_time},
	{"heat", NULL, "Samples over time", "The samples of a run over time",
		"A column is a second or a tenth of one, from below to above. Drag over a part of it, and its flame graph is drawn: what the run did just then.",
		page_heat},
	{"noise", NULL, "Noise", "Noise: how evenly the stacks let a program run",
		"What the workload noise found. Quantiles of it are under <a href=\"#metrics\">Metrics</a>.",
		page_noise},
	{"details", NULL, "Details", "State details: who, what, how often",
		"What ran instead of a lane, its system calls, interrupts and VM exits, and what "
		"it "
		"slept on. Times from events are exact; times split by samples have the 95 % "
		"interval of the sampling (Wilson).",
		page_details},
	{"threads", NULL, "Threads", "The program’s threads",
		"Of a program that names no workers, lanes are CPUs. Each of its threads has an "
		"account of its own beside them.",
		page_threads},
	{"guest", NULL, "Inside the guests", "Inside the guests",
		"What the guests’ own code did while it had a CPU: call stacks of the unmodified "
		"guest, sampled from the host. Only virtual machines have guests.",
		page_guest},
	{"boot", NULL, "Boot", "The boot, taken apart",
		"From the start of the stack until the program runs, step by step, on one scale.",
		page_boot},
	{"flames", NULL, "Flame graphs", "Flame graphs",
		"Width is time, the outermost function is at the bottom, neighbours stand in order "
		"of their names. Click a frame to zoom; search takes a regular expression.",
		page_flames},
	{"differences", NULL, "Differences", "Differential flame graphs",
		"Each stack against the fastest on the same number of cores, per run. A frame is "
		"as "
		"wide as the larger of the two sides. Red takes longer than on the fastest stack, "
		"blue takes less, grey is within the sampling error.",
		page_diffs},
	{"stacks", NULL, "Call stacks", "Call stacks",
		"Which share of them is whole, from the function that was hit to where its thread "
		"began, and why the others end; and how the code of each file was walked.",
		page_stacks},
	{"audit", "Can it be trusted?", "Audit", "The books against independent clocks",
		"The states of one clock always add up, so their sum proves nothing. Each run’s "
		"books are therefore compared with clocks that the probes did not use.",
		page_audit},
	{"counters", NULL, "Counters", "Counters", NULL, page_counters},
	{"runs", NULL, "Every run", "Every run", NULL, page_runs},
	{"failures", NULL, "Failed runs", "How the guests of failed runs ended",
		"State of the guest’s CPUs, threads and timers when the run ended, read from its "
		"memory.",
		page_failures},
	{"machine", "The experiment", "Machine", "Machine and settings", NULL, page_machine},
	{"reproduce", NULL, "Reproduce", "How to do this again", NULL, page_reproduce},
};

#define N_SECTIONS ARRAY_SIZE(sections)

/** The inside of each section; empty: there is nothing to show. */
struct bodies {
	char *text[N_SECTIONS];
	size_t size[N_SECTIONS];
};

static void bodies_clear(struct bodies *bodies)
{
	for (size_t i = 0; i < N_SECTIONS; i++)
		free(bodies->text[i]);
}

#define _cleanup_bodies_ __attribute__((cleanup(bodies_clear)))

/** The contents come before the sections and name only those that are shown, so these are made
 * first. */
static int make_bodies(const struct page *page, struct bodies *ret)
{
	for (size_t i = 0; i < N_SECTIONS; i++) {
		FILE *out = open_memstream(&ret->text[i], &ret->size[i]);
		int r;

		if (!out)
			return -ENOMEM;
		r = sections[i].write(page, out);
		if (ferror(out) && r >= 0)
			r = -ENOMEM;
		if (fclose(out) != 0 && r >= 0)
			r = -ENOMEM;
		if (r < 0)
			return r;
	}
	return 0;
}

static void write_policy(const struct summary *s, const struct bodies *bodies, FILE *out)
{
	(void)s;
	(void)bodies;
	fputs("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'; img-src data:; script-src 'strict-dynamic' " SCRIPT_POLICY
	      "; base-uri 'none'; form-action 'none'\">",
		out);
}

static bool is_new_stack(const struct summary *s, size_t configuration)
{
	for (size_t i = 0; i < configuration; i++)
		if (strcmp(s->configurations[i].name, s->configurations[configuration].name) == 0)
			return false;
	return true;
}

static void write_of_program(const struct summary *s, FILE *out)
{
	const char *program = store_setting(s->store, "program");

	if (!program || !*program)
		return;
	fputs("of ", out);
	markup_text(out, program);
	fputc(' ', out);
}

static void write_title(const struct summary *s, const struct bodies *bodies, FILE *out)
{
	(void)bodies;
	for (size_t i = 0; i < s->n_configurations; i++) {
		if (!is_new_stack(s, i))
			continue;
		fputs(i ? ", " : "", out);
		markup_text(out, s->configurations[i].name);
	}
	fputs(s->n_configurations ? ": where the time " : "Where the time ", out);
	write_of_program(s, out);
	fputs("went", out);
}

static void write_style(const struct summary *s, const struct bodies *bodies, FILE *out)
{
	(void)s;
	(void)bodies;
	fputs((const char *)uplot_css, out);
	/* As in the figures for a paper; on dark ground the style sheet has others. */
	fputs(":root {", out);
	for (size_t i = 0; i < STACK_STYLES; i++)
		fprintf(out, " --s%zu: %s;", i, stack_style(i)->color);
	fputs(" }\n", out);
	fputs((const char *)page_css, out);
	fputs(flamegraph_style(), out);
}

static void write_fact(const struct summary *s, const char *key, const char *before, FILE *out)
{
	const char *value = store_setting(s->store, key);

	if (!value || !*value)
		return;
	fprintf(out, " · %s", before);
	markup_text(out, value);
}

static void write_header(const struct summary *s, const struct bodies *bodies, FILE *out)
{
	fputs("<h1>", out);
	write_title(s, bodies, out);
	fprintf(out, "</h1>\n<p>%zu run%s, %zu of them measured", s->n_runs,
		s->n_runs == 1 ? "" : "s", s->n_ok);
	if (s->n_warmups > 0)
		fprintf(out, ", and %zu warm-up%s", s->n_warmups, s->n_warmups == 1 ? "" : "s");
	/* Configurations are in order of their scenarios. */
	for (size_t i = 0; i < s->n_configurations; i++) {
		if (i > 0 && s->configurations[i].scenario == s->configurations[i - 1].scenario)
			continue;
		fputs(i ? ", " : " · scenario ", out);
		markup_text(out, s->configurations[i].scenario);
	}
	write_fact(s, "program_line", "", out);
	write_fact(s, "client", "the run is its client’s: ", out);
	write_fact(s, "started_utc", "", out);
	write_fact(s, "hostname", "on ", out);
	write_fact(s, "cpu_model", "", out);
	fputs("</p>", out);
}

static void write_contents(const struct summary *s, const struct bodies *bodies, FILE *out)
{
	const char *group = NULL;
	size_t n = 0;

	(void)s;
	for (size_t i = 0; i < N_SECTIONS; i++) {
		group = sections[i].group ? sections[i].group : group;
		if (bodies->size[i] == 0)
			continue;
		if (group)
			fprintf(out, "%s<li><span>%s</span><ul>\n", n ? "</ul></li>\n" : "", group);
		group = NULL;
		fprintf(out, "<li><a href=\"#%s\">%s</a></li>\n", sections[i].id, sections[i].nav);
		n++;
	}
	fputs(n ? "</ul></li>" : "", out);
}

static void write_sections(const struct summary *s, const struct bodies *bodies, FILE *out)
{
	(void)s;
	for (size_t i = 0; i < N_SECTIONS; i++) {
		if (bodies->size[i] == 0)
			continue;
		fprintf(out,
			"<section id=\"%s\" aria-labelledby=\"%s-title\">\n"
			"<h2 id=\"%s-title\">%s</h2>\n",
			sections[i].id, sections[i].id, sections[i].id, sections[i].title);
		if (sections[i].lead)
			fprintf(out, "<p class=\"lead\">%s</p>\n", sections[i].lead);
		fwrite(bodies->text[i], 1, bodies->size[i], out);
		fputs("</section>\n", out);
	}
}

static void write_footer(const struct summary *s, const struct bodies *bodies, FILE *out)
{
	(void)s;
	(void)bodies;
	fputs("<p>Made by guestscope " GUESTSCOPE_VERSION
	      " from experiment.db, which holds all of the above. "
	      "± is the sample standard deviation over the runs; means are over the runs that "
	      "ended well.</p>",
		out);
}

/** With its licence, which wants to be part of every copy. */
static void write_uplot(const struct summary *s, const struct bodies *bodies, FILE *out)
{
	(void)s;
	(void)bodies;
	fprintf(out, "<!-- The charts are drawn by uPlot:\n%s\n-->\n<script>%s</script>",
		(const char *)uplot_license, (const char *)uplot_js);
}

static void write_script(const struct summary *s, const struct bodies *bodies, FILE *out)
{
	(void)s;
	(void)bodies;
	fputs((const char *)page_js, out);
}

static void write_chartscript(const struct summary *s, const struct bodies *bodies, FILE *out)
{
	(void)s;
	(void)bodies;
	fputs((const char *)charts_js, out);
}

static void write_flamescript(const struct summary *s, const struct bodies *bodies, FILE *out)
{
	(void)s;
	(void)bodies;
	fputs(flamegraph_script(), out);
}

/** The timeline's: how it is read, how it is drawn, and what the reader does with it. */
static void write_timescript(const struct summary *s, const struct bodies *bodies, FILE *out)
{
	(void)s;
	(void)bodies;
	fprintf(out,
		"<script>%s</script>\n<script>%s</script>\n<script>%s</script>\n<script>%s</script>\n<script>%s</script>",
		(const char *)time_data_js, (const char *)time_draw_js, (const char *)time_js,
		(const char *)heat_js, (const char *)signature_js);
}

typedef void (*place_t)(const struct summary *s, const struct bodies *bodies, FILE *out);

/** The places of assets/page.html. */
static const struct {
	const char *mark;
	place_t write;
} places[] = {
	{"policy", write_policy},
	{"title", write_title},
	{"style", write_style},
	{"header", write_header},
	{"contents", write_contents},
	{"sections", write_sections},
	{"footer", write_footer},
	{"uplot", write_uplot},
	{"script", write_script},
	{"chartscript", write_chartscript},
	{"timescript", write_timescript},
	{"flamescript", write_flamescript},
};

static place_t find_place(const char *mark, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (strlen(places[i].mark) == length && strncmp(places[i].mark, mark, length) == 0)
			return places[i].write;
	return NULL;
}

int page_write(const struct analysis *a, const struct figures *figures,
	const struct page_times *times, FILE *out)
{
	_cleanup_bodies_ struct bodies bodies = {};
	const char *at = (const char *)page_html;
	struct page page = {a, figures, times};
	int r = make_bodies(&page, &bodies);

	if (r < 0)
		return r;
	for (;;) {
		const char *mark = strstr(at, "<!--@"), *end = mark ? strstr(mark, "-->") : NULL;
		place_t write;

		if (!end)
			break;
		fwrite(at, 1, (size_t)(mark - at), out);
		mark += strlen("<!--@");
		write = find_place(mark, (size_t)(end - mark));
		if (write)
			write(a->summary, &bodies, out);
		at = end + strlen("-->");
	}
	fputs(at, out);
	return ferror(out) ? -EIO : 0;
}
