/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How the guests of failed runs ended. */

#include "reports/page/page_internal.h"

#define THREADS_SHOWN 40
#define TIMERS_SHOWN  200

static void write_rows(const struct column *columns, const void *rows, size_t n, size_t shown,
	const char *label, const char *caption, FILE *out)
{
	if (!n)
		return;
	page_columns_open(out, label, caption, columns);
	page_rows(columns, rows, n < shown ? n : shown, out);
	page_table_close(out);
	if (n > shown)
		fprintf(out, "<p>%zu more are in the store.</p>\n", n - shown);
}

static void write_failure(const struct summary *s, const struct failure *f, bool first, FILE *out)
{
	const struct configuration *c = summary_configuration(s, f->run);

	fprintf(out, "<details%s><summary>Run %lld, ", first ? " open" : "", (long long)f->run->id);
	if (c)
		page_configuration_name(out, c);
	fputs(", phase ", out);
	markup_text(out, f->phase ? f->phase : "?");
	fputs("</summary>\n", out);
	if (f->run->error) {
		fputs("<p>", out);
		markup_text(out, f->run->error);
		fputs("</p>\n", out);
	}
	write_rows(failure_cpu_columns, f->cpus, f->n_cpus, f->n_cpus, "the guest's CPUs",
		"CPUs. Lists of timers keep count of themselves: where that is not what is in them, "
		"one CPU changed another CPU's list.",
		out);
	write_rows(failure_timer_columns, f->timers, f->n_timers, TIMERS_SHOWN,
		"the guest's timers",
		"Armed timers. Each is in the list of a CPU and among those of its owner; where the "
		"two do not agree, it comes first. When it is due is told from the guest's clock as "
		"a CPU last looked at it.",
		out);
	write_rows(failure_thread_columns, f->threads, f->n_threads, THREADS_SHOWN,
		"the guest's threads", "Threads; those that wait for something come last.", out);
	fputs("</details>\n", out);
}

int page_failures(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;

	for (size_t i = 0; i < s->n_failures; i++)
		write_failure(s, &s->failures[i], i == 0, out);
	return 0;
}
