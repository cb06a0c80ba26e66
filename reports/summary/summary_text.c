/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/summary/boot.h"
#include "reports/summary/summary_text_internal.h"
#include "reports/text/format.h"
#include "reports/text/text.h"

static const struct style terminal = {"\033[1m", "\033[2m", "\033[1;31m", "\033[0m"};
static const struct style paper = {"", "", "", ""};

void put_column(FILE *out, const char *text, int width)
{
	size_t room = (size_t)abs(width), has = text_width(text), cut = has > room ? room - 1 : has;
	size_t i = 0, n = 0;

	for (size_t pad = has; width < 0 && pad < room; pad++)
		fputc(' ', out);
	while (text[i] && (n < cut || ((unsigned char)text[i] & 0xc0) == 0x80)) {
		fputc(text[i], out);
		i++;
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	}
	if (has > room)
		fputs("…", out);
	for (size_t pad = has; width > 0 && pad < room; pad++)
		fputc(' ', out);
}

int name_width(const struct summary *s, int others)
{
	int width = 5;

	for (size_t i = 0; i < s->n_cells; i++) {
		int w = (int)text_width(s->cells[i].name);

		width = w > width ? w : width;
	}
	return width > SUMMARY_WIDTH - others ? SUMMARY_WIDTH - others : width;
}

void put_cell_name(FILE *out, const struct cell *cell, int width)
{
	char cores[24];

	put_column(out, cell->name, width);
	snprintf(cores, sizeof(cores), "%lld", (long long)cell->cores);
	put_column(out, cores, -6);
}

static void put_fraction(FILE *out, size_t part, size_t whole, int width, const struct style *style)
{
	char text[48];

	snprintf(text, sizeof(text), "%zu/%zu", part, whole);
	fputs(part < whole ? style->alarm : "", out);
	put_column(out, whole ? text : "-", width);
	fputs(part < whole ? style->plain : "", out);
}

static void write_times(const struct summary *s, FILE *out, const struct style *style)
{
	int name = name_width(s, 6 + 6 + 18 + 20 + 7 + 9 + 6 + 7 + 8);

	fprintf(out, "%s%-*s%6s%6s%18s%20s%7s%9s%6s%7s%8s%s\n", style->bold, name, "stack", "cores",
		"runs", "boot s", "run s", "cv %", "resid. %", "lost", "closed", "audited",
		style->plain);
	for (size_t i = 0; i < s->n_cells; i++) {
		const struct cell *cell = &s->cells[i];
		struct format_text lost = format_count((double)cell->lost_events);

		put_cell_name(out, cell, name);
		put_fraction(out, cell->n_ok, cell->n_runs, -6, style);
		put_column(out, format_spread(&cell->boot_ns).text, -18);
		put_column(out, format_spread(&cell->runtime_ns).text, -20);
		put_column(out,
			format_percent(statistic_stddev(&cell->runtime_ns), cell->runtime_ns.mean)
				.text,
			-7);
		put_column(out,
			cell->window.has_accounts ? format_percent(cell->window.residual_ns,
							    cell->window.lane_time_ns)
							    .text
						  : "-",
			-9);
		fputs(cell->lost_events ? style->alarm : "", out);
		put_column(out, lost.text, -6);
		fputs(cell->lost_events ? style->plain : "", out);
		put_fraction(out, cell->n_closed, cell->n_ok, -7, style);
		put_fraction(out, cell->n_audited, cell->n_ok, -8, style);
		fputc('\n', out);
	}
}

/** Names of all phases in order of first appearance; at most @max. */
static size_t phase_names(const struct summary *s, const char **names, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_cells; i++) {
		for (size_t j = 0; j < s->cells[i].n_phases; j++) {
			const char *name = s->cells[i].phases[j].name;
			size_t k = 0;

			while (k < n && names[k] != name)
				k++;
			if (k == n && n < max)
				names[n++] = name;
		}
	}
	return n;
}

static void write_phases(const struct summary *s, FILE *out, const struct style *style)
{
	const char *names[6];
	size_t n = phase_names(s, names, ARRAY_SIZE(names));
	int name = name_width(s, 6 + 12 * (int)n);

	if (n == 0)
		return;
	fprintf(out, "\n%sPhases, mean seconds%s\n%s%-*s%6s", style->bold, style->plain,
		style->bold, name, "stack", "cores");
	for (size_t k = 0; k < n; k++)
		put_column(out, names[k], -12);
	fprintf(out, "%s\n", style->plain);
	for (size_t i = 0; i < s->n_cells; i++) {
		const struct cell *cell = &s->cells[i];

		put_cell_name(out, cell, name);
		for (size_t k = 0; k < n; k++) {
			double ns = NAN;

			for (size_t j = 0; j < cell->n_phases; j++)
				if (cell->phases[j].name == names[k])
					ns = cell->phase_ns[j].mean;
			put_column(out, format_seconds(ns).text, -12);
		}
		fputc('\n', out);
	}
}

static int state_column(int state)
{
	const char *name = state == STATE_NONE ? "other" : state_table[state].name;
	int width = (int)strlen(name);

	return (width < 6 ? 6 : width) + 1;
}

static void write_book_row(
	const struct summary *s, const struct cell *cell, FILE *out, bool percent)
{
	const struct book *book = &cell->window;
	struct format_text t;

	for (int j = 0; j < STATE_COUNT; j++) {
		if (!s->state_used[j])
			continue;
		t = percent ? format_percent(book->state_ns[j], book->lane_time_ns)
			    : format_seconds(book->state_ns[j]);
		put_column(out, book->has_accounts ? t.text : "-", -state_column(j));
	}
	t = percent ? format_percent(book->residual_ns, book->lane_time_ns)
		    : format_seconds(book->residual_ns);
	put_column(out, book->has_accounts ? t.text : "-", -9);
	fputc('\n', out);
}

static void write_books(const struct summary *s, FILE *out, const struct style *style, bool percent)
{
	int columns = 6 + 9, name;
	bool any = false;

	for (int j = 0; j < STATE_COUNT; j++) {
		columns += s->state_used[j] ? state_column(j) : 0;
		any |= s->state_used[j];
	}
	if (!any) /* boots alone: there is no window */
		return;
	name = name_width(s, columns);
	if (name < 8)
		name = 8;
	fprintf(out, "\n%sWhere the lanes' time went, %s%s\n%s%-*s%6s", style->bold,
		percent ? "percent of run time x lanes"
			: "seconds (mean of the runs, sum of the lanes)",
		style->plain, style->bold, name, "stack", "cores");
	for (int j = 0; j < STATE_COUNT; j++)
		if (s->state_used[j])
			put_column(out, j == STATE_NONE ? "other" : state_table[j].name,
				-state_column(j));
	fprintf(out, "%9s%s\n", "residual", style->plain);
	for (size_t i = 0; i < s->n_cells; i++) {
		put_cell_name(out, &s->cells[i], name);
		write_book_row(s, &s->cells[i], out, percent);
	}
}

/** A paragraph with a mark before it, wrapped at words. */
static void write_wrapped(FILE *out, const char *mark, const char *text)
{
	size_t column = text_width(mark);

	fputs(mark, out);
	while (*text) {
		size_t length = strcspn(text, " "), columns = 0;

		for (size_t i = 0; i < length; i++)
			columns += ((unsigned char)text[i] & 0xc0) != 0x80;
		if (column + 1 + columns > SUMMARY_WIDTH && column > 4) {
			fputs("\n   ", out);
			column = 3;
		}
		fprintf(out, " %.*s", (int)length, text);
		column += 1 + columns;
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static int write_findings(const struct summary *s, FILE *out, const struct style *style)
{
	const struct store_tables *t = store_tables(s->store);
	_cleanup_free_ struct verdict *verdicts = calloc(VERDICTS_MAX, sizeof(*verdicts));
	size_t n;

	if (!verdicts)
		return -ENOMEM;
	n = summary_verdicts(s, verdicts, VERDICTS_MAX);
	fprintf(out, "\n%sFindings%s\n", style->bold, style->plain);
	for (size_t i = 0; i < n; i++) {
		fputs(verdicts[i].good ? "" : style->alarm, out);
		write_wrapped(out, verdicts[i].good ? " *" : " !", verdicts[i].text);
		fputs(verdicts[i].good ? "" : style->plain, out);
	}
	if (t->n_warnings == 0)
		return 0;
	fprintf(out, "\n%sWarnings%s\n", style->bold, style->plain);
	for (size_t i = 0; i < t->n_warnings; i++) {
		char runs[64], mark[80];

		if (!store_warning_runs(t, i, runs, sizeof(runs)))
			continue;
		snprintf(mark, sizeof(mark), runs[0] ? " ! %s:" : " !", runs);
		write_wrapped(out, mark, t->warnings[i].text);
	}
	return 0;
}

int summary_write_text(const struct summary *s, FILE *out)
{
	const struct style *style = isatty(fileno(out)) ? &terminal : &paper;
	int r;

	if (s->n_cells > 0) {
		write_times(s, out, style);
		write_phases(s, out, style);
		r = boot_write_text(s, out);
		if (r < 0)
			return r;
		write_books(s, out, style, true);
		write_books(s, out, style, false);
		explanation_write_text(s, out, style);
	}
	r = write_findings(s, out, style);
	if (r < 0)
		return r;
	return ferror(out) ? -EIO : 0;
}
