/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/containers/inspect.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "guests/containers/engine.h"

#define ID_DIGITS (CONTAINER_ID_SIZE - 1)
#define HEX       "0123456789abcdef"

static const struct engine *const engines[] = {&engine_docker, &engine_podman};

bool container_may_be(const char *name)
{
	if (!isalnum((unsigned char)*name) || strlen(name) >= CONTAINER_NAME_SIZE)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("_.-", *name))
			return false;
	return true;
}

/* "PID STATE ID NAME", as asked for; Docker's names begin with a slash. */
static bool parse_line(const char *line, struct container_found *ret, char ret_state[static 32])
{
	struct container_found found = {0};
	const char *name;
	int pid, length = 0;

	if (sscanf(line, "%d %31s %64[" HEX "] %127s%n", &pid, ret_state, found.id, found.name,
		    &length) != 4 ||
		strlen(found.id) != ID_DIGITS || strchr("\r\n", line[length]) == NULL)
		return false;
	name = found.name[0] == '/' ? found.name + 1 : found.name;
	if (!container_may_be(name))
		return false;
	memmove(found.name, name, strlen(name) + 1);
	found.pid = pid;
	*ret = found;
	return true;
}

/* Clients mix warnings into what they say. */
static bool find_line(const char *words, struct container_found *ret, char ret_state[static 32])
{
	while (*words) {
		if (parse_line(words, ret, ret_state))
			return true;
		words += strcspn(words, "\n");
		words += *words == '\n';
	}
	return false;
}

static int inspect(
	const struct engine *e, const char *name, struct container_found *ret, struct error *error)
{
	char *argv[] = {(char *)e->program, "container", "inspect", "--format",
		"{{.State.Pid}} {{.State.Status}} {{.Id}} {{.Name}}", (char *)name, NULL};
	_cleanup_free_ char *words = NULL;
	struct container_found found;
	char state[32];
	int status, r;

	r = engine_ask(e, argv, &words, &status, error);
	if (r < 0)
		return r;
	if (status != 0 || !find_line(words, &found, state))
		return error_set(error, -ENOENT, "%s knows no container %s", e->title, name);
	if (found.pid <= 0)
		return error_set(
			error, -ESRCH, "container %s does not run: it is %s", found.name, state);
	*ret = found;
	return 0;
}

int container_find(const char *name, struct container_found *ret, struct error *error)
{
	struct error no_engine = {0}, why = {0};
	int refused = 0, r = 0;
	bool asked = false;

	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		struct error answer = {0};

		r = engine_available(engines[i], &answer);
		if (r < 0) {
			/* That one is not installed says less than that it does not answer. */
			if (!refused || (refused == -ENOENT && r != -ENOENT)) {
				refused = r;
				no_engine = answer;
			}
			continue;
		}
		r = inspect(engines[i], name, ret, &answer);
		if (r == 0)
			return 0;
		if (!asked || r != -ENOENT)
			why = answer;
		asked = true;
		if (r != -ENOENT)
			break;
	}
	if (asked && r == -ENOENT && refused && refused != -ENOENT)
		return error_set(error, r, "%s; another engine could not be asked: %s", why.text,
			no_engine.text);
	if (asked)
		return error_set(error, r, "%s", why.text);
	return error_set(error, refused == -ENOENT ? -ECONNREFUSED : refused,
		"%s is no number of a process, and no container engine can be asked: %s", name,
		no_engine.text);
}

/* A part of a path: "ID", or "docker-ID.scope" and its like. */
static bool find_id(const char *part, size_t length, char ret_id[static CONTAINER_ID_SIZE])
{
	static const char suffix[] = ".scope", monitor[] = "conmon";

	if (length > strlen(suffix) &&
		strncmp(part + length - strlen(suffix), suffix, strlen(suffix)) == 0)
		length -= strlen(suffix);
	if (length < ID_DIGITS || memmem(part, length, monitor, strlen(monitor)))
		return false;
	memcpy(ret_id, part + length - ID_DIGITS, ID_DIGITS);
	ret_id[ID_DIGITS] = '\0';
	return strspn(ret_id, HEX) == ID_DIGITS &&
	       (length == ID_DIGITS || part[length - ID_DIGITS - 1] == '-');
}

bool container_of_group(const char *path, char ret_id[static CONTAINER_ID_SIZE], size_t *ret_end)
{
	char id[CONTAINER_ID_SIZE];
	bool found = false;

	for (size_t at = 0; path[at];) {
		size_t length;

		at += strspn(path + at, "/");
		length = strcspn(path + at, "/");
		if (find_id(path + at, length, id)) {
			memcpy(ret_id, id, sizeof(id));
			*ret_end = at + length;
			found = true;
		}
		at += length;
	}
	return found;
}
