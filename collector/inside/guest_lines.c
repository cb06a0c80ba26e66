/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

struct guest_lines {
	uint64_t *addresses; /* sorted, each once */
	struct symbol *symbols;
	size_t n, room;
};

static int add(struct guest_lines *l, uint64_t address)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 1024;
		uint64_t *grown = reallocarray(l->addresses, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		l->addresses = grown;
		l->room = room;
	}
	l->addresses[l->n++] = address;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void drop_twins(struct guest_lines *l)
{
	size_t n = 0;

	if (l->n)
		qsort(l->addresses, l->n, sizeof(*l->addresses), by_value);
	for (size_t i = 0; i < l->n; i++)
		if (!n || l->addresses[n - 1] != l->addresses[i])
			l->addresses[n++] = l->addresses[i];
	l->n = n;
}

/* As guest_view_frames() looks them up: callers by the byte before the one they return to. */
static int collect(struct guest_lines *l, const struct profile *profile)
{
	for (size_t i = 0; i < profile->n && l->n < GUEST_LINES_MAX; i++) {
		const struct profile_entry *e = profile->entries[i];
		int r = 0;

		if (e->kind != PROFILE_ONCPU || !e->n_guest)
			continue;
		for (uint32_t k = 0; k < e->n_guest && r == 0; k++)
			r = add(l, k ? e->guest[k] - 1 : e->guest[k]);
		if (r == 0 && e->guest_caller)
			r = add(l, e->guest_caller - 1);
		if (r < 0)
			return r;
		if (l->n + 2 * PROBE_STACK_DEPTH > l->room / 2 && l->n > 1024)
			drop_twins(l);
	}
	drop_twins(l);
	return 0;
}

int guest_lines_find(
	struct symbol_space *space, const struct profile *profile, struct guest_lines **ret)
{
	struct guest_lines *l = calloc(1, sizeof(*l));
	int r = l ? collect(l, profile) : -ENOMEM;

	if (r == 0 && l->n) {
		l->symbols = calloc(l->n, sizeof(*l->symbols));
		if (!l->symbols)
			r = -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < l->n; i++)
		r = symbol_space_lookup(space, l->addresses[i], &l->symbols[i]);
	if (r == 0 && l->n)
		r = symbol_lines(space, l->addresses, l->symbols, l->n);
	if (r < 0) {
		guest_lines_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void guest_lines_set(const struct guest_lines *lines, uint64_t address, struct symbol *symbol)
{
	const uint64_t *found = NULL;
	const struct symbol *known;

	if (lines && lines->n)
		found = bsearch(&address, lines->addresses, lines->n, sizeof(address), by_value);
	if (!found)
		return;
	known = &lines->symbols[found - lines->addresses];
	symbol->file = known->file;
	symbol->line = known->line;
	symbol->inlined = known->inlined;
	symbol->n_inlined = known->n_inlined;
}

void guest_lines_free(struct guest_lines *lines)
{
	if (!lines)
		return;
	free(lines->addresses);
	free(lines->symbols);
	free(lines);
}
