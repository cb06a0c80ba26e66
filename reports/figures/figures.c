/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/figures/figures.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "reports/figures/figures_internal.h"
#include "reports/figures/gnuplot.h"
#include "reports/figures/pdf_date.h"

/** Larger drawings are none of ours. */
#define SVG_BYTES_MAX (16 << 20)

#define TEXT_CHARACTERS_MAX 40

static const struct figure_kind {
	const char *name;
	const char *title;
	figure_fill_t fill;
} kinds[] = {
	{"wallclock", "Run time over cores", figure_wallclock},
	{"speedup", "Speed-up over cores", figure_speedup},
	{"efficiency", "Parallel efficiency over cores", figure_efficiency},
	{"boot", "Boot time and its steps", figure_boot},
	{"books", "Where the lanes' time went", figure_books},
	{"loss", "What speed-up was lost to", figure_loss},
	{"variance", "What run-to-run variance comes from", figure_variance},
	{"order", "Run time in order of execution", figure_order},
	{"timeline", "A run, lane by lane", figure_timeline},
	{"picture", "The picture that is rendered", figure_picture},
};

/** Figures that are being made. */
struct maker {
	const struct figures_source *source;
	struct output *output;
	int folder_fd; /* where gnuplot works */
	struct draft drafts[ARRAY_SIZE(kinds)];
	bool used[ARRAY_SIZE(kinds)];
	bool drawn[ARRAY_SIZE(kinds)];
	struct figures *figures;
	struct error *error;
};

static bool is_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c >= 0x80 || strchr(" -_.:+/()=<>%@", c);
}

void figure_text(FILE *out, const char *text)
{
	size_t n = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c & 0xc0) != 0x80 && n++ == TEXT_CHARACTERS_MAX) {
			fputs("…", out);
			return;
		}
		fputc(is_plain(c) ? c : '?', out);
	}
}

void figure_number(FILE *out, double value)
{
	if (isfinite(value))
		fprintf(out, "%.9g", value);
}

void figure_y_label(FILE *out, const char *name)
{
	fprintf(out, "set label 98 \"%s\" at screen %.4f, graph 0.5 center rotate by 90\n", name,
		0.28 / FIGURE_WIDTH_CM);
}

static int draft_open(struct draft *d, const char *name, int folder_fd)
{
	*d = (struct draft){.name = name, .height_cm = 6, .folder_fd = folder_fd};
	d->data = open_memstream(&d->data_text, &d->data_size);
	d->setup = open_memstream(&d->setup_text, &d->setup_size);
	d->plot = open_memstream(&d->plot_text, &d->plot_size);
	d->caption = open_memstream(&d->caption_text, &d->caption_size);
	return d->data && d->setup && d->plot && d->caption ? 0 : -ENOMEM;
}

/** Close the streams, so that the texts are whole. */
static int draft_close(struct draft *d)
{
	FILE **streams[] = {&d->data, &d->setup, &d->plot, &d->caption};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		if (*streams[i] && fclose(*streams[i]) != 0)
			r = -ENOMEM;
		*streams[i] = NULL;
	}
	return r;
}

static void draft_clear(struct draft *d)
{
	(void)draft_close(d);
	free(d->data_text);
	free(d->setup_text);
	free(d->plot_text);
	free(d->caption_text);
}

static int fill_data(void *userdata, FILE *out)
{
	const struct draft *d = userdata;

	fputs(d->data_text, out);
	return 0;
}

static int fill_script(void *userdata, FILE *out)
{
	const struct draft *d = userdata;
	/* 8 points; an SVG's pixel is 1/96 inch. */
	const double px = 96 / 2.54, size = 8 * 96.0 / 72;

	fprintf(out,
		"# Draws %s.svg and %s.pdf from %s.csv: gnuplot %s.gp\n"
		"# Made by guestscope " GUESTSCOPE_VERSION ", for gnuplot 5.4 or later.\n"
		"reset session\n"
		"set encoding utf8\n"
		"set datafile separator comma\n"
		"set datafile columnheaders\n"
		"set border 3 lw 0.75\n"
		"set tics nomirror out scale 0.5\n"
		"set xtics offset 0,0.35\n"
		"set grid ytics lt 1 lw 0.5 lc rgb \"" FIGURE_GRID "\"\n"
		"unset key\n%s"
		"do for [kind in \"svg pdf\"] {\n"
		"if (kind eq \"svg\") {\n"
		"\tset terminal svg size %.0f,%.0f font \"sans-serif,%.2f\" noenhanced name "
		"\"%s\" background \"white\"\n"
		"} else {\n"
		"\tset terminal pdfcairo size %gcm,%gcm font \"Helvetica,8\" fontscale 0.75 "
		"pointscale 1.05 lw 1.25 noenhanced\n"
		"}\n"
		"set output \"%s.\".kind\n%s"
		"unset multiplot\n"
		"set output\n"
		"}\n",
		d->name, d->name, d->name, d->name, d->setup_text, FIGURE_WIDTH_CM * px,
		d->height_cm * px, size, d->name, FIGURE_WIDTH_CM, d->height_cm, d->name,
		d->plot_text);
	return 0;
}

static int write_draft(struct maker *m, struct draft *d)
{
	_cleanup_free_ char *csv = NULL, *gp = NULL;
	int r = 0;

	if (asprintf(&csv, "%s.csv", d->name) < 0)
		csv = NULL;
	if (asprintf(&gp, "%s.gp", d->name) < 0)
		gp = NULL;
	if (!csv || !gp)
		return -ENOMEM;
	if (d->extra)
		r = output_adopt(m->output, d->extra, m->error);
	if (r >= 0)
		r = output_file(m->output, csv, fill_data, d, m->error);
	return r < 0 ? r : output_file(m->output, gp, fill_script, d, m->error);
}

static int make_drafts(struct maker *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct draft *d = &m->drafts[i];
		int r = draft_open(d, kinds[i].name, m->folder_fd), closed;

		if (r >= 0)
			r = kinds[i].fill(m->source, d);
		closed = draft_close(d);
		if (closed < 0)
			r = closed;
		if (r > 0)
			m->used[i] = (r = write_draft(m, d)) >= 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/** Draw those of the drafts from @first on, @n of them, that are in use, in one process. */
static int draw(struct maker *m, size_t first, size_t n, struct error *error)
{
	char names[ARRAY_SIZE(kinds)][32], *scripts[ARRAY_SIZE(kinds)];
	size_t used = 0;
	int r;

	for (size_t i = first; i < first + n; i++) {
		if (!m->used[i])
			continue;
		snprintf(names[used], sizeof(names[used]), "%s.gp", kinds[i].name);
		scripts[used] = names[used];
		used++;
	}
	if (used == 0)
		return 0;
	r = gnuplot_draw(m->folder_fd, scripts, used, error);
	for (size_t i = first; i < first + n; i++)
		m->drawn[i] = m->used[i] && r >= 0;
	return r;
}

/**
 * One process for all is the quickest by far. If it fails, each is drawn by itself, so that those
 * that can be drawn are.
 */
static void draw_all(struct maker *m)
{
	struct error error = {};
	int r = draw(m, 0, ARRAY_SIZE(kinds), &error);

	if (r == -EIO) {
		error = (struct error){};
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
			struct error own = {};

			if (draw(m, i, 1, &own) < 0 && !*error.text)
				error_set(&error, -EIO, "figure %s: %s", kinds[i].name, own.text);
		}
	}
	if (*error.text)
		snprintf(m->figures->trouble, sizeof(m->figures->trouble), "%.*s",
			(int)sizeof(m->figures->trouble) - 1, error.text);
}

static int read_drawing(const struct maker *m, const char *name, char **ret)
{
	_cleanup_close_ int fd = openat(m->folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > SVG_BYTES_MAX)
		return -EFBIG;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	n = read(fd, text, (size_t)st.st_size);
	if (n != st.st_size)
		return n < 0 ? -errno : -EIO;
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

/** When the experiment was begun, as PDF writes it; the epoch where that is not known. */
static void begin_date(const struct maker *m, char ret[static PDF_DATE_DIGITS + 1])
{
	const struct summary *s = m->source->summary;
	const char *at = s ? store_setting(s->store, "started_utc") : NULL;
	size_t n = 0;

	for (; at && *at && n < PDF_DATE_DIGITS; at++)
		if (*at >= '0' && *at <= '9')
			ret[n++] = *at;
	ret[n] = '\0';
	if (n < PDF_DATE_DIGITS)
		memcpy(ret, "19700101000000", PDF_DATE_DIGITS + 1);
}

/**
 * The same store makes the same bytes: a PDF says when the experiment was begun, and not when it
 * was drawn. One without a date stays as it is.
 */
static int date_drawing(const struct maker *m, const char *name)
{
	_cleanup_close_ int fd = openat(m->folder_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_free_ char *text = NULL;
	char date[PDF_DATE_DIGITS + 1];
	size_t length;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	length = (size_t)st.st_size;
	text = malloc(length + 1);
	if (!text)
		return -ENOMEM;
	if (read(fd, text, length) != st.st_size)
		return -EIO;
	begin_date(m, date);
	r = pdf_set_date(&text, &length, date);
	if (r <= 0)
		return r;
	if (pwrite(fd, text, length, 0) != (ssize_t)length)
		return -EIO;
	return ftruncate(fd, (off_t)length) == 0 ? 0 : -errno;
}

/** Take the drawings of a figure in. */
static int take_in(struct maker *m, size_t i)
{
	struct figure *f = &m->figures->list[m->figures->n++];
	char svg[32], pdf[32];
	int r;

	snprintf(svg, sizeof(svg), "%s.svg", kinds[i].name);
	snprintf(pdf, sizeof(pdf), "%s.pdf", kinds[i].name);
	*f = (struct figure){.name = kinds[i].name, .title = kinds[i].title};
	f->caption = TAKE_PTR(m->drafts[i].caption_text);
	r = read_drawing(m, svg, &f->svg);
	if (r >= 0)
		r = date_drawing(m, pdf);
	if (r < 0)
		return error_set_errno(
			m->error, r, "cannot use gnuplot's drawing %s", kinds[i].name);
	r = output_adopt(m->output, svg, m->error);
	return r < 0 ? r : output_adopt(m->output, pdf, m->error);
}

/** What a gnuplot that failed may have left half drawn. */
static void forget(const struct maker *m, size_t i)
{
	static const char *const suffixes[] = {"svg", "pdf"};
	char name[32];

	for (size_t k = 0; k < ARRAY_SIZE(suffixes); k++) {
		snprintf(name, sizeof(name), "%s.%s", kinds[i].name, suffixes[k]);
		(void)unlinkat(m->folder_fd, name, 0); /* it need not be there */
	}
}

static int make(struct maker *m)
{
	int r = make_drafts(m);

	if (r < 0)
		return r;
	draw_all(m);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (m->used[i] && !m->drawn[i])
			forget(m, i);
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && r >= 0; i++)
		if (m->drawn[i])
			r = take_in(m, i);
	return r;
}

int figures_make(const struct figures_source *source, struct output *output, struct figures **ret,
	struct error *error)
{
	_cleanup_figures_ struct figures *figures = calloc(1, sizeof(*figures));
	_cleanup_close_ int fd =
		open(output_staging(output), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct error own = {};
	struct maker m = {.source = source,
		.output = output,
		.folder_fd = fd,
		.figures = figures,
		.error = error ? error : &own};
	int r;

	if (fd < 0)
		return error_set_errno(error, -errno, "cannot draw figures");
	if (figures)
		figures->list = calloc(ARRAY_SIZE(kinds), sizeof(*figures->list));
	if (!figures || !figures->list)
		return error_set_errno(error, -ENOMEM, "cannot draw figures");
	r = make(&m);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		draft_clear(&m.drafts[i]);
	if (r < 0)
		return *m.error->text ? r : error_set_errno(error, r, "cannot draw figures");
	*ret = TAKE_PTR(figures);
	return 0;
}

void figures_free(struct figures *f)
{
	if (!f)
		return;
	for (size_t i = 0; f->list && i < f->n; i++) {
		free(f->list[i].caption);
		free(f->list[i].svg);
	}
	free(f->list);
	free(f);
}
