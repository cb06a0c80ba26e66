/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

int run_console_open(struct run *run, struct run_console *c, const char *kind, struct error *error)
{
	_cleanup_free_ char *path = NULL;

	c->text = calloc(1, CONSOLE_KEPT + 1);
	if (!c->text)
		return error_set_errno(error, -ENOMEM, "cannot run");
	if (!run->settings->log_dir)
		return 0;
	if (asprintf(&path, "%s/run-%04u.%s", run->settings->log_dir, run->request->id, kind) < 0) {
		path = NULL;
		return error_set_errno(error, -ENOMEM, "cannot run");
	}
	c->log = fopen(path, "we");
	if (!c->log)
		return error_set_errno(error, -errno, "cannot write %s", path);
	/* It can be followed while the guest runs, and is there if we are killed. */
	setvbuf(c->log, NULL, _IOLBF, BUFSIZ);
	return 0;
}

static void keep_end(struct run_console *c, const char *data, size_t n)
{
	if (n > CONSOLE_KEPT / 2)
		data += n - CONSOLE_KEPT / 2, n = CONSOLE_KEPT / 2;
	if (c->length + n > CONSOLE_KEPT) {
		size_t drop = CONSOLE_KEPT / 2;

		if (drop > c->length)
			drop = c->length;
		memmove(c->text, c->text + drop, c->length - drop);
		c->length -= drop;
	}
	memcpy(c->text + c->length, data, n);
	c->length += n;
	c->text[c->length] = '\0';
}

static void write_log(struct run *run, struct run_console *c, const char *data, size_t length)
{
	size_t room = CONSOLE_LOGGED_MAX - c->logged, n = length < room ? length : room;

	if (!c->log)
		return;
	if (fwrite(data, 1, n, c->log) != n)
		run->result->log_error = -errno;
	c->logged += n;
	if (n < length)
		run_warn(run, "the %s writes more than %zu MiB: the rest is not in its file",
			c == &run->console ? "program" : "client", CONSOLE_LOGGED_MAX >> 20);
}

void run_console_take(struct run *run, struct run_console *c, const char *data, size_t n)
{
	write_log(run, c, data, n);
	if (c->text)
		keep_end(c, data, n);
}

void run_console_last_words(const struct run_console *c, char ret[static CONSOLE_WORDS_SIZE])
{
	console_last_words(ret, c->text, c->length);
}

void run_console_close(struct run *run, struct run_console *c)
{
	if (c->log && fclose(c->log) != 0 && !run->result->log_error)
		run->result->log_error = -errno;
	free(c->text);
	*c = (struct run_console){0};
}
