/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <libelf.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/symbols/symbols_internal.h"
#include "common/cleanup.h"

#define CHILD_SECONDS  20
#define CHILD_BYTES    (3ULL << 30)
#define PATH_BYTES_MAX 4096

/* What the child says of one address; the path follows, without a NUL. */
struct answer {
	uint32_t index;
	uint32_t line;
	uint32_t path_bytes;
};

/* The addresses that lie in one module, as linked. */
struct question {
	struct symbol_module *module;
	uint64_t *addresses;
	uint32_t *indices; /* in the caller's arrays */
	size_t n;
};

/* A file made to break libdw breaks this child alone, and not for long. */
static void limit_child(pid_t parent)
{
	const struct rlimit seconds = {CHILD_SECONDS, CHILD_SECONDS}, none = {0, 0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGPIPE, SIG_DFL);
	setrlimit(RLIMIT_CPU, &seconds);
	setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* which reserves terabytes */
	const struct rlimit memory = {CHILD_BYTES, CHILD_BYTES};

	setrlimit(RLIMIT_AS, &memory);
#endif
}

/* The unit that covers @address: by the index, or where a compiler writes none, one after another.
 */
static bool find_unit(Dwarf *dwarf, uint64_t address, Dwarf_Die *ret)
{
	Dwarf_CU *unit = NULL;

	if (dwarf_addrdie(dwarf, address, ret))
		return true;
	while (dwarf_get_units(dwarf, unit, &unit, NULL, NULL, ret, NULL) == 0)
		if (dwarf_tag(ret) == DW_TAG_compile_unit && dwarf_haspc(ret, address) == 1)
			return true;
	return false;
}

static void write_all(int fd, const void *bytes, size_t size)
{
	const char *p = bytes;

	while (size > 0) {
		ssize_t n = write(fd, p, size);

		if (n <= 0)
			_exit(1);
		p += n;
		size -= (size_t)n;
	}
}

static void answer_one(Dwarf *dwarf, uint64_t address, uint32_t index, int out)
{
	struct answer a = {.index = index};
	const char *path;
	Dwarf_Line *line;
	Dwarf_Die unit;
	int number;

	if (!find_unit(dwarf, address, &unit))
		return;
	line = dwarf_getsrc_die(&unit, address);
	path = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
	if (!path || dwarf_lineno(line, &number) < 0 || number <= 0)
		return;
	a.line = (uint32_t)number;
	a.path_bytes = (uint32_t)strnlen(path, PATH_BYTES_MAX);
	write_all(out, &a, sizeof(a));
	write_all(out, path, a.path_bytes);
}

static void child_main(const struct question *q, int out, pid_t parent)
{
	int fd = q->module->file->has_lines ? q->module->fd : q->module->debug_fd;
	Dwarf *dwarf;
	Elf *elf;

	limit_child(parent);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL); /* only what is looked at becomes resident */
	dwarf = elf ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
	for (size_t i = 0; dwarf && i < q->n; i++)
		answer_one(dwarf, q->addresses[i], q->indices[i], out);
	_exit(0);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Read exactly @size bytes; false at the end, or when @deadline_ms has passed. */
static bool read_all(int fd, void *ret, size_t size, int64_t deadline_ms)
{
	char *p = ret;

	while (size > 0) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		int64_t left = deadline_ms - now_ms();
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&poll_fd, 1, (int)left) < 0) {
			if (errno == EINTR)
				continue;
			return false;
		}
		if (!poll_fd.revents)
			return false;
		n = read(fd, p, size);
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

static int take_answers(struct symbols *s, int fd, struct symbol *ret, size_t n)
{
	int64_t deadline_ms = now_ms() + (CHILD_SECONDS + 5) * 1000;
	char path[PATH_BYTES_MAX];
	struct answer a;
	int found = 0;

	while (read_all(fd, &a, sizeof(a), deadline_ms)) {
		if (a.index >= n || a.path_bytes > sizeof(path) ||
			!read_all(fd, path, a.path_bytes, deadline_ms))
			break;
		ret[a.index].file = intern_bytes(s->names, path, a.path_bytes);
		if (!ret[a.index].file)
			return -ENOMEM;
		ret[a.index].line = a.line;
		found++;
	}
	return found;
}

static int ask(struct symbols *s, const struct question *q, struct symbol *ret, size_t n)
{
	_cleanup_close_ int in = -EBADF;
	pid_t parent = getpid(), pid;
	int ends[2], found;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return 0;
	in = ends[0];
	pid = fork();
	if (pid == 0) {
		close(in);
		child_main(q, ends[1], parent);
	}
	close(ends[1]);
	if (pid < 0)
		return 0;
	found = take_answers(s, in, ret, n);
	kill(pid, SIGKILL); /* it has ended, or has had its time */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return found;
}

/* All not yet asked addresses in the module of address @first. */
static void collect(struct symbol_space *space, const uint64_t *addresses, size_t n, size_t first,
	bool *asked, struct question *q)
{
	q->module = NULL;
	q->n = 0;
	for (size_t i = first; i < n; i++) {
		const struct symbol_mapping *m;

		if (asked[i])
			continue;
		m = symbol_space_mapping(space, addresses[i]);
		if (i == first)
			q->module = m ? m->module : NULL;
		if (!q->module) {
			asked[i] = true;
			return;
		}
		if (!m || m->module != q->module)
			continue;
		asked[i] = true;
		q->addresses[q->n] = addresses[i] - m->start + m->base;
		q->indices[q->n++] = (uint32_t)i;
	}
}

static bool has_lines(const struct symbol_module *m)
{
	return m && m->file && (m->file->has_lines ? m->fd >= 0 : m->debug_fd >= 0);
}

int symbol_lines(
	struct symbol_space *space, const uint64_t *addresses, struct symbol *ret, size_t n)
{
	_cleanup_free_ uint64_t *linked = calloc(n + 1, sizeof(*linked));
	_cleanup_free_ uint32_t *indices = calloc(n + 1, sizeof(*indices));
	_cleanup_free_ bool *asked = calloc(n + 1, sizeof(*asked));
	struct question q = {.addresses = linked, .indices = indices};
	int found = 0;

	if (!linked || !indices || !asked || n > UINT32_MAX)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r;

		if (asked[i])
			continue;
		collect(space, addresses, n, i, asked, &q);
		r = has_lines(q.module) ? ask(space->symbols, &q, ret, n) : 0;
		if (r < 0)
			return r;
		found += r;
	}
	return found;
}
