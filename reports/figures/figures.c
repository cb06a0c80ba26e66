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
	{"spectrum", "What is periodic in the noise", figure_spectrum},
	{"signature", "Detours over time, by cause", figure_signature},
	{"history", "Experiments in order", figure_history},
	{"picture", "The picture that is rendered", figure_picture},
};

/** Figures that are being made. */
struct maker {
	const struct figures_source *source;
	struct output *output;
	int folder_fd;        /* where gnuplot works */
	struct draft *drafts; /* those of kinds[], then flame graphs */
	size_t n_drafts;
	struct figures *figures;
	struct error *error;
};

static bool is_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c >= 0x80 || strchr(" -_.:+/()=<>%@[]{}~*&", c);
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

/** @name: malloced, and the draft's from here on; NULL: there was no memory for it. */
static int draft_open(struct draft *d, char *name, const char *title, int folder_fd)
{
	*d = (struct draft){.name = name,
		.title = title,
		.width_cm = FIGURE_WIDTH_CM,
		.height_cm = 6,
		.folder_fd = folder_fd};
	d->data = open_memstream(&d->data_text, &d->data_size);
	d->setup = open_memstream(&d->setup_text, &d->setup_size);
	d->plot = open_memstream(&d->plot_text, &d->plot_size);
	d->caption = open_memstream(&d->caption_text, &d->caption_size);
	return d->name && d->data && d->setup && d->plot && d->caption ? 0 : -ENOMEM;
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
	free(d->name);
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

/** What every script begins with. */
static const char style[] = "set encoding utf8\n"
			    "set datafile separator comma\n"
			    "set datafile columnheaders\n"
			    "set border 3 lw 0.75\n"
			    "set tics nomirror out scale 0.5\n"
			    "set xtics offset 0,0.35\n"
			    "set grid ytics lt 1 lw 0.5 lc rgb \"" FIGURE_GRID "\"\n"
			    "unset key\n";

static void write_pdf_terminal(const struct draft *d, FILE *out)
{
	fprintf(out,
		"set terminal pdfcairo size %gcm,%gcm font \"Helvetica,8\" fontscale 0.75 "
		"pointscale 1.05 lw 1.25 noenhanced\n",
		d->width_cm, d->height_cm);
}

/** Its files have a stack's name, which is the store's: the script knows it as its own. */
static int fill_pdf_script(void *userdata, FILE *out)
{
	const struct draft *d = userdata;

	fprintf(out,
		"# gnuplot NAME.gp draws NAME.pdf from NAME.csv, whatever NAME is.\n"
		"# Made by guestscope " GUESTSCOPE_VERSION ", for gnuplot 5.4 or later.\n"
		"reset\nname = ARG0[1:strlen(ARG0) - 3]\n%s%s",
		style, d->setup_text);
	write_pdf_terminal(d, out);
	fprintf(out, "set output name.\".pdf\"\n%sset output\n", d->plot_text);
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
		"reset session\n%s%s"
		"do for [kind in \"svg pdf\"] {\n"
		"if (kind eq \"svg\") {\n"
		"\tset terminal svg size %.0f,%.0f font \"sans-serif,%.2f\" noenhanced name "
		"\"%s\" background \"white\"\n"
		"} else {\n\t",
		d->name, d->name, d->name, d->name, style, d->setup_text, d->width_cm * px,
		d->height_cm * px, size, d->name);
	write_pdf_terminal(d, out);
	fprintf(out,
		"}\n"
		"set output \"%s.\".kind\n%s"
		"unset multiplot\n"
		"set output\n"
		"}\n",
		d->name, d->plot_text);
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
	return r < 0 ? r
		     : output_file(m->output, gp, d->pdf_only ? fill_pdf_script : fill_script, d,
			       m->error);
}

/** Close a draft that was filled with @r, and write its files if there is something to draw. */
static int finish_draft(struct maker *m, struct draft *d, int r)
{
	int closed = draft_close(d);

	if (closed < 0)
		return closed;
	if (r > 0)
		d->used = (r = write_draft(m, d)) >= 0;
	return r;
}

static int make_draft(struct maker *m, const struct figure_kind *kind)
{
	struct draft *d = &m->drafts[m->n_drafts++];
	int r = draft_open(d, strdup(kind->name), kind->title, m->folder_fd);

	if (r >= 0)
		r = kind->fill(m->source, d);
	return finish_draft(m, d, r);
}

static int make_flame(
	struct maker *m, const struct flame_kind *kind, const struct configuration *configuration)
{
	const struct stack_tree *tree = NULL;
	int r = flame_tree_kept(m->source->flames, kind, configuration, &tree);
	struct draft *d;

	if (r < 0 || !tree)
		return r;
	d = &m->drafts[m->n_drafts++];
	r = draft_open(d, flame_name(kind, configuration), kind->title, m->folder_fd);
	if (r >= 0)
		r = figure_flame(tree, d);
	return finish_draft(m, d, r);
}

/** Those of the boot are for a look: they are not drawn for a paper. */
static int make_flames(struct maker *m)
{
	const struct summary *s = m->source->flames ? m->source->summary : NULL;
	int r = 0;

	for (size_t i = 0; s && i < s->n_configurations; i++)
		for (size_t k = 0; k < FLAME_KINDS && r >= 0; k++)
			if (!flame_table[k].boot)
				r = make_flame(m, &flame_table[k], &s->configurations[i]);
	return r;
}

static int make_drafts(struct maker *m)
{
	const struct summary *s = m->source->summary;
	size_t most = ARRAY_SIZE(kinds) + (s ? s->n_configurations * FLAME_KINDS : 0);
	int r = 0;

	m->drafts = calloc(most, sizeof(*m->drafts));
	m->figures->list = calloc(most, sizeof(*m->figures->list));
	if (!m->drafts || !m->figures->list)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && r >= 0; i++)
		r = make_draft(m, &kinds[i]);
	return r < 0 ? r : make_flames(m);
}

/** Draw those of the drafts from @first on, @n of them, that are in use, in one process. */
static int draw(struct maker *m, size_t first, size_t n, struct error *error)
{
	_cleanup_free_ char **scripts = calloc(n + 1, sizeof(*scripts));
	size_t used = 0;
	int r = scripts ? 0 : -ENOMEM;

	for (size_t i = first; i < first + n && r >= 0; i++)
		if (m->drafts[i].used && asprintf(&scripts[used++], "%s.gp", m->drafts[i].name) < 0)
			r = error_set_errno(error, -ENOMEM, "cannot run gnuplot");
	if (r >= 0 && used > 0)
		r = gnuplot_draw(m->folder_fd, scripts, used, error);
	for (size_t i = first; i < first + n; i++)
		m->drafts[i].drawn = m->drafts[i].used && r >= 0;
	for (size_t i = 0; i < used; i++)
		free(scripts[i]);
	return r;
}

/**
 * One process for many is the quickest by far. If it fails, each is drawn by itself, so that those
 * that can be drawn are.
 */
static void draw_many(struct maker *m, size_t first, size_t n, struct error *ret)
{
	struct error error = {};
	int r = draw(m, first, n, &error);

	if (r == -EIO) {
		error = (struct error){};
		for (size_t i = first; i < first + n; i++) {
			struct error own = {};

			if (draw(m, i, 1, &own) < 0 && !*error.text)
				error_set(
					&error, -EIO, "figure %s: %s", m->drafts[i].name, own.text);
		}
	}
	if (!*ret->text)
		*ret = error;
}

static void draw_all(struct maker *m)
{
	struct error error = {};

	for (size_t i = 0; i < m->n_drafts; i += ARRAY_SIZE(kinds))
		draw_many(m, i,
			i + ARRAY_SIZE(kinds) < m->n_drafts ? ARRAY_SIZE(kinds) : m->n_drafts - i,
			&error);
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

/** A drawing of gnuplot's into the folder, as it is; @keep: read it, too. */
static int adopt(struct maker *m, const struct draft *d, const char *suffix, char **keep)
{
	_cleanup_free_ char *name = NULL;
	int r;

	if (asprintf(&name, "%s%s", d->name, suffix) < 0) {
		name = NULL;
		return error_set_errno(m->error, -ENOMEM, "cannot draw figures");
	}
	r = keep ? read_drawing(m, name, keep) : date_drawing(m, name);
	if (r < 0)
		return error_set_errno(m->error, r, "cannot use gnuplot's drawing %s", name);
	return output_adopt(m->output, name, m->error);
}

/** Take the drawings of a figure in. */
static int take_in(struct maker *m, struct draft *d)
{
	struct figure *f = &m->figures->list[m->figures->n++];
	int r = adopt(m, d, ".pdf", NULL);

	if (r >= 0 && !d->pdf_only)
		r = adopt(m, d, ".svg", &f->svg);
	f->name = TAKE_PTR(d->name);
	f->title = d->title;
	f->caption = TAKE_PTR(d->caption_text);
	return r;
}

/** What a gnuplot that failed may have left half drawn. */
static void forget(const struct maker *m, const struct draft *d)
{
	static const char *const suffixes[] = {"svg", "pdf"};

	for (size_t k = 0; k < ARRAY_SIZE(suffixes); k++) {
		_cleanup_free_ char *name = NULL;

		if (asprintf(&name, "%s.%s", d->name, suffixes[k]) < 0)
			name = NULL;
		else
			(void)unlinkat(m->folder_fd, name, 0); /* it need not be there */
	}
}

static int make(struct maker *m)
{
	int r = make_drafts(m);

	if (r < 0)
		return r;
	draw_all(m);
	for (size_t i = 0; i < m->n_drafts; i++)
		if (m->drafts[i].used && !m->drafts[i].drawn)
			forget(m, &m->drafts[i]);
	for (size_t i = 0; i < m->n_drafts && r >= 0; i++)
		if (m->drafts[i].drawn)
			r = take_in(m, &m->drafts[i]);
	return r;
}

bool figures_have(const struct figures *f, const char *name)
{
	for (size_t i = 0; f && i < f->n; i++)
		if (strcmp(f->list[i].name, name) == 0)
			return true;
	return false;
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
	if (!figures)
		return error_set_errno(error, -ENOMEM, "cannot draw figures");
	r = make(&m);
	for (size_t i = 0; i < m.n_drafts; i++)
		draft_clear(&m.drafts[i]);
	free(m.drafts);
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
		free(f->list[i].name);
		free(f->list[i].caption);
		free(f->list[i].svg);
	}
	free(f->list);
	free(f);
}
