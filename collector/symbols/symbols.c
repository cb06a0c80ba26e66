/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/symbols/symbols_internal.h"

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	while (s->spaces) {
		struct symbol_space *next = s->spaces->next;

		symbol_space_release(s->spaces);
		s->spaces = next;
	}
	while (s->modules) {
		struct symbol_module *next = s->modules->next;

		symbol_module_free(s->modules);
		s->modules = next;
	}
	while (s->chains) {
		struct inlined_chain *next = s->chains->next;

		free(s->chains);
		s->chains = next;
	}
	symbol_module_free(s->vdso);
	kallsyms_done(&s->kernel);
	intern_clear(&s->names);
	free(s->replaced);
	free(s->debug_dir);
	free(s);
}

int symbols_new(struct symbols **ret, struct error *error)
{
	struct symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return error_no_memory(error);
	s->kernel_status = 1;
	*ret = s;
	return 0;
}

struct debug_servers *symbols_servers(struct symbols *s)
{
	return &s->servers;
}

int symbols_set_debug_dir(struct symbols *s, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	free(s->debug_dir);
	s->debug_dir = copy;
	return 0;
}
