/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/symbol_name.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "collector/symbols/demangle.h"

#define NAME_MAX_SHOWN 1024

int symbol_set_unresolved(
	struct symbols *s, const char *module, uint64_t offset, struct symbol *ret)
{
	char text[NAME_MAX_SHOWN];
	const char *name;

	snprintf(text, sizeof(text), "%.*s+0x%" PRIx64, NAME_MAX_SHOWN - 32,
		*module ? module : "[unknown]", offset);
	name = intern_string(&s->names, text);
	if (!name)
		return -ENOMEM;
	*ret = (struct symbol){.module = module, .name = name};
	return 0;
}

int symbol_set_label(struct symbols *s, const char *module, const char *label, struct symbol *ret)
{
	const char *name = intern_string(&s->names, label);

	if (!name)
		return -ENOMEM;
	*ret = (struct symbol){.module = module, .name = name};
	return 0;
}

/* The name of @e as people read it; demangled once, then kept in the table. */
static const char *shown_name(struct symbols *s, struct symbol_table *t, struct symbol_entry *e)
{
	char text[NAME_MAX_SHOWN];

	if (!e->demangled && demangle(symbol_table_name(t, e), text, sizeof(text)) == 0)
		symbol_table_rename(t, e, text);
	e->demangled = true;
	return intern_string(&s->names, symbol_table_name(t, e));
}

int symbol_set_from_table(struct symbols *s, struct symbol_table *table, const char *module,
	uint64_t address, struct symbol *ret)
{
	struct symbol_entry *e = table ? symbol_table_find(table, address) : NULL;
	const char *name;
	int r;

	if (!e)
		return symbol_set_unresolved(s, module, address, ret);
	if (e->name == 0) { /* one frame for the function, not one for each instruction */
		r = symbol_set_unresolved(s, module, e->address, ret);
		if (r == 0)
			ret->offset = address - e->address;
		return r;
	}
	name = shown_name(s, table, e);
	if (!name)
		return -ENOMEM;
	*ret = (struct symbol){
		.module = module,
		.name = name,
		.offset = address - e->address,
		.resolved = true,
	};
	return 0;
}

int symbol_set_from_kallsyms(
	struct symbols *s, struct kallsyms *k, uint64_t address, struct symbol *ret)
{
	const struct symbol_entry *e = symbol_table_find(k->table, address);
	const char *module = e ? k->modules[e->group] : k->modules[0];

	return symbol_set_from_table(s, k->table, module, address, ret);
}
