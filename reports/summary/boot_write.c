/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The boot's steps as text, CSV and JSON. */

#include <errno.h>
#include <math.h>

#include "common/boot_step.h"
#include "common/cleanup.h"
#include "reports/summary/boot.h"
#include "reports/summary/summary_internal.h"
#include "reports/text/csv.h"
#include "reports/text/format.h"
#include "reports/text/text.h"

#define NAME_WIDTH   22
#define SOURCE_WIDTH 36

static void put_cut(FILE *out, const char *text, size_t width, bool pad)
{
	size_t has = text_width(text), n = 0;
	size_t keep = has > width ? width - 1 : has;

	for (size_t i = 0; text[i]; i++) {
		bool begins = ((unsigned char)text[i] & 0xc0) != 0x80;

		if (begins && n == keep)
			break;
		n += begins;
		fputc(text[i], out);
	}
	if (has > width)
		fputs("…", out);
	for (size_t i = has; pad && i < width; i++)
		fputc(' ', out);
}

static void write_step(const struct boot_part *p, double boot_ns, FILE *out)
{
	struct format_text share = format_percent(p->mean_ns, boot_ns);

	fputs("  ", out);
	put_cut(out, p->name, NAME_WIDTH, true);
	fprintf(out, "%9.2f", p->mean_ns / 1e6);
	if (isnan(p->stddev_ns))
		fprintf(out, "%9s", "-");
	else
		fprintf(out, "%9.2f", p->stddev_ns / 1e6);
	fprintf(out, "%9.2f%7s  ", p->median_ns / 1e6, share.text);
	put_cut(out, p->source, SOURCE_WIDTH, false);
	fputc('\n', out);
}

int boot_write_text(const struct summary *s, FILE *out)
{
	_cleanup_boot_report_ struct boot_report *b = NULL;
	bool bold = isatty(fileno(out));
	int r = boot_report_make(s, &b);

	if (r < 0 || b->n_cells == 0)
		return r;
	fprintf(out, "\n%sBoot, taken apart%s\n", bold ? "\033[1m" : "", bold ? "\033[0m" : "");
	fprintf(out, "%s%-*s%9s%9s%9s%7s  %s%s\n", bold ? "\033[1m" : "", NAME_WIDTH + 2, "step",
		"mean ms", "s.d.", "median", "%", "its end is marked by", bold ? "\033[0m" : "");
	for (size_t i = 0; i < b->n_cells; i++) {
		const struct boot_cell *c = &b->cells[i];

		fprintf(out, "%s on %lld %s: %s s, %zu %s", c->cell->name,
			(long long)c->cell->cores, c->cell->cores == 1 ? "core" : "cores",
			format_spread(&c->boot_ns).text, c->n_runs,
			c->n_runs == 1 ? "run" : "runs");
		if (c->n_other)
			fprintf(out, " (%zu more with other steps)", c->n_other);
		fputc('\n', out);
		for (size_t j = 0; j < c->n_steps; j++)
			write_step(&c->steps[j], c->boot_ns.mean, out);
	}
	return ferror(out) ? -EIO : 0;
}

int boot_write_csv(const struct summary *s, FILE *out)
{
	_cleanup_boot_report_ struct boot_report *b = NULL;
	int r = boot_report_make(s, &b);

	if (r < 0)
		return r;
	fputs("guest,cores,position,step,source,runs,mean_s,stddev_s,median_s,min_s,max_s\n", out);
	for (size_t i = 0; i < b->n_cells; i++) {
		const struct boot_cell *c = &b->cells[i];

		for (size_t j = 0; j < c->n_steps; j++) {
			const struct boot_part *p = &c->steps[j];

			csv_text(out, c->cell->name);
			fprintf(out, ",%lld,%zu,", (long long)c->cell->cores, j);
			csv_text(out, p->name);
			fputc(',', out);
			csv_text(out, p->source);
			fprintf(out, ",%zu", p->n);
			csv_seconds(out, p->mean_ns);
			csv_seconds(out, p->stddev_ns);
			csv_seconds(out, p->median_ns);
			csv_seconds(out, p->min_ns);
			csv_seconds(out, p->max_ns);
			fputc('\n', out);
		}
	}
	return ferror(out) ? -EIO : 0;
}

static json_t *real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *boot_cell_json(const struct boot_report *b, const struct cell *cell)
{
	const struct boot_cell *c = boot_report_cell(b, cell);
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; c && i < c->n_steps; i++) {
		const struct boot_part *p = &c->steps[i];
		json_t *o = json_object();

		bad |= put(o, "name", text(p->name));
		bad |= put(o, "source", text(p->source));
		bad |= put(o, "n", json_integer((json_int_t)p->n));
		bad |= put(o, "mean", real(p->mean_ns));
		bad |= put(o, "stddev", real(p->stddev_ns));
		bad |= put(o, "median", real(p->median_ns));
		bad |= put(o, "min", real(p->min_ns));
		bad |= put(o, "max", real(p->max_ns));
		bad |= json_array_append_new(array, o) < 0;
	}
	return finish(array, bad);
}

json_t *boot_run_json(const struct summary *s, int64_t run)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	json_t *array = json_array();
	bool bad = !array;
	int r;

	if (!store_has_table(s->store, "boot_step"))
		return array;
	r = store_prepare(s->store, &query,
		"SELECT name, start_ns, end_ns, source FROM boot_step WHERE run = ? ORDER BY "
		"position");
	if (r >= 0)
		sqlite3_bind_int64(query, 1, run);
	while (r >= 0 && (r = store_step(s->store, query)) > 0) {
		json_t *o = json_object();

		bad |= put(o, "name", text(store_text(s->store, query, 0)));
		bad |= put(o, "start_ns", number(store_number(query, 1)));
		bad |= put(o, "end_ns", number(store_number(query, 2)));
		bad |= put(o, "source", text(store_text(s->store, query, 3)));
		bad |= json_array_append_new(array, o) < 0;
	}
	return finish(array, bad || r < 0);
}
