/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/subsystems.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/hash_index.h"
#include "common/text_file.h"
#include "guests/subsystems/subsystem_tables.h"

#define FILE_MAX ((size_t)1 << 20)

struct rule {
	const char *subsystem;
	const char *pattern;
	bool weak;
};

/** What was found for a name already; rule: index + 1, or 0 for none. */
struct known {
	const char *name;
	size_t rule;
};

struct subsystems {
	char *text; /**< the file, cut into words */
	struct rule *rules;
	size_t n;
	struct known *known;
	size_t n_known;
	struct hash_index index; /**< of those, by the name's address */
};

static int find_text(const char *name, char **ret, struct error *error)
{
	const char *const folders[] = {getenv("GUESTSCOPE_SUBSYSTEMS"), SUBSYSTEMS_FOLDER};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *text = malloc(FILE_MAX + 1);
		ssize_t n;

		if (!text)
			return -ENOMEM;
		if (!folders[i])
			continue;
		n = file_read_start(text, FILE_MAX + 1, "%s/%s.txt", folders[i], name);
		if (n >= 0) {
			*ret = TAKE_PTR(text);
			return 0;
		}
		if (n != -ENOENT)
			return error_set_errno(
				error, (int)n, "cannot read %s/%s.txt", folders[i], name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(subsystem_tables); i++)
		if (strcmp(subsystem_tables[i].name, name) == 0) {
			*ret = strdup((const char *)subsystem_tables[i].text);
			return *ret ? 0 : -ENOMEM;
		}
	return error_set(error, -ENOENT, "there is no table of subsystems of the guest %s", name);
}

static int add_rule(struct subsystems *t, char *line)
{
	struct rule rule = {0};
	char *pattern;

	line[strcspn(line, "#\r")] = '\0';
	line += strspn(line, " \t");
	if (!*line)
		return 0;
	rule.weak = *line == '?';
	rule.subsystem = line + rule.weak;
	line += strcspn(line, " \t");
	if (!*line)
		return -EINVAL;
	*line++ = '\0';
	pattern = line + strspn(line, " \t");
	for (char *end = pattern + strlen(pattern);
		end > pattern && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	if (!*pattern || !*rule.subsystem)
		return -EINVAL;
	rule.pattern = pattern;
	return ARRAY_ADD(t->rules, t->n, rule);
}

int subsystems_load(const char *name, struct subsystems **ret, struct error *error)
{
	struct subsystems *t = calloc(1, sizeof(*t));
	unsigned number = 1;
	int r;

	if (!t)
		return -ENOMEM;
	r = find_text(name, &t->text, error);
	for (char *line = t->text, *next; r == 0 && line; line = next, number++) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		r = add_rule(t, line);
		if (r < 0)
			error_set_errno(error, r, "table of subsystems %s, line %u", name, number);
	}
	if (r < 0) {
		subsystems_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

static bool is_root_rule(const struct rule *rule)
{
	return strcmp(rule->subsystem, "@root") == 0;
}

static size_t find_rule(const struct subsystems *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (!is_root_rule(&t->rules[i]) && fnmatch(t->rules[i].pattern, name, 0) == 0)
			return i + 1;
	return 0;
}

static bool is_name(const void *known, size_t i, const void *name)
{
	return ((const struct known *)known)[i].name == name;
}

const char *subsystems_find(struct subsystems *t, const char *name, bool *ret_weak)
{
	uint64_t hash = hash_number(HASH_FIRST, (uintptr_t)name);
	size_t i = hash_index_find(&t->index, hash, is_name, t->known, name);
	size_t rule = i == HASH_NONE ? find_rule(t, name) : t->known[i].rule;

	/* Without memory for it every name is looked up anew: slower, but right. */
	if (i == HASH_NONE && ARRAY_MORE(t->known, t->n_known, 1) == 0 &&
		hash_index_add(&t->index, hash, t->n_known) == 0)
		t->known[t->n_known++] = (struct known){name, rule};
	if (!rule)
		return NULL;
	*ret_weak = t->rules[rule - 1].weak;
	return t->rules[rule - 1].subsystem;
}

bool subsystems_is_root(const struct subsystems *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (is_root_rule(&t->rules[i]) && fnmatch(t->rules[i].pattern, name, 0) == 0)
			return true;
	return false;
}

void subsystems_free(struct subsystems *t)
{
	if (!t)
		return;
	free(t->text);
	free(t->rules);
	free(t->known);
	hash_index_clear(&t->index);
	free(t);
}
