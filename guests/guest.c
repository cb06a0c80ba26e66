/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file_kind.h"
#include "common/spawn.h"
#include "guests/guest_process.h"
#include "guests/inside.h"
#include "guests/process/command.h"

#define SYSTEM_GUESTS "/usr/share/guestscope/guests"
#define USER_GUESTS   ".local/share/guestscope/guests"

int guest_new(const struct guest_ops *ops, const struct guest_spec *spec, struct guest **ret)
{
	struct guest *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->ops = ops;
	g->spec = *spec;
	g->pidfd = -EBADF;
	g->console_fd = -EBADF;
	g->release_fd = -EBADF;
	*ret = g;
	return 0;
}

int guest_release(struct guest *g)
{
	return spawn_release(&g->release_fd);
}

void guest_free(struct guest *g)
{
	if (!g)
		return;
	g->ops->stop(g, false);
	guest_kill(g); /* no stack may leave its process, whatever its stop() did */
	if (g->ops->destroy)
		g->ops->destroy(g);
	close_safe(g->release_fd);
	close_safe(g->console_fd);
	close_safe(g->pidfd);
	if (g->folder_fd > 0)
		close_safe(g->folder_fd);
	for (size_t i = 0; g->argv && g->argv[i]; i++)
		free(g->argv[i]);
	free(g->argv);
	strv_free(g->variables);
	free(g->note);
	free(g->copies);
	free(g->identity);
	free(g->program_path);
	guest_inside_free(g->inside);
	free(g);
}

static const char *home_folder(void)
{
	const char *home = getenv("HOME");
	struct passwd *pw;

	if (home && *home)
		return home;
	pw = getpwuid(getuid());
	return pw ? pw->pw_dir : NULL;
}

/* The name in @folder that fits @pattern and is the last in version order (vmlinuz-6.1.0-9 before
 * -10), malloced as a whole path; NULL if there is none or no memory. */
static char *newest_match(const char *folder, const char *pattern)
{
	_cleanup_free_ char *best = NULL;
	struct dirent *e;
	char *path = NULL;
	DIR *d = opendir(folder);

	if (!d)
		return NULL;
	while ((e = readdir(d))) {
		if (fnmatch(pattern, e->d_name, FNM_PERIOD) != 0)
			continue;
		if (best && strverscmp(e->d_name, best) <= 0)
			continue;
		free(best);
		best = strdup(e->d_name);
	}
	closedir(d);
	if (!best || asprintf(&path, "%s/%s", folder, best) < 0)
		return NULL;
	return path;
}

static int check_file(const char *path, struct error *error)
{
	int r = file_check(path, error);

	if (r == 0 && access(path, R_OK) < 0)
		return error_set_errno(error, -errno, "cannot read %s", path);
	return r;
}

static int search_folder(
	const char *folder, const char *const *candidates, char **ret_path, struct error *error)
{
	for (size_t i = 0; candidates[i]; i++) {
		char *path = newest_match(folder, candidates[i]);
		int r;

		if (!path)
			continue;
		r = check_file(path, error);
		if (r < 0) {
			free(path);
			return r;
		}
		*ret_path = path;
		return 0;
	}
	return -ENOENT;
}

/* Where to look, as parents of <name>/: see the contract in guest.h. */
static size_t search_path(const char *name, char *ret[static 5])
{
	const char *own = getenv("GUESTSCOPE_GUESTS");
	const char *home = home_folder();
	size_t n = 0;

	if (own && *own) {
		if (asprintf(&ret[n], "%s/%s", own, name) >= 0)
			n++;
		if ((ret[n] = strdup(own)))
			n++;
	}
	if (home && asprintf(&ret[n], "%s/%s/%s", home, USER_GUESTS, name) >= 0)
		n++;
	if (asprintf(&ret[n], "%s/%s", SYSTEM_GUESTS, name) >= 0)
		n++;
	return n;
}

int guest_find_file(const char *name, const char *const *candidates, char **ret_path,
	char *ret_where, size_t where_size, struct error *error)
{
	char *folders[5];
	size_t n = search_path(name, folders), used = 0;
	int r = -ENOENT;

	for (size_t i = 0; i < n; i++) {
		if (r == -ENOENT)
			r = search_folder(folders[i], candidates, ret_path, error);
		if (used < where_size)
			used += (size_t)snprintf(ret_where + used, where_size - used, "%s%s",
				i ? ", " : "", folders[i]);
		free(folders[i]);
	}
	return r;
}

int guest_find_kernel(const char *name, const char *given, const char *const *candidates,
	char **ret_path, struct error *error)
{
	char where[512] = "";
	int r;

	if (given) {
		r = check_file(given, error);
		if (r < 0)
			return r;
		*ret_path = strdup(given);
		return *ret_path ? 0 : error_set_errno(error, -ENOMEM, "kernel %s", given);
	}
	r = guest_find_file(name, candidates, ret_path, where, sizeof(where), error);
	if (r == -ENOENT)
		return error_set(error, r,
			"no kernel for guest %s: looked for %s in %s; name one with --kernel FILE",
			name, candidates[0], where);
	return r;
}
