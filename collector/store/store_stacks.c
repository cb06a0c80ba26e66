/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/store/store_stacks.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collector/books/detail.h"
#include "collector/symbols/symbol_process.h"
#include "common/store_format.h"

enum {
	FIND_FRAME,
	ADD_FRAME,
	FIND_STACK,
	ADD_STACK,
	N_STATEMENTS,
};

static const char *const sql[N_STATEMENTS] = {
	[FIND_FRAME] = "SELECT id FROM frame WHERE side = ?1 AND module = ?2 AND symbol = ?3"
		       " AND file IS ?4 AND line IS ?5 AND inlined = ?6",
	[ADD_FRAME] = "INSERT INTO frame (side, module, symbol, file, line, inlined)"
		      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[FIND_STACK] = "SELECT id FROM stack WHERE parent IS ?1 AND frame = ?2",
	[ADD_STACK] = "INSERT INTO stack (parent, frame) VALUES (?1, ?2)",
};

struct store_stacks {
	sqlite3 *db;
	sqlite3_stmt *statements[N_STATEMENTS];
};

int store_stacks_new(sqlite3 *db, struct store_stacks **ret)
{
	struct store_stacks *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->db = db;
	for (int i = 0; i < N_STATEMENTS; i++) {
		if (sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statements[i],
			    NULL) != SQLITE_OK) {
			store_stacks_free(s);
			return -EIO;
		}
	}
	*ret = s;
	return 0;
}

/* The id of what the bound statement @find selects, or of a new row by @add with the same bindings.
 */
static int find_or_add(struct store_stacks *s, int find, int add, int64_t *ret)
{
	int r = sqlite3_step(s->statements[find]);

	if (r == SQLITE_ROW)
		*ret = sqlite3_column_int64(s->statements[find], 0);
	sqlite3_reset(s->statements[find]);
	if (r == SQLITE_ROW)
		return 0;
	if (r != SQLITE_DONE || sqlite3_step(s->statements[add]) != SQLITE_DONE) {
		sqlite3_reset(s->statements[add]);
		return -EIO;
	}
	sqlite3_reset(s->statements[add]);
	*ret = sqlite3_last_insert_rowid(s->db);
	return 0;
}

/* A row of the store's table of frames. */
struct frame_row {
	const char *side;
	const char *module;
	const char *symbol;
	const char *file; /* NULL: not known */
	unsigned line;    /* 0: not known */
	bool inlined;
};

static int put_frame(struct store_stacks *s, const struct frame_row *f, int64_t *ret)
{
	static const int both[] = {FIND_FRAME, ADD_FRAME};

	for (int i = 0; i < 2; i++) {
		sqlite3_stmt *statement = s->statements[both[i]];

		sqlite3_bind_text(statement, 1, f->side, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 2, f->module, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 3, f->symbol, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 4, f->file, -1, SQLITE_STATIC);
		if (f->line)
			sqlite3_bind_int64(statement, 5, f->line);
		else
			sqlite3_bind_null(statement, 5);
		sqlite3_bind_int(statement, 6, f->inlined);
	}
	return find_or_add(s, FIND_FRAME, ADD_FRAME, ret);
}

static int put_stack(struct store_stacks *s, int64_t parent, int64_t frame, int64_t *ret)
{
	static const int both[] = {FIND_STACK, ADD_STACK};

	for (int i = 0; i < 2; i++) {
		if (parent)
			sqlite3_bind_int64(s->statements[both[i]], 1, parent);
		else
			sqlite3_bind_null(s->statements[both[i]], 1);
		sqlite3_bind_int64(s->statements[both[i]], 2, frame);
	}
	return find_or_add(s, FIND_STACK, ADD_STACK, ret);
}

static int push_row(struct store_stacks *s, int64_t *stack, const struct frame_row *f)
{
	int64_t frame;
	int r = put_frame(s, f, &frame);

	return r < 0 ? r : put_stack(s, *stack, frame, stack);
}

/* The frame, and on it those of the functions that are inlined there. */
static int push_symbol(
	struct store_stacks *s, int64_t *stack, const char *side, const struct symbol *symbol)
{
	struct frame_row row = {
		.side = side,
		.module = symbol->module,
		.symbol = symbol->name,
		.file = symbol->file,
		.line = symbol->line,
	};
	int r = push_row(s, stack, &row);

	for (unsigned i = 0; i < symbol->n_inlined && r == 0; i++) {
		row.symbol = symbol->inlined[i].name;
		row.file = symbol->inlined[i].file;
		row.line = symbol->inlined[i].line;
		row.inlined = true;
		r = push_row(s, stack, &row);
	}
	return r;
}

/* @symbol: STACK_* of common/store_format.h */
static int push_boundary(struct store_stacks *s, int64_t *stack, const char *symbol)
{
	return push_row(s, stack,
		&(struct frame_row){.side = "boundary", .module = "guest", .symbol = symbol});
}

/* Code that was made at run time: of an emulated guest's, or by a program for itself. */
static bool is_generated(const struct symbol *symbol)
{
	return strcmp(symbol->module, "[anon]") == 0;
}

/* A stack that is being put into the store, from its outermost frame on. */
struct pushed {
	int64_t stack;
	bool emulated; /* code that was made at run time is the guest's */
	bool in_guest; /* the guest's code itself was hit, so far */
};

static int push_user_frame(
	struct store_stacks *s, const struct symbol *symbol, bool leaf, struct pushed *p)
{
	p->in_guest = p->emulated && is_generated(symbol);
	if (p->in_guest)
		return push_boundary(s, &p->stack, STACK_GENERATED);
	/* Without tables and frame pointers a chain soon leads outside of any code: such frames are
	 * cut. */
	if (!leaf && (!symbol->module[0] || is_generated(symbol)))
		return 0;
	return push_symbol(s, &p->stack, "user", symbol);
}

static int push_user(struct store_stacks *s, struct symbols *symbols, const struct profile_entry *e,
	struct pushed *p)
{
	const uint64_t *user = e->frames + e->n_kernel;

	for (uint32_t i = e->n_user; i-- > 0;) {
		struct symbol symbol;
		int r = symbols_lookup_user(
			symbols, (pid_t)e->tgid, profile_address(user, i), &symbol);

		if (r == 0)
			r = push_user_frame(s, &symbol, i == 0, p);
		if (r < 0)
			return r;
	}
	return 0;
}

/* How deep our own probe can lie on top of the scheduler. */
#define PROBE_FRAMES_MAX 8

/* A stack that was taken in the scheduler begins with our own probe: leave out what is above
 * __schedule. */
static int first_frame(struct symbols *symbols, const struct profile_entry *e, uint32_t *ret)
{
	*ret = 0;
	if (e->kind != PROFILE_OFFCPU)
		return 0;
	for (uint32_t i = 0; i < e->n_kernel && i < PROBE_FRAMES_MAX; i++) {
		struct symbol symbol;
		int r = symbols_lookup_kernel(symbols, e->frames[i], &symbol);

		if (r < 0)
			return r;
		if (strcmp(symbol.name, "__schedule") == 0) {
			*ret = i;
			return 0;
		}
	}
	return 0;
}

static int push_kernel(struct store_stacks *s, struct symbols *symbols,
	const struct profile_entry *e, struct pushed *p)
{
	uint32_t first;
	int r = first_frame(symbols, e, &first);

	for (uint32_t i = e->n_kernel; i-- > first && r == 0;) {
		struct symbol symbol;

		p->in_guest = false;
		r = symbols_lookup_kernel(symbols, profile_address(e->frames, i), &symbol);
		if (r == 0)
			r = push_symbol(s, &p->stack, "kernel", &symbol);
	}
	return r;
}

static int push_guest(struct store_stacks *s, struct guest_view *view,
	const struct profile_entry *e, struct pushed *p)
{
	struct guest_frame frames[PROBE_STACK_DEPTH + 1];
	char process[GUEST_PROCESS_SIZE];
	unsigned end;
	int r = 0, n = guest_view_frames(view, e, frames, &end);

	if (n < 0)
		return n;
	if (!p->in_guest)
		r = push_boundary(s, &p->stack, STACK_GUEST);
	if (r == 0 && guest_view_process(view, e, process))
		r = push_row(s, &p->stack,
			&(struct frame_row){
				.side = SIDE_OF_PROCESS, .module = "", .symbol = process});
	for (int i = n; i-- > 0 && r == 0;)
		r = push_symbol(s, &p->stack, frames[i].kernel ? "guest-kernel" : "guest-user",
			&frames[i].symbol);
	return r;
}

/* Why the guest was left, and what its time is but that. */
static int push_exit(struct store_stacks *s, const struct profile_entry *e, struct pushed *p)
{
	const struct probe_detail detail = {.number = e->cause};
	static const struct frame_row parts[PARTS] = {
		[PART_INTERRUPTS] = {.side = "kernel",
			.module = "[kernel]",
			.symbol = STACK_INTERRUPTS},
		[PART_OWN] = {.side = "kernel", .module = "guestscope", .symbol = STACK_OWN},
	};
	struct frame_row row = {.side = "kernel", .module = "kvm"};
	char reason[DETAIL_SIZE];
	int r;

	detail_text(STATE_KERNEL, &detail, reason);
	row.symbol = reason;
	r = push_row(s, &p->stack, &row);
	return r < 0 || e->part == PART_ITSELF ? r : push_row(s, &p->stack, &parts[e->part]);
}

int store_stacks_put(struct store_stacks *s, struct symbols *symbols,
	const struct store_guest *guest, const struct profile_entry *e, int64_t *ret)
{
	struct pushed p = {.emulated = guest->emulated};
	int r = e->kind == PROFILE_EXITS ? push_exit(s, e, &p) : push_user(s, symbols, e, &p);

	/* What the kernel did between the guest and the sample is the sampling's own. */
	if (r == 0 && e->mode == SAMPLE_GUEST) {
		r = push_boundary(s, &p.stack, STACK_GUEST_MODE);
		p.in_guest = true;
	} else if (r == 0) {
		r = push_kernel(s, symbols, e, &p);
	}
	if (r == 0 && guest->view && profile_has_guest(e))
		r = push_guest(s, guest->view, e, &p);
	if (r == 0)
		*ret = p.stack;
	return r;
}

void store_stacks_free(struct store_stacks *s)
{
	if (!s)
		return;
	for (int i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(s->statements[i]);
	free(s);
}
