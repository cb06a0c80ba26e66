/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/reference/csv_file.h"

#include <csv.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/text_file.h"

/** Where libcsv is, and what it has said. */
struct reader {
	struct csv_table *table;
	const char *path;
	size_t line;     /**< in the file, from 1 */
	size_t row_line; /**< where the row began */
	int r;
	struct error *error;
};

static int out_of_memory(const char *path, struct error *error)
{
	return error_set_errno(error, -ENOMEM, "cannot read %s", path);
}

static void on_field(void *text, size_t size, void *userdata)
{
	struct reader *r = userdata;
	struct csv_table *t = r->table;
	const char *field = text;

	if (t->n_fields == t->n_rows * t->n_columns)
		r->row_line = r->line;
	for (size_t i = 0; i < size; i++)
		r->line += field[i] == '\n';
	if (array_add_text(&t->fields, &t->n_fields, strndup(field, size)) < 0)
		r->r = out_of_memory(r->path, r->error);
}

/** @end is what ended the row: "\r\n" ends one, and then an empty one. */
static void on_row(int end, void *userdata)
{
	struct reader *r = userdata;
	struct csv_table *t = r->table;
	size_t n = t->n_fields - t->n_rows * t->n_columns;

	r->line += end == '\n';
	if (n == 0 || r->r < 0)
		return;
	if (t->n_rows == 0)
		t->n_columns = n;
	if (n != t->n_columns)
		r->r = error_set(r->error, -EBADMSG,
			"%s, line %zu: %zu fields, where there are %zu names of columns", r->path,
			r->row_line, n, t->n_columns);
	else if (ARRAY_ADD(t->lines, t->n_rows, r->row_line) < 0)
		r->r = out_of_memory(r->path, r->error);
}

static int parse(struct reader *r, const char *text, size_t size)
{
	struct csv_parser p;
	bool whole;
	int failure;

	csv_init(&p, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL);
	whole = csv_parse(&p, text, size, on_field, on_row, r) == size;
	failure = whole && csv_fini(&p, on_field, on_row, r) == 0 ? 0 : csv_error(&p);
	csv_free(&p);
	if (failure == CSV_EPARSE && r->r == 0)
		r->r = error_set(r->error, -EBADMSG,
			whole ? "%s, line %zu: a quote is not closed"
			      : "%s, line %zu: something follows a closing quote, or a quote is "
				"within a field",
			r->path, r->line);
	else if (failure && r->r == 0)
		r->r = out_of_memory(r->path, r->error);
	return r->r;
}

/** The comments at the begin of *@text, which is moved behind them; *@line is counted. */
static char *take_comments(const char **text, size_t *line)
{
	char *comment = calloc(1, strlen(*text) + 1);
	size_t used = 0;

	for (; comment && **text == '#'; ++*line) {
		const char *words = *text + 1 + strspn(*text + 1, " \t");
		size_t n = strcspn(words, "\r\n");

		if (used > 0 && n > 0)
			comment[used++] = ' ';
		memcpy(comment + used, words, n);
		used += n;
		*text += strcspn(*text, "\n");
		*text += **text == '\n';
	}
	return comment;
}

int csv_table_read(const char *path, struct csv_table **ret, struct error *error)
{
	_cleanup_csv_ struct csv_table *t = calloc(1, sizeof(*t));
	struct reader reader = {.table = t, .path = path, .line = 1, .error = error};
	_cleanup_free_ char *bytes = malloc(CSV_BYTES_MAX + 2);
	const char *text = bytes;
	ssize_t n;
	int r;

	if (!t || !bytes)
		return out_of_memory(path, error);
	n = file_read_start(bytes, CSV_BYTES_MAX + 2, "%s", path);
	if (n < 0)
		return error_set_errno(error, (int)n, "cannot read %s", path);
	if (n > CSV_BYTES_MAX)
		return error_set(error, -EFBIG, "%s is too large: more than %u MiB", path,
			CSV_BYTES_MAX >> 20);
	if (memchr(bytes, '\0', (size_t)n))
		return error_set(error, -EBADMSG, "%s is no text: it has a zero byte", path);
	if (strncmp(bytes, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	t->comment = take_comments(&text, &reader.line);
	if (!t->comment)
		return out_of_memory(path, error);
	r = parse(&reader, text, strlen(text));
	if (r < 0)
		return r;
	if (t->n_rows == 0)
		return error_set(error, -EBADMSG, "%s is empty", path);
	t->n_rows--;
	*ret = TAKE_PTR(t);
	return 0;
}

void csv_table_free(struct csv_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_fields; i++)
		free(t->fields[i]);
	free(t->comment);
	free(t->fields);
	free(t->lines);
	free(t);
}

int csv_column(const struct csv_table *t, const char *name)
{
	for (size_t i = 0; i < t->n_columns; i++)
		if (strcmp(t->fields[i], name) == 0)
			return (int)i;
	return -ENOENT;
}
