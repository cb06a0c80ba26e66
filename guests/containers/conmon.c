/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/containers/conmon.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/proc.h"
#include "common/spawn.h"

#define ORPHANS_MAX       16
#define ARGUMENTS_MAX     16384
#define DELETE_TIMEOUT_MS 15000

struct orphan {
	const char *name;    /* -n */
	const char *id;      /* -c */
	const char *runtime; /* -r */
};

/* The options that matter, out of a command line of NUL-ended words. */
static struct orphan parse(const char *words, size_t length)
{
	struct orphan o = {0};

	for (const char *p = words; p < words + length; p += strlen(p) + 1) {
		const char *value = p + strlen(p) + 1;
		const char **where = strcmp(p, "-n") == 0   ? &o.name
				     : strcmp(p, "-c") == 0 ? &o.id
				     : strcmp(p, "-r") == 0 ? &o.runtime
							    : NULL;

		if (where && !*where && value < words + length)
			*where = value;
	}
	return o;
}

static bool is_id(const char *text)
{
	return text && strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/*
 * The runtime named there will be run with our rights, so the words count only if the process is
 * our own user's.
 */
static bool read_orphan(pid_t pid, const char *name, char *words, size_t size, struct orphan *ret)
{
	struct proc_stat s;
	struct stat owner;
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	if (proc_read_stat(pid, &s) < 0 || strcmp(s.comm, "conmon") != 0)
		return false;
	if (stat(path, &owner) < 0 || owner.st_uid != geteuid())
		return false;
	n = proc_read_arguments(pid, words, size);
	if (n <= 0)
		return false;
	*ret = parse(words, (size_t)n);
	return ret->name && strcmp(ret->name, name) == 0 && is_id(ret->id) && ret->runtime &&
	       ret->runtime[0] == '/';
}

static bool is_orphan(pid_t pid, const void *name)
{
	char words[ARGUMENTS_MAX];
	struct orphan o;

	return read_orphan(pid, name, words, sizeof(words), &o);
}

int conmon_remove_orphans(const char *name, struct error *error)
{
	pid_t pids[ORPHANS_MAX];
	size_t n = proc_find(is_orphan, name, pids, ORPHANS_MAX);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		_cleanup_free_ char *output = NULL;
		char words[ARGUMENTS_MAX];
		struct orphan o;

		if (!read_orphan(pids[i], name, words, sizeof(words), &o))
			continue;
		char *const argv[] = {(char *)o.runtime, "delete", "--force", (char *)o.id, NULL};

		r = spawn_output(argv, DELETE_TIMEOUT_MS, &output, NULL, error);
	}
	return r;
}
