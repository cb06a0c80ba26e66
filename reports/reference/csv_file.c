/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/reference/csv_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/array.h"
#include "common/cleanup.h"

/** Where the reader is. */
struct cursor {
	const char *path;
	char *at;
	size_t line;
	size_t n_fields;
	struct error *error;
};

static int read_text(const char *path, char **ret, size_t *ret_size, struct error *error)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set_errno(error, -errno, "cannot read %s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(error, -EBADMSG, "%s is no file", path);
	if (st.st_size > (off_t)CSV_BYTES_MAX)
		return error_set(error, -EFBIG, "%s is too large: more than %u MiB", path,
			CSV_BYTES_MAX >> 20);
	text = calloc(1, (size_t)st.st_size + 1);
	if (!text)
		return error_set_errno(error, -ENOMEM, "cannot read %s", path);
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, text + n, (size_t)st.st_size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(error, -errno, "cannot read %s", path);
		if (got == 0)
			break;
		n += (size_t)got;
	}
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	*ret_size = n;
	return 0;
}

static int add_field(struct csv_table *t, struct cursor *c, char *field)
{
	if (ARRAY_ADD(t->fields, c->n_fields, field) < 0)
		return error_set_errno(c->error, -ENOMEM, "cannot read %s", c->path);
	return 0;
}

/** A field between quotes, unquoted in place; leaves the cursor behind the closing quote. */
static int quoted(struct cursor *c, char **ret)
{
	const size_t line = c->line;
	char *w = ++c->at;

	*ret = w;
	for (;; c->at++) {
		if (*c->at == '"' && c->at[1] == '"')
			c->at++;
		else if (*c->at == '"')
			break;
		if (!*c->at)
			return error_set(c->error, -EBADMSG, "%s, line %zu: a quote is not closed",
				c->path, line);
		if (*c->at == '\n')
			c->line++;
		*w++ = *c->at;
	}
	c->at++;
	*w = '\0';
	return 0;
}

/** One field and what ends it: ',', '\n' or '\0', which @ret_end tells. */
static int next_field(struct csv_table *t, struct cursor *c, char *ret_end)
{
	char *field = c->at;

	if (*c->at == '"') {
		int r = quoted(c, &field);

		if (r < 0)
			return r;
		if (c->at[0] == '\r' && c->at[1] == '\n')
			c->at++;
	} else {
		c->at += strcspn(c->at, ",\n");
		if (*c->at == '\n' && c->at > field && c->at[-1] == '\r')
			c->at[-1] = '\0';
	}
	*ret_end = *c->at;
	if (*ret_end && *ret_end != ',' && *ret_end != '\n')
		return error_set(c->error, -EBADMSG,
			"%s, line %zu: something follows a closing quote", c->path, c->line);
	if (*ret_end)
		*c->at++ = '\0';
	return add_field(t, c, field);
}

static int next_row(struct csv_table *t, struct cursor *c)
{
	size_t first = c->n_fields, line = c->line, n;
	char end = ',';

	while (end == ',') {
		int r = next_field(t, c, &end);

		if (r < 0)
			return r;
	}
	c->line += end == '\n';
	n = c->n_fields - first;
	if (n == 1 && !*t->fields[first]) { /* an empty line */
		c->n_fields = first;
		return 0;
	}
	if (first == 0)
		t->n_columns = n;
	if (n != t->n_columns)
		return error_set(c->error, -EBADMSG,
			"%s, line %zu: %zu fields, where there are %zu names of columns", c->path,
			line, n, t->n_columns);
	if (ARRAY_ADD(t->lines, t->n_rows, line) < 0)
		return error_set_errno(c->error, -ENOMEM, "cannot read %s", c->path);
	return 0;
}

static int read_comments(struct csv_table *t, struct cursor *c)
{
	size_t n = 0, used = 0;

	t->comment = calloc(1, strlen(c->at) + 1);
	if (!t->comment)
		return error_set_errno(c->error, -ENOMEM, "cannot read %s", c->path);
	while (*c->at == '#') {
		char *text = c->at + 1 + strspn(c->at + 1, " \t");

		c->at += strcspn(c->at, "\n");
		n = strcspn(text, "\r\n");
		if (used > 0 && n > 0)
			t->comment[used++] = ' ';
		memcpy(t->comment + used, text, n);
		used += n;
		if (*c->at)
			c->at++;
		c->line++;
	}
	return 0;
}

int csv_read(const char *path, struct csv_table **ret, struct error *error)
{
	_cleanup_csv_ struct csv_table *t = calloc(1, sizeof(*t));
	struct cursor c = {.path = path, .line = 1, .error = error};
	size_t size = 0;
	int r;

	if (!t)
		return error_set_errno(error, -ENOMEM, "cannot read %s", path);
	r = read_text(path, &t->text, &size, error);
	if (r < 0 || !t->text)
		return r;
	if (memchr(t->text, '\0', size))
		return error_set(error, -EBADMSG, "%s is no text: it has a zero byte", path);
	c.at = t->text;
	if (strncmp(c.at, "\xef\xbb\xbf", 3) == 0)
		c.at += 3;
	r = read_comments(t, &c);
	while (r >= 0 && *c.at)
		r = next_row(t, &c);
	if (r < 0)
		return r;
	if (t->n_rows == 0)
		return error_set(error, -EBADMSG, "%s is empty", path);
	t->n_rows--;
	*ret = TAKE_PTR(t);
	return 0;
}

void csv_free(struct csv_table *t)
{
	if (!t)
		return;
	free(t->comment);
	free(t->fields);
	free(t->lines);
	free(t->text);
	free(t);
}

int csv_column(const struct csv_table *t, const char *name)
{
	for (size_t i = 0; i < t->n_columns; i++)
		if (strcmp(t->fields[i], name) == 0)
			return (int)i;
	return -ENOENT;
}
