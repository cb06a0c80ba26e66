/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/experiment/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/experiment/file_digest.h"
#include "collector/experiment/workload_path.h"
#include "common/cleanup.h"
#include "common/shell_words.h"
#include "common/spawn.h"
#include "guests/process/command.h"

int client_open(const struct options *o, struct client *ret, struct error *error)
{
	_cleanup_free_ char *found = NULL;
	struct error why = {0};
	const char *program;
	int r;

	if (!o->client)
		return 0;
	r = shell_split(o->client, &ret->words, &why);
	if (r < 0)
		return error_set_user(error, r, "--client '%s': %s", o->client, why.text);
	program = ret->words[0];
	if (!strchr(program, '/')) {
		r = spawn_find_program(program, &found);
		if (r == -ENOENT)
			return error_set(
				error, r, "--client: there is no program %s in $PATH", program);
		if (r < 0)
			return error_set_errno(error, r, "--client %s", program);
	}
	r = workload_find(found ? found : program, NULL, &ret->path, error);
	return r < 0 ? error_prefix(error, r, "--client") : 0;
}

void client_done(struct client *c)
{
	strv_free(c->words);
	free(c->path);
	*c = (struct client){0};
}

int client_digest(const struct client *c, json_t *digests, struct error *error)
{
	return c->path ? file_digest_add(digests, "client", c->path, error) : 0;
}
