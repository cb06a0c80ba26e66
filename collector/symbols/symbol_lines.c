/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "collector/symbols/child_pipe.h"
#include "collector/symbols/line_reader.h"
#include "collector/symbols/symbol_space.h"
#include "collector/symbols/symbols_internal.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/spawn.h"

#define CHILD_SECONDS 20
#define CHILD_BYTES   (3ULL << 30)

/* The addresses that lie in one module, as linked. */
struct question {
	struct symbol_module *module;
	uint64_t *addresses;
	uint32_t *indices; /* of their lines */
	size_t n;
};

/* A file made to break libdw breaks this child alone, and not for long. */
static void limit_child(void)
{
	const struct rlimit seconds = {CHILD_SECONDS, CHILD_SECONDS}, none = {0, 0};

	signal(SIGPIPE, SIG_DFL);
	setrlimit(RLIMIT_CPU, &seconds);
	setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* which reserves terabytes */
	const struct rlimit memory = {CHILD_BYTES, CHILD_BYTES};

	setrlimit(RLIMIT_AS, &memory);
#endif
}

static void child_main(const void *userdata, int out)
{
	const struct question *q = userdata;
	int fd = q->module->file->has_lines ? q->module->fd : q->module->debug_fd;

	limit_child();
	line_reader_run(fd, q->addresses, q->indices, q->n, out);
}

/* A text of @size bytes, at most @max; NULL where that is 0. -EIO, -ENOMEM. */
static int take_text(struct symbols *s, int fd, uint32_t size, uint32_t max, int64_t deadline_ms,
	const char **ret)
{
	char text[LINE_PATH_MAX];

	*ret = NULL;
	if (size == 0)
		return 0;
	if (size > max || max > sizeof(text) || !child_pipe_read(fd, text, size, deadline_ms))
		return -EIO;
	*ret = intern_bytes(&s->names, text, size);
	return *ret ? 0 : -ENOMEM;
}

static int take_place(struct symbols *s, int fd, int64_t deadline_ms, struct symbol_inlined *ret)
{
	struct line_place head;
	int r;

	if (!child_pipe_read(fd, &head, sizeof(head), deadline_ms))
		return -EIO;
	ret->line = head.line;
	r = take_text(s, fd, head.path_bytes, LINE_PATH_MAX, deadline_ms, &ret->file);
	return r < 0 ? r
		     : take_text(s, fd, head.name_bytes, LINE_NAME_MAX, deadline_ms, &ret->name);
}

/* The places of one answer: the first is the function itself, the others are inlined in it. */
static int take_places(
	struct symbols *s, int fd, size_t n, int64_t deadline_ms, struct symbol_line *ret)
{
	_cleanup_free_ struct inlined_chain *chain =
		calloc(1, sizeof(*chain) + (n - 1) * sizeof(chain->functions[0]));
	struct symbol_inlined function;
	int r;

	if (!chain)
		return -ENOMEM;
	r = take_place(s, fd, deadline_ms, &function);
	for (size_t i = 0; r == 0 && i < n - 1; i++) {
		r = take_place(s, fd, deadline_ms, &chain->functions[i]);
		if (r == 0 && !chain->functions[i].name)
			r = -EIO;
	}
	if (r < 0)
		return r;
	ret->file = function.file;
	ret->line = function.line;
	if (n < 2)
		return 0;
	ret->inlined = chain->functions;
	ret->n_inlined = (unsigned)n - 1;
	chain->next = s->chains;
	s->chains = TAKE_PTR(chain);
	return 0;
}

static int take_answers(struct symbols *s, int fd, struct symbol_line *ret, size_t n)
{
	int64_t deadline_ms = clock_ms() + (CHILD_SECONDS + 5) * INT64_C(1000);
	struct line_answer a;
	int found = 0;

	while (child_pipe_read(fd, &a, sizeof(a), deadline_ms)) {
		int r;

		if (a.index >= n || a.n_places < 1 || a.n_places > LINE_PLACES_MAX)
			break;
		r = take_places(s, fd, a.n_places, deadline_ms, &ret[a.index]);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			break;
		found++;
	}
	return found;
}

static int ask(struct symbols *s, const struct question *q, struct symbol_line *ret, size_t n)
{
	_cleanup_close_ int in = -EBADF;
	pid_t pid = child_pipe_start(child_main, q, &in);
	int found;

	if (pid < 0)
		return 0;
	found = take_answers(s, in, ret, n);
	kill(pid, SIGKILL); /* it has ended, or has had its time */
	(void)spawn_wait(pid, NULL);
	return found;
}

/* All not yet asked addresses in the module of that of line @first. */
static void collect(struct symbol_space *space, const struct symbol_line *lines, size_t n,
	size_t first, bool *asked, struct question *q)
{
	q->module = NULL;
	q->n = 0;
	for (size_t i = first; i < n; i++) {
		const struct symbol_mapping *m;

		if (asked[i])
			continue;
		m = symbol_space_mapping(space, lines[i].address);
		if (i == first)
			q->module = m ? m->module : NULL;
		if (!q->module) {
			asked[i] = true;
			return;
		}
		if (!m || m->module != q->module)
			continue;
		asked[i] = true;
		q->addresses[q->n] = lines[i].address - m->start + m->base;
		q->indices[q->n++] = (uint32_t)i;
	}
}

static bool has_lines(const struct symbol_module *m)
{
	return m && m->file && (m->file->has_lines ? m->fd >= 0 : m->debug_fd >= 0);
}

static int compare_lines(const void *a, const void *b)
{
	const struct symbol_line *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static const struct symbol_line *find_line(
	const struct symbol_line *lines, size_t n, uint64_t address)
{
	const struct symbol_line key = {.address = address};

	return n ? bsearch(&key, lines, n, sizeof(key), compare_lines) : NULL;
}

/* Take from the question what an earlier one was told. Returns of how many something is known. */
static int take_known(struct question *q, struct symbol_line *lines)
{
	size_t n = 0;
	int found = 0;

	for (size_t i = 0; i < q->n; i++) {
		const struct symbol_line *known =
			find_line(q->module->lines, q->module->n_lines, q->addresses[i]);
		struct symbol_line *line = &lines[q->indices[i]];

		if (known) {
			uint64_t address = line->address;

			*line = *known;
			line->address = address;
			found += line->file || line->n_inlined;
		} else {
			q->addresses[n] = q->addresses[i];
			q->indices[n++] = q->indices[i];
		}
	}
	q->n = n;
	return found;
}

/* What was not found, too: it is not looked for again in every run. */
static int remember(const struct question *q, const struct symbol_line *lines)
{
	struct symbol_module *m = q->module;

	if (ARRAY_MORE(m->lines, m->n_lines, q->n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < q->n; i++) {
		m->lines[m->n_lines] = lines[q->indices[i]];
		m->lines[m->n_lines++].address = q->addresses[i];
	}
	qsort(m->lines, m->n_lines, sizeof(*m->lines), compare_lines);
	return 0;
}

/* Returns of how many addresses of the question something is known, or -ENOMEM. */
static int answer(struct symbols *s, struct question *q, struct symbol_line *lines, size_t n)
{
	int known, found;

	if (!has_lines(q->module))
		return 0;
	known = take_known(q, lines);
	if (q->n == 0)
		return known;
	found = ask(s, q, lines, n);
	if (found < 0)
		return found;
	return remember(q, lines) < 0 ? -ENOMEM : known + found;
}

/* One line for each of the addresses, in order, nothing known yet. */
static size_t make_lines(struct symbol_line *ret, const uint64_t *addresses, size_t n)
{
	size_t different = 0;

	for (size_t i = 0; i < n; i++)
		ret[i].address = addresses[i];
	qsort(ret, n, sizeof(*ret), compare_lines);
	for (size_t i = 0; i < n; i++)
		if (!different || ret[different - 1].address != ret[i].address)
			ret[different++].address = ret[i].address;
	return different;
}

int symbol_space_find_lines(struct symbol_space *space, const uint64_t *addresses, size_t n)
{
	_cleanup_free_ struct symbol_line *lines = calloc(n + 1, sizeof(*lines));
	_cleanup_free_ uint64_t *linked = calloc(n + 1, sizeof(*linked));
	_cleanup_free_ uint32_t *indices = calloc(n + 1, sizeof(*indices));
	_cleanup_free_ bool *asked = calloc(n + 1, sizeof(*asked));
	struct question q = {.addresses = linked, .indices = indices};
	int found = 0;

	if (!lines || !linked || !indices || !asked || n > UINT32_MAX)
		return -ENOMEM;
	n = make_lines(lines, addresses, n);
	for (size_t i = 0; i < n; i++) {
		int r;

		if (asked[i])
			continue;
		collect(space, lines, n, i, asked, &q);
		r = answer(space->symbols, &q, lines, n);
		if (r < 0)
			return r;
		found += r;
	}
	free(space->lines);
	space->lines = TAKE_PTR(lines);
	space->n_lines = n;
	return found;
}

void symbol_space_set_line(const struct symbol_space *space, uint64_t address, struct symbol *ret)
{
	const struct symbol_line *found = find_line(space->lines, space->n_lines, address);

	if (!found)
		return;
	ret->file = found->file;
	ret->line = found->line;
	ret->inlined = found->inlined;
	ret->n_inlined = found->n_inlined;
}
