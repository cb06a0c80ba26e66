/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/unwind/unwind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/symbols/elf_file.h"
#include "collector/unwind/unwind_bzimage.h"
#include "collector/unwind/unwind_cache.h"
#include "collector/unwind/unwind_jit.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/hash_index.h"

/* Code without rules that compilers put into each file: nearly all of a very small one. */
#define SPARE_BYTES 1024

/* A file whose table was made before it was met. */
struct expected {
	uint8_t build_id[ELF_BUILD_ID_MAX];
	size_t build_id_bytes; /* 0: it has none, and is told by the following */
	dev_t device;
	ino_t inode;
	struct timespec changed;
	struct unwind_table table; /* empty once its module has it */
};

struct unwind {
	struct expected *expected;
	size_t n_expected;
	struct unwind_module **modules;
	size_t n_modules;
	struct unwind_rule *rules;
	size_t n_rules;
	struct hash_index index; /* of the rules */
	size_t n_rows;
};

const char *const unwind_end_names[UNWIND_END_COUNT] = {
	[UNWIND_END_NONE] = "by frame pointers",
	[UNWIND_END_ROOT] = "root",
	[UNWIND_END_LIMIT] = "too deep",
	[UNWIND_END_NO_MODULE] = "unknown code",
	[UNWIND_END_NO_TABLE] = "no unwind table",
	[UNWIND_END_NO_RULE] = "no unwind rule",
	[UNWIND_END_MEMORY] = "stack not readable",
	[UNWIND_END_STUCK] = "stack pointer does not move",
	[UNWIND_END_REGISTERS] = "registers not known",
};

const char *const unwind_way_names[UNWIND_WAY_COUNT] = {
	[UNWIND_WAY_UNKNOWN] = "unknown code",
	[UNWIND_WAY_EH_FRAME] = ".eh_frame",
	[UNWIND_WAY_DEBUG_FRAME] = ".debug_frame",
	[UNWIND_WAY_BOTH] = ".eh_frame, .debug_frame",
	[UNWIND_WAY_ORC] = "ORC",
	[UNWIND_WAY_JIT] = "JIT interface",
	[UNWIND_WAY_NO_TABLE] = "frame pointers: no unwind table",
	[UNWIND_WAY_SPARSE] = "frame pointers: table for less than half of the code",
	[UNWIND_WAY_LATE] = "frame pointers: table not made yet",
	[UNWIND_WAY_PROCESS] = "frame pointers: process not known yet",
	[UNWIND_WAY_HOST_KERNEL] = "the host kernel's unwinder",
};

static uint64_t hash_rule(const struct unwind_rule *rule)
{
	uint64_t words[sizeof(*rule) / sizeof(uint64_t)], hash = HASH_FIRST;

	memcpy(words, rule, sizeof(words));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		hash = hash_number(hash, words[i]);
	return hash;
}

static bool is_rule(const void *rules, size_t i, const void *rule)
{
	return memcmp((const struct unwind_rule *)rules + i, rule, sizeof(struct unwind_rule)) == 0;
}

/* Its number; 0, no rule, where there is room for no more. */
static uint32_t number_of(struct unwind *u, const struct unwind_rule *rule)
{
	uint64_t hash = hash_rule(rule);
	size_t i = hash_index_find(&u->index, hash, is_rule, u->rules, rule);

	if (i != HASH_NONE)
		return (uint32_t)i;
	if (u->n_rules == UNWIND_RULES_MAX || ARRAY_MORE(u->rules, u->n_rules, 1) < 0 ||
		hash_index_add(&u->index, hash, u->n_rules) < 0)
		return 0;
	u->rules[u->n_rules] = *rule;
	return (uint32_t)u->n_rules++;
}

int unwind_new(struct unwind **ret)
{
	struct unwind *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	if (number_of(u, &(struct unwind_rule){0}) != 0 || u->n_rules != 1) {
		unwind_free(u);
		return -ENOMEM;
	}
	*ret = u;
	return 0;
}

void unwind_free(struct unwind *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->n_modules; i++) {
		free(u->modules[i]->rows);
		free(u->modules[i]->name);
		free(u->modules[i]);
	}
	for (size_t i = 0; i < u->n_expected; i++)
		unwind_table_done(&u->expected[i].table);
	free(u->expected);
	free(u->modules);
	free(u->rules);
	hash_index_clear(&u->index);
	free(u);
}

void unwind_begin(struct unwind *u)
{
	for (size_t i = 0; i < u->n_modules; i++)
		u->modules[i]->first = UNWIND_NOT_PLACED;
}

size_t unwind_rows(const struct unwind *u)
{
	size_t n = u->n_rows;

	for (size_t i = 0; i < u->n_expected; i++)
		n += u->expected[i].table.n_rows;
	return n;
}

const struct unwind_rule *unwind_rules(const struct unwind *u, size_t *ret_n)
{
	*ret_n = u->n_rules;
	return u->rules;
}

static struct unwind_module *find(struct unwind *u, const void *key, const char *name)
{
	for (size_t i = 0; i < u->n_modules; i++) {
		struct unwind_module *m = u->modules[i];

		if (key ? m->key == key : name && m->name && strcmp(m->name, name) == 0)
			return m;
	}
	return NULL;
}

/* Bytes of code that the rows have rules for. */
static uint64_t covered_bytes(const struct unwind_table *t)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i + 1 < t->n_rows; i++)
		if (t->rows[i].rule)
			bytes += t->rows[i + 1].pc - t->rows[i].pc;
	return bytes;
}

/* Does it have rules for most of @bytes of code? Else that is better walked without. */
static bool covers(const struct unwind_module *m, uint64_t bytes)
{
	return m->n_rows && (m->covered >= bytes / 2 || bytes - m->covered <= SPARE_BYTES);
}

enum unwind_way unwind_way_of(const struct unwind_module *m, uint64_t bytes)
{
	static const enum unwind_way by_source[UNWIND_SOURCES + 1] = {
		[0] = UNWIND_WAY_NO_TABLE,
		[UNWIND_EH_FRAME] = UNWIND_WAY_EH_FRAME,
		[UNWIND_DEBUG_FRAME] = UNWIND_WAY_DEBUG_FRAME,
		[UNWIND_EH_FRAME | UNWIND_DEBUG_FRAME] = UNWIND_WAY_BOTH,
		[UNWIND_ORC] = UNWIND_WAY_ORC,
	};

	if (!m)
		return UNWIND_WAY_LATE;
	if (!m->n_rows)
		return UNWIND_WAY_NO_TABLE;
	return covers(m, bytes) ? by_source[m->sources & UNWIND_SOURCES] : UNWIND_WAY_SPARSE;
}

int unwind_renumber(struct unwind *u, struct unwind_table *t)
{
	uint32_t *numbers = calloc(t->n_rules + 1, sizeof(*numbers));

	if (!numbers)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_rules; i++)
		numbers[i] = number_of(u, &t->rules[i]);
	for (size_t i = 0; i < t->n_rows; i++)
		t->rows[i].rule = numbers[t->rows[i].rule];
	free(numbers);
	return 0;
}

struct unwind_module *unwind_add(struct unwind *u, const void *key, struct unwind_table *table)
{
	struct unwind_module *m = calloc(1, sizeof(*m));
	uint64_t covered = covered_bytes(table);

	if (!m || ARRAY_MORE(u->modules, u->n_modules, 1) < 0 || unwind_renumber(u, table) < 0) {
		unwind_table_done(table);
		free(m);
		return NULL;
	}
	*m = (struct unwind_module){
		.key = key,
		.sources = table->sources,
		.covered = covered,
		.base = table->base,
		.n_rows = table->n_rows,
		.first = UNWIND_NOT_PLACED,
	};
	m->rows = TAKE_PTR(table->rows);
	u->modules[u->n_modules++] = m;
	u->n_rows += m->n_rows;
	unwind_table_done(table);
	return m;
}

/* -EAGAIN: it would have to be made. */
static int table_of_file(int fd, const struct elf_file *file, bool make, struct unwind_table *ret)
{
	size_t bytes = file->build_id_bytes;
	int r;

	if (bytes && unwind_cache_get(file->build_id, bytes, ret) == 0)
		return 0;
	if (!make)
		return -EAGAIN;
	r = unwind_table_of_elf(fd, -1, ret, NULL);
	if (r == 0 && bytes)
		unwind_cache_put(file->build_id, bytes, ret);
	return r;
}

static struct expected *find_expected(struct unwind *u, int fd, const struct elf_file *file)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return NULL;
	for (size_t i = 0; i < u->n_expected; i++) {
		struct expected *e = &u->expected[i];

		if (e->build_id_bytes != file->build_id_bytes)
			continue;
		if (e->build_id_bytes ? memcmp(e->build_id, file->build_id, e->build_id_bytes) == 0
				      : e->device == st.st_dev && e->inode == st.st_ino &&
						e->changed.tv_sec == st.st_mtim.tv_sec &&
						e->changed.tv_nsec == st.st_mtim.tv_nsec)
			return e;
	}
	return NULL;
}

void unwind_expect(struct unwind *u, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ struct elf_file *file = malloc(sizeof(*file));
	struct expected e = {0};
	struct stat st;

	if (!file || fd < 0 || fstat(fd, &st) < 0 || elf_file_read(fd, file) < 0 ||
		find_expected(u, fd, file) || table_of_file(fd, file, true, &e.table) < 0)
		return;
	memcpy(e.build_id, file->build_id, file->build_id_bytes);
	e.build_id_bytes = file->build_id_bytes;
	e.device = st.st_dev;
	e.inode = st.st_ino;
	e.changed = st.st_mtim;
	if (ARRAY_ADD(u->expected, u->n_expected, e) < 0)
		unwind_table_done(&e.table);
}

static int make_table(
	struct unwind *u, const struct symbol_text *text, bool make, struct unwind_table *ret)
{
	struct expected *e;

	if (text->vdso)
		return unwind_table_of_image((const void *)getauxval(AT_SYSINFO_EHDR),
			text->end - text->start, ret, NULL);
	if (text->fd < 0)
		return -ENODATA;
	e = find_expected(u, text->fd, text->file);
	if (!e || !e->table.n_rows)
		return table_of_file(text->fd, text->file, make, ret);
	*ret = e->table;
	e->table = (struct unwind_table){0};
	return 0;
}

struct unwind_module *unwind_of_text(struct unwind *u, const struct symbol_text *text, bool make)
{
	struct unwind_module *m = find(u, text->module, NULL);
	struct unwind_table table = {0};
	int r;

	if (m)
		return m;
	r = make_table(u, text, make, &table);
	if (r == -EAGAIN)
		return NULL;
	if (r < 0)
		table = (struct unwind_table){0};
	m = unwind_add(u, text->module, &table);
	if (m && text->fd >= 0 && unwind_jit_find(text->fd, &m->jit) < 0)
		m->jit = 0;
	return m;
}

/* How much code is in the ELF file; 0: it is none. */
static uint64_t text_of(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ struct elf_file *file = malloc(sizeof(*file));

	return file && fd >= 0 && elf_file_read(fd, file) == 0 ? elf_code_bytes(file) : 0;
}

static int table_of_kernel(const char *path, struct unwind_table *ret)
{
	_cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	int r;

	if (fd < 0)
		return -ENODATA;
	r = unwind_table_of_vmlinux(fd, ret, NULL);
	if (r < 0)
		r = unwind_table_of_elf(fd, -1, ret, NULL);
	return r < 0 ? unwind_table_of_bzimage(fd, ret, NULL) : r;
}

struct unwind_module *unwind_of_kernel(struct unwind *u, const char *symbols, const char *kernel)
{
	const char *files[] = {symbols, kernel};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct unwind_module *m = files[i] ? find(u, NULL, files[i]) : NULL;
		struct unwind_table table = {0};

		if (m && m->n_rows)
			return m;
		if (m || table_of_kernel(files[i], &table) < 0)
			continue;
		m = unwind_add(u, NULL, &table);
		if (m) {
			m->name = strdup(files[i]);
			m->text_bytes = text_of(files[i]);
		}
		return m;
	}
	return NULL;
}
