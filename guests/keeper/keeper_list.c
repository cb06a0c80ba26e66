/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/keeper/keeper_list.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "guests/containers/engine.h"
#include "guests/process/proc.h"
#include "guests/process/tree.h"

#define KILL_TIMEOUT_MS 5000

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

static int parse_process(const char *what, pid_t *ret_pid, uint64_t *ret_start)
{
	unsigned long long start;
	int pid, end = 0;

	if (sscanf(what, "%d %llu%n", &pid, &start, &end) != 2 || what[end] || pid <= 1)
		return -EINVAL;
	*ret_pid = pid;
	*ret_start = start;
	return 0;
}

static int process_allowed(const char *what, struct error *error)
{
	uint64_t start;
	pid_t pid;

	if (parse_process(what, &pid, &start) < 0)
		return error_set(error, -EINVAL, "%s: not a process and its start", what);
	return 0;
}

/* The pidfd holds on to the process: from here on its number may be given to another. */
static void process_opened(struct keeper_entry *entry)
{
	struct proc_stat s;
	uint64_t start;
	pid_t pid;

	if (parse_process(entry->what, &pid, &start) < 0)
		return;
	entry->pidfd = pidfd_open(pid, 0);
	if (entry->pidfd >= 0 && (proc_read_stat(pid, &s) < 0 || s.start_ticks != start))
		entry->pidfd = close_safe(entry->pidfd);
}

static int process_clean(struct keeper_entry *entry, struct error *error)
{
	struct pollfd p = {.fd = entry->pidfd, .events = POLLIN};

	if (entry->pidfd < 0)
		return 0;
	if (pidfd_send_signal(entry->pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return error_set_errno(error, -errno, "cannot kill process %s", entry->what);
	if (poll(&p, 1, KILL_TIMEOUT_MS) != 1)
		return error_set(error, -ETIMEDOUT, "process %s does not end", entry->what);
	return 0;
}

/* A process is dropped by its pid alone: its entry goes on with a space and its start. */
static bool process_matches(const char *entry, const char *what)
{
	size_t n = strlen(what);

	return strncmp(entry, what, n) == 0 && entry[n] == ' ';
}

static bool text_matches(const char *entry, const char *what)
{
	return strcmp(entry, what) == 0;
}

/* Indexed by enum keeper_kind. */
static const struct kind {
	int (*allowed)(const char *what, struct error *error);
	void (*opened)(struct keeper_entry *entry);
	bool (*matches)(const char *entry, const char *what);
	int (*clean)(struct keeper_entry *entry, struct error *error);
} kinds[] = {
	[KEEPER_CONTAINER] = {container_allowed, NULL, text_matches, container_clean},
	[KEEPER_IMAGE] = {image_allowed, NULL, text_matches, image_clean},
	[KEEPER_FOLDER] = {tree_may_remove, NULL, text_matches, folder_clean},
	[KEEPER_PROCESS] = {process_allowed, process_opened, process_matches, process_clean},
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

static void release(struct keeper_entry *entry)
{
	free(entry->what);
	close_safe(entry->pidfd);
}

void keeper_list_add(struct keeper_list *list, int kind, const char *what)
{
	struct keeper_entry *entry;

	if (keeper_list_allowed(kind, what, NULL) < 0 || ARRAY_MORE(list->entries, list->n, 1) < 0)
		return;
	entry = &list->entries[list->n];
	*entry = (struct keeper_entry){.kind = kind, .what = strdup(what), .pidfd = -EBADF};
	if (!entry->what)
		return;
	if (kinds[kind].opened)
		kinds[kind].opened(entry);
	list->n++;
}

void keeper_list_drop(struct keeper_list *list, int kind, const char *what)
{
	if (!kind_exists(kind))
		return;
	for (size_t i = list->n; i-- > 0;) {
		struct keeper_entry *entry = &list->entries[i];

		if (entry->kind != kind || !kinds[kind].matches(entry->what, what))
			continue;
		release(entry);
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
		release(entry);
	}
	free(list->entries);
	list->entries = NULL;
}
