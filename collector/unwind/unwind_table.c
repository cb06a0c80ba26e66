/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/unwind/unwind_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/unwind/unwind_build.h"
#include "common/array.h"

#define PAGE_BYTES 4096

static bool is_rule(const void *rules, size_t i, const void *key)
{
	return memcmp(&((const struct unwind_rule *)rules)[i], key, sizeof(struct unwind_rule)) ==
	       0;
}

/* Rule 0 is no rule. */
static int rule_number(struct unwind_build *b, const struct unwind_rule *rule, uint32_t *ret)
{
	const struct unwind_rule none = {.cfa_base = UNWIND_NONE};
	struct unwind_table *t = &b->table;
	uint64_t hash;
	size_t found;
	int r;

	if (!t->n_rules && ARRAY_ADD(t->rules, t->n_rules, none) < 0)
		return -ENOMEM;
	*ret = 0;
	if (!rule || rule->cfa_base == UNWIND_NONE)
		return 0;
	hash = hash_number(hash_bytes(HASH_FIRST, rule, sizeof(*rule)), 0);
	found = hash_index_find(&b->index, hash, is_rule, t->rules, rule);
	if (found == HASH_NONE) {
		if (t->n_rules == UNWIND_RULES_MAX)
			return -E2BIG;
		found = t->n_rules;
		r = ARRAY_ADD(t->rules, t->n_rules, *rule);
		if (r < 0)
			return r;
		r = hash_index_add(&b->index, hash, found);
		if (r < 0) {
			t->n_rules--;
			return r;
		}
	}
	*ret = (uint32_t)found;
	return 0;
}

/* Behind the last row, which it replaces where it begins there; none where it says the same. */
static int push_row(struct unwind_table *t, struct unwind_row row)
{
	if (t->n_rows && t->rows[t->n_rows - 1].pc == row.pc)
		t->n_rows--;
	if (t->n_rows ? t->rows[t->n_rows - 1].rule == row.rule : row.rule == 0)
		return 0;
	if (t->n_rows == UNWIND_ROWS_MAX)
		return -E2BIG;
	return ARRAY_ADD(t->rows, t->n_rows, row);
}

void unwind_build_begin(struct unwind_build *b, uint64_t address)
{
	b->table.base = address / PAGE_BYTES * PAGE_BYTES;
	b->has_base = true;
}

int unwind_build_row(struct unwind_build *b, uint64_t address, const struct unwind_rule *rule)
{
	struct unwind_table *t = &b->table;
	uint32_t number;
	int r = rule_number(b, rule, &number);

	if (r < 0)
		return r;
	if (!t->n_rows && number == 0)
		return 0;
	if (!t->n_rows && !b->has_base)
		unwind_build_begin(b, address);
	if (address - t->base > UINT32_MAX)
		return -E2BIG;
	return push_row(
		t, (struct unwind_row){.pc = (uint32_t)(address - t->base), .rule = number});
}

static size_t row_behind(const struct unwind_table *t, uint64_t pc)
{
	return ARRAY_BISECT(t->rows, t->n_rows, e, e->pc <= pc);
}

/* Copy rows, then the new one, then the rest: it is done a few times for a table at most. */
int unwind_build_replace(
	struct unwind_build *b, uint64_t begin, uint64_t end, const struct unwind_rule *rule)
{
	struct unwind_build new = {.table.base = b->table.base};
	const struct unwind_table *t = &b->table;
	const uint64_t first = begin - t->base, last = end - t->base;
	uint32_t number, after;
	size_t rest;
	int r;

	if (begin < t->base || begin >= end || last > UINT32_MAX)
		return -E2BIG;
	r = rule_number(b, rule, &number);
	if (r < 0)
		return r;
	rest = row_behind(t, last);
	after = rest ? t->rows[rest - 1].rule : 0;
	for (size_t i = 0; r == 0 && i < t->n_rows && t->rows[i].pc < first; i++)
		r = push_row(&new.table, t->rows[i]);
	if (r == 0)
		r = push_row(
			&new.table, (struct unwind_row){.pc = (uint32_t)first, .rule = number});
	if (r == 0)
		r = push_row(&new.table, (struct unwind_row){.pc = (uint32_t)last, .rule = after});
	for (size_t i = rest; r == 0 && i < t->n_rows; i++)
		r = push_row(&new.table, t->rows[i]);
	if (r < 0) {
		free(new.table.rows);
		return r;
	}
	free(b->table.rows);
	b->table.rows = new.table.rows;
	b->table.n_rows = new.table.n_rows;
	return 0;
}

int unwind_build_finish(struct unwind_build *b, struct unwind_table *ret)
{
	if (!b->table.n_rows)
		return -ENODATA;
	*ret = b->table;
	b->table = (struct unwind_table){0};
	unwind_build_done(b);
	return 0;
}

void unwind_build_done(struct unwind_build *b)
{
	unwind_table_done(&b->table);
	hash_index_clear(&b->index);
	*b = (struct unwind_build){0};
}

const struct unwind_rule *unwind_table_find(const struct unwind_table *t, uint64_t address)
{
	static const struct unwind_rule none = {.cfa_base = UNWIND_NONE};
	size_t behind;

	if (address < t->base)
		return &none;
	behind = row_behind(t, address - t->base);
	return behind ? &t->rules[t->rows[behind - 1].rule] : &none;
}

void unwind_table_done(struct unwind_table *t)
{
	free(t->rows);
	free(t->rules);
	*t = (struct unwind_table){0};
}
