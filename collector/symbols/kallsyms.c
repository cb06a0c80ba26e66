/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/kallsyms.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"

/* No function of a kernel is larger; what follows the last one of a region is none of it. */
#define FUNCTION_MAX (256U << 10)
#define MODULES_MAX  4096

struct line {
	uint64_t address;
	char type;
	char *name;
	char *module; /* with its brackets, or NULL */
};

static int parse_line(char *text, struct line *ret)
{
	char *end, *name;

	errno = 0;
	ret->address = strtoull(text, &end, 16);
	if (errno || end == text || end[0] != ' ' || !end[1] || end[2] != ' ')
		return -EINVAL;
	ret->type = end[1];
	name = end + 3;
	name[strcspn(name, "\n")] = '\0';
	ret->name = name;
	ret->module = NULL;
	end = name + strcspn(name, "\t ");
	if (*end) {
		*end++ = '\0';
		end += strspn(end, "\t ");
		if (*end == '[')
			ret->module = end;
	}
	return *name ? 0 : -EINVAL;
}

/* "__pfx_" names the padding before each function, where nothing ever runs. */
static bool is_function(const struct line *line)
{
	return strchr("tTwW", line->type) && strncmp(line->name, "__pfx_", 6) != 0;
}

/* Marks that end a region of text: what follows belongs to no function. */
static bool is_end_mark(const char *name)
{
	static const char *const marks[] = {"_etext", "_einittext"};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (strcmp(name, marks[i]) == 0)
			return true;
	return false;
}

/* Marks that stand where a function begins, and are none. */
static bool is_start_mark(const char *name)
{
	static const char *const marks[] = {"_text", "_stext", "_sinittext"};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (strcmp(name, marks[i]) == 0)
			return true;
	return false;
}

/* The group of @module; lines of one module come together, so the last one is tried first. */
static int group_of(struct kallsyms *k, struct intern *names, const char *module, uint16_t *ret)
{
	const char *name = intern_string(names, module ? module : "[kernel]");

	if (!name)
		return -ENOMEM;
	for (size_t i = k->n_modules; i-- > 0;) {
		if (k->modules[i] == name) {
			*ret = (uint16_t)i;
			return 0;
		}
	}
	if (k->n_modules >= MODULES_MAX)
		return -E2BIG;
	*ret = (uint16_t)k->n_modules;
	return ARRAY_ADD(k->modules, k->n_modules, name);
}

static int add_line(struct kallsyms *k, struct intern *names, const struct line *line)
{
	uint16_t group;
	uint8_t rank;
	int r;

	if (!is_function(line))
		return 0;
	r = group_of(k, names, line->module, &group);
	if (r < 0)
		return r;
	rank = (uint8_t)(symbol_name_rank(line->name) * 2 + (line->type == 't'));
	if (is_start_mark(line->name))
		rank = 64;
	if (is_end_mark(line->name)) /* covers one byte, so nothing after it is taken for it */
		return symbol_table_add(k->table, line->address, 1, NULL, rank, group);
	return symbol_table_add(k->table, line->address, 0, line->name, rank, group);
}

void kallsyms_done(struct kallsyms *k)
{
	symbol_table_free(k->table);
	free(k->modules);
	*k = (struct kallsyms){0};
}

int kallsyms_read(FILE *f, struct intern *names, struct kallsyms *ret)
{
	_cleanup_(kallsyms_done) struct kallsyms k = {.table = symbol_table_new(FUNCTION_MAX)};
	_cleanup_free_ char *text = NULL;
	size_t size = 0, lines = 0, hidden = 0;
	uint16_t kernel;
	int r;

	if (!k.table || group_of(&k, names, NULL, &kernel) < 0)
		return -ENOMEM;
	while (getline(&text, &size, f) > 0) {
		struct line line;

		if (parse_line(text, &line) < 0)
			continue;
		lines++;
		if (line.address == 0) {
			hidden++;
			continue;
		}
		r = add_line(&k, names, &line);
		if (r == -E2BIG)
			break;
		if (r < 0)
			return r;
	}
	if (ferror(f))
		return -EIO;
	if (k.table->n == 0)
		return lines > 0 && hidden == lines ? -EPERM : -ENODATA;
	symbol_table_finish(k.table);
	*ret = k;
	k = (struct kallsyms){0};
	return 0;
}
