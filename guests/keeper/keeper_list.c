/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/keeper/keeper_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "guests/containers/engine.h"
#include "guests/process/tree.h"

/* Split "docker NAME". NULL if no such engine. */
static const struct engine *parse_engine(const char *what, const char **ret_name)
{
	const char *space = strchr(what, ' ');
	char name[16];

	if (!space || (size_t)(space - what) >= sizeof(name))
		return NULL;
	memcpy(name, what, (size_t)(space - what));
	name[space - what] = '\0';
	*ret_name = space + 1;
	return engine_find(name);
}

static int thing_allowed(const char *what, bool image, struct error *error)
{
	const char *name;
	const struct engine *e = parse_engine(what, &name);

	if (!e)
		return error_set(error, -EINVAL, "%s: not an engine and a name", what);
	if (!engine_owns(e, name, image))
		return error_set(error, -EPERM, "will not remove %s: not a name of ours", what);
	return 0;
}

static int container_allowed(const char *what, struct error *error)
{
	return thing_allowed(what, false, error);
}

static int image_allowed(const char *what, struct error *error)
{
	return thing_allowed(what, true, error);
}

static int container_clean(struct keeper_entry *entry, struct error *error)
{
	const char *name;
	const struct engine *e = parse_engine(entry->what, &name);

	return e ? engine_remove_container(e, name, error) : -EINVAL;
}

static int image_clean(struct keeper_entry *entry, struct error *error)
{
	const char *name;
	const struct engine *e = parse_engine(entry->what, &name);

	return e ? engine_remove_image(e, name, error) : -EINVAL;
}

static int folder_clean(struct keeper_entry *entry, struct error *error)
{
	return tree_remove(entry->what, error);
}

/* Indexed by enum keeper_kind. */
static const struct kind {
	int (*allowed)(const char *what, struct error *error);
	int (*clean)(struct keeper_entry *entry, struct error *error);
} kinds[] = {
	[KEEPER_CONTAINER] = {container_allowed, container_clean},
	[KEEPER_IMAGE] = {image_allowed, image_clean},
	[KEEPER_FOLDER] = {tree_may_remove, folder_clean},
};

static bool kind_exists(int kind)
{
	return kind >= 0 && (size_t)kind < ARRAY_SIZE(kinds);
}

int keeper_list_allowed(int kind, const char *what, struct error *error)
{
	if (!kind_exists(kind) || strlen(what) > KEEPER_WHAT_MAX)
		return error_set(error, -EINVAL, "the keeper does not understand: %.100s", what);
	return kinds[kind].allowed(what, error);
}

void keeper_list_add(struct keeper_list *list, int kind, const char *what)
{
	struct keeper_entry *entry;

	if (keeper_list_allowed(kind, what, NULL) < 0 || ARRAY_MORE(list->entries, list->n, 1) < 0)
		return;
	entry = &list->entries[list->n];
	*entry = (struct keeper_entry){.kind = kind, .what = strdup(what)};
	list->n += entry->what != NULL;
}

void keeper_list_drop(struct keeper_list *list, int kind, const char *what)
{
	if (!kind_exists(kind))
		return;
	for (size_t i = list->n; i-- > 0;) {
		struct keeper_entry *entry = &list->entries[i];

		if (entry->kind != kind || strcmp(entry->what, what) != 0)
			continue;
		free(entry->what);
		memmove(entry, entry + 1, (list->n - i - 1) * sizeof(*entry));
		list->n--;
		return;
	}
}

void keeper_list_clean(
	struct keeper_list *list, void (*failed)(const char *text, void *userdata), void *userdata)
{
	while (list->n > 0) {
		struct keeper_entry *entry = &list->entries[--list->n];
		struct error error = {0};
		int r = kinds[entry->kind].clean(entry, &error);

		if (r < 0 && failed)
			failed(error_text(&error, r), userdata);
		free(entry->what);
	}
	free(list->entries);
	list->entries = NULL;
}
