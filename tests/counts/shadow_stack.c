/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/counts/shadow_stack.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"

#define PAGE_BYTES 4096
#define PAGE_SLOTS (PAGE_BYTES / sizeof(uint64_t))
#define WORD_BITS  64
/* How far apart two frames of one stack can be: of a program in general; of a kernel in the upper half of the
 * addresses, whose stacks are that large, and wherever it may be another stack. */
#define NEAR_BYTES  (256 * 1024UL)
#define OTHER_BYTES (16 * 1024UL)
/* An address that interrupted other code so often is an entry. */
#define ENTRY_SURE 3

/** A return address on a stack, or what was interrupted. */
struct shadow_frame {
	struct shadow_frame *above; /* its caller's */
	uint32_t references;        /* frames above, the map, the top */
	uint32_t node;              /* 0: not known yet */
	uint64_t slot;              /* 0: not known yet; that of what was interrupted is near it */
	uint64_t back;
	bool is_call;
	/* What was interrupted: it goes on at back, at other or between low and high. */
	bool anywhere, by_signal, handled;
	uint64_t other, low, high;
};

/** The frames of a page of memory. */
struct shadow_page {
	uint64_t number;
	uint64_t used[PAGE_SLOTS / WORD_BITS];
	struct shadow_frame *frames[PAGE_SLOTS];
};

static bool in_kernel(uint64_t address)
{
	return (int64_t)address < 0;
}

static uint64_t near_bytes(uint64_t slot)
{
	return in_kernel(slot) ? OTHER_BYTES : NEAR_BYTES;
}

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static struct shadow_frame *hold(struct shadow_frame *f)
{
	if (f)
		f->references++;
	return f;
}

static void let_go(struct shadow_frame *f)
{
	while (f && --f->references == 0) {
		struct shadow_frame *above = f->above;

		free(f);
		f = above;
	}
}

static void set_top(struct shadow *s, struct shadow_frame *f)
{
	struct shadow_frame *before = s->top;

	s->top = hold(f);
	let_go(before);
}

static bool is_page(const void *pages, size_t i, const void *number)
{
	return ((struct shadow_page *const *)pages)[i]->number == *(const uint64_t *)number;
}

static struct shadow_page *page_of(struct shadow *s, uint64_t address, bool make)
{
	uint64_t number = address / PAGE_BYTES, hash = hash_number(HASH_FIRST, number);
	struct shadow_page *page = s->last_page;
	size_t i;

	if (page && page->number == number)
		return page;
	i = hash_index_find(&s->pages_index, hash, is_page, s->pages, &number);
	if (i == HASH_NONE && !make)
		return NULL;
	if (i == HASH_NONE) {
		struct shadow_page **at = need(ARRAY_PUSH(s->pages, s->n_pages));

		*at = need(calloc(1, sizeof(**at)));
		(*at)->number = number;
		i = s->n_pages - 1;
		if (hash_index_add(&s->pages_index, hash, i) < 0)
			abort();
	}
	return s->last_page = s->pages[i];
}

static struct shadow_frame *frame_at(struct shadow *s, uint64_t slot)
{
	struct shadow_page *page = page_of(s, slot, false);

	return page ? page->frames[slot % PAGE_BYTES / sizeof(uint64_t)] : NULL;
}

/* @f, or nothing, is what lies at @slot. */
static void put(struct shadow *s, uint64_t slot, struct shadow_frame *f)
{
	struct shadow_page *page = page_of(s, slot, f);
	size_t i = slot % PAGE_BYTES / sizeof(uint64_t);
	struct shadow_frame *before;

	if (!page)
		return;
	before = page->frames[i];
	page->frames[i] = hold(f);
	page->used[i / WORD_BITS] &= ~(1ULL << i % WORD_BITS);
	page->used[i / WORD_BITS] |= (uint64_t)(f != NULL) << i % WORD_BITS;
	let_go(before);
}

static void take_off(struct shadow *s, struct shadow_frame *f)
{
	if (f->slot && frame_at(s, f->slot) == f)
		put(s, f->slot, NULL);
}

static struct shadow_frame *first_of_page(const struct shadow_page *page, size_t i)
{
	uint64_t word = page->used[i / WORD_BITS] & ~0ULL << i % WORD_BITS;

	for (i /= WORD_BITS; !word && ++i < PAGE_SLOTS / WORD_BITS;)
		word = page->used[i];
	return word ? page->frames[i * WORD_BITS + (size_t)__builtin_ctzll(word)] : NULL;
}

/* The frame next above @slot in memory, at most @bytes away. */
static struct shadow_frame *next_above(struct shadow *s, uint64_t slot, uint64_t bytes)
{
	uint64_t from = slot + sizeof(uint64_t);

	while (from - slot <= bytes) {
		struct shadow_page *page = page_of(s, from, false);
		struct shadow_frame *f =
			page ? first_of_page(page, from % PAGE_BYTES / sizeof(uint64_t)) : NULL;

		if (f)
			return f->slot - slot <= bytes ? f : NULL;
		from = (from / PAGE_BYTES + 1) * PAGE_BYTES;
	}
	return NULL;
}

static bool is_caller_of_top(const struct shadow *s, const struct shadow_frame *f)
{
	const struct shadow_frame *at = s->top;

	while (at && at != f)
		at = at->above;
	return at;
}

/* The stack has been cut down to @f by other means than returns, or its thread was switched. */
static void go_to(struct shadow *s, struct shadow_frame *f)
{
	if (f && is_caller_of_top(s, f))
		for (struct shadow_frame *at = s->top; at != f; at = at->above)
			take_off(s, at);
	set_top(s, f);
}

static bool no_slot_yet(const struct shadow_frame *f)
{
	return f && !f->slot;
}

static void push(struct shadow *s, struct shadow_frame f)
{
	struct shadow_frame *new = need(malloc(sizeof(*new)));

	f.above = hold(s->top);
	*new = f;
	if (f.slot)
		put(s, f.slot, new);
	set_top(s, new);
}

/* A new thread has been given a stack, with @slot near its beginning, that another may have had before. */
static void begin_stack(struct shadow *s, uint64_t slot)
{
	struct shadow_frame *f;

	while ((f = next_above(s, slot, PAGE_BYTES - slot % PAGE_BYTES - 1)))
		put(s, f->slot, NULL);
	set_top(s, NULL);
	s->new_thread = true;
}

/* If @slot is on the stack of the top: what lies between them, or below, has been left without returns, by
 * longjmp() or a thread that ended. */
static bool is_on_this_stack(struct shadow *s, uint64_t slot)
{
	uint64_t most = s->moved ? OTHER_BYTES : near_bytes(slot);
	struct shadow_frame *top = s->top, *f;

	if (!top || s->fresh || slot - top->slot + most > 2 * most)
		return false;
	while (top && top->slot <= slot && slot - top->slot <= most)
		top = top->above;
	go_to(s, top);
	if (!top || top->slot - slot > most)
		return true;
	while ((f = next_above(s, slot, most)) && f->slot < top->slot)
		put(s, f->slot, NULL);
	return true;
}

/* Threads are switched by one function: who is switched to has called it from where the other one has. */
static bool was_left_likewise(const struct shadow_frame *top, const struct shadow_frame *next)
{
	return next && next->is_call && top->is_call && next->back == top->back;
}

static bool is_far_from(const struct shadow_frame *f, uint64_t slot)
{
	return f && f->slot && slot - f->slot + near_bytes(slot) > 2 * near_bytes(slot);
}

void shadow_calls(struct shadow *s, uint64_t slot, uint64_t back)
{
	struct shadow_frame *next;

	if (no_slot_yet(s->top)) { /* what was interrupted lies right above */
		s->top->slot = slot + sizeof(uint64_t);
		put(s, s->top->slot, s->top);
	} else if (!s->top && s->new_thread) {
		begin_stack(s, slot);
	} else if (!is_on_this_stack(s, slot)) {
		next = next_above(s, slot, OTHER_BYTES);
		if (s->fresh || !s->top || was_left_likewise(s->top, next))
			go_to(s, next);
		s->new_thread = false;
	}
	push(s, (struct shadow_frame){.slot = slot, .back = back, .is_call = true});
	s->accessed = true;
	s->overwritten = s->moved = s->fresh = false;
}

/* Of a kernel with a stack for each thread: a new thread may have that of one that ended in a call. */
static bool is_returned_to(const struct shadow *s, const struct shadow_frame *f)
{
	return !s->top || f == s->top || !in_kernel(f->slot) || is_caller_of_top(s, f) ||
	       was_left_likewise(s->top, f);
}

/* Nobody has called from there: an address that was put on the stack and jumped to, or a new thread. */
static void return_unknown(struct shadow *s, uint64_t slot)
{
	struct shadow_frame *f = s->top;

	while (f && f->slot && f->slot < slot && !is_far_from(f, slot))
		f = f->above;
	if (is_far_from(f, slot))
		begin_stack(s, slot);
	else
		go_to(s, f);
}

void shadow_returns(struct shadow *s, uint64_t slot)
{
	struct shadow_frame *f = frame_at(s, slot);

	s->expected = 0;
	if (f && f->is_call && is_returned_to(s, f)) {
		s->expected = s->overwritten ? 0 : f->back;
		go_to(s, f);
		set_top(s, f->above);
		put(s, slot, NULL);
	} else if (s->top && s->top->by_signal && !s->top->handled && slot >= s->top->slot) {
		s->top->handled = true; /* the kernel has put the address there */
		s->top->node = 0;
	} else if (!no_slot_yet(s->top)) {
		return_unknown(s, slot);
	}
	s->accessed = true;
	s->overwritten = s->moved = s->fresh = false;
}

static bool is_node(const void *nodes, size_t i, const void *key)
{
	const struct shadow_node *a = (const struct shadow_node *)nodes + i, *b = key;

	return a->parent == b->parent && a->kind == b->kind && a->address == b->address;
}

static uint32_t node_on(struct shadow *s, uint32_t parent, enum shadow_kind kind, uint64_t address)
{
	const struct shadow_node key = {parent, kind, address};
	uint64_t hash =
		hash_number(hash_number(hash_number(HASH_FIRST, parent), (uint64_t)kind), address);
	size_t i = hash_index_find(&s->nodes_index, hash, is_node, s->nodes, &key);

	if (i != HASH_NONE)
		return (uint32_t)i + 1;
	*(struct shadow_node *)need(ARRAY_PUSH(s->nodes, s->n_nodes)) = key;
	if (hash_index_add(&s->nodes_index, hash, s->n_nodes - 1) < 0)
		abort();
	return (uint32_t)s->n_nodes;
}

/* The path that ends in @f. */
static uint32_t node_of(struct shadow *s, struct shadow_frame *f)
{
	while (f && !f->node) {
		struct shadow_frame *at = f;
		uint32_t parent;

		while (at->above && !at->above->node)
			at = at->above;
		parent = at->above ? at->above->node : 0;
		at->node = node_on(s, parent,
			at->is_call    ? SHADOW_CALL
			: at->anywhere ? SHADOW_UNKNOWN
				       : SHADOW_INTERRUPTED,
			at->anywhere ? 0 : at->back);
		if (at->by_signal && !at->handled) /* the handler returns to what returns to it */
			at->node = node_on(s, at->node, SHADOW_UNKNOWN, 0);
	}
	return f ? f->node : 0;
}

static bool is_leaf(const void *leaves, size_t i, const void *key)
{
	const struct shadow_leaf *a = (const struct shadow_leaf *)leaves + i, *b = key;

	return a->node == b->node && a->address == b->address;
}

static void record(struct shadow *s, struct shadow_block *b)
{
	const struct shadow_leaf key = {.node = node_of(s, s->top), .address = b->begin};
	uint64_t hash;
	size_t i;

	if (!b->leaf || b->node != key.node) {
		hash = hash_number(hash_number(HASH_FIRST, key.node), key.address);
		i = hash_index_find(&s->leaves_index, hash, is_leaf, s->leaves, &key);
		if (i == HASH_NONE) {
			i = s->n_leaves;
			*(struct shadow_leaf *)need(ARRAY_PUSH(s->leaves, s->n_leaves)) = key;
			if (hash_index_add(&s->leaves_index, hash, i) < 0)
				abort();
		}
		b->node = key.node;
		b->leaf = (uint32_t)i + 1;
	}
	s->leaves[b->leaf - 1].count++;
}

static struct shadow_entry *entry_at(struct shadow *s, uint64_t address)
{
	for (size_t i = 0; i < s->n_entries; i++)
		if (s->entries[i].address == address)
			return &s->entries[i];
	return NULL;
}

static void count_entry(struct shadow *s, uint64_t address)
{
	struct shadow_entry *e = entry_at(s, address);

	if (!e) {
		e = need(ARRAY_PUSH(s->entries, s->n_entries));
		*e = (struct shadow_entry){.address = address};
	}
	e->count++;
}

/* Has @last been left before its last instruction? What is told by its access to the stack. */
static bool is_unfinished(const struct shadow *s, const struct shadow_block *last)
{
	return (last->calls || last->how == SHADOW_RETURN) && !s->accessed;
}

/* Does @last say nothing of what comes next? */
static bool leads_anywhere(const struct shadow *s, const struct shadow_block *last)
{
	if (is_unfinished(s, last))
		return false;
	return last->how == SHADOW_ANYWHERE || last->how == SHADOW_LEAVE ||
	       (last->how == SHADOW_RETURN && !s->expected);
}

/* @address is where @last leads to, or in it: a block may be left and begun again. */
static bool follows(const struct shadow *s, const struct shadow_block *last, uint64_t address)
{
	if (leads_anywhere(s, last))
		return true;
	if (address >= last->begin && address < last->end)
		return true;
	if (is_unfinished(s, last))
		return false;
	if (last->how == SHADOW_RETURN)
		return address == s->expected;
	return address == last->target || (address == last->end && last->how != SHADOW_JUMP);
}

/* What goes on after the interrupt that came behind @last. */
static struct shadow_frame interrupted(const struct shadow *s, const struct shadow_block *last)
{
	struct shadow_frame f = {.low = last->begin, .high = last->end, .back = last->begin};

	if (is_unfinished(s, last)) {
		f.other = f.back;
	} else if (leads_anywhere(s, last)) {
		f.anywhere = true;
	} else if (last->how == SHADOW_RETURN) {
		f.back = f.other = s->expected;
	} else {
		f.other = last->target;
		f.back = last->how == SHADOW_JUMP ? last->target : last->begin;
		f.high = last->end + 1;
	}
	return f;
}

static bool goes_on(const struct shadow_frame *f, uint64_t address)
{
	return !f->is_call &&
	       (f->anywhere || !address || address == f->back || address == f->other ||
		       (address >= f->low && address < f->high));
}

/* Everything down to @f is over, and so is that. */
static void end_frame(struct shadow *s, struct shadow_frame *f)
{
	hold(f);
	go_to(s, f);
	take_off(s, f);
	set_top(s, f->above);
	let_go(f);
}

static struct shadow_frame *going_on(struct shadow_frame *f, uint64_t address)
{
	while (f && !goes_on(f, address))
		f = f->above;
	return f;
}

/* A kernel has left for a program at @address, which is not where that was. */
static void goes_elsewhere(struct shadow *s, uint64_t address)
{
	struct shadow_frame *f = s->top, left, *handled;

	while (f && (f->is_call || in_kernel(f->back)))
		f = f->above;
	if (!f) { /* a new process */
		set_top(s, NULL);
		return;
	}
	handled = f->above;
	while (handled && !(handled->by_signal && goes_on(handled, address)))
		handled = handled->above;
	left = *f;
	end_frame(s, f);
	if (handled) {
		end_frame(s, handled);
	} else {
		left = (struct shadow_frame){.back = left.back,
			.other = left.other,
			.low = left.low,
			.high = left.high,
			.anywhere = left.anywhere,
			.by_signal = true};
		push(s, left);
	}
}

/* Back from an interrupt or a system call, to @address; 0: not known. */
static void leave(struct shadow *s, uint64_t address)
{
	struct shadow_frame *f = going_on(s->top, address);

	if (f)
		end_frame(s, f);
	else if (s->last && in_kernel(s->last->begin) && !in_kernel(address))
		goes_elsewhere(s, address);
}

/* What comes between @last and the block at @address. */
static void arrive(struct shadow *s, const struct shadow_block *last, uint64_t address)
{
	bool follows_on = follows(s, last, address);
	struct shadow_entry *e;

	if (last->how == SHADOW_SYSCALL) {
		push(s, (struct shadow_frame){.back = last->end, .other = last->end});
		return;
	}
	if (last->how == SHADOW_RETURN && s->accessed && !s->expected && s->top &&
		s->top->is_call && address == s->top->back) {
		end_frame(s, s->top); /* it had moved its return address */
		return;
	}
	if (follows_on && leads_anywhere(s, last)) {
		e = entry_at(s, address);
		follows_on = !e || e->count < ENTRY_SURE;
	} else if (!follows_on) {
		count_entry(s, address);
	}
	if (last->how == SHADOW_LEAVE)
		leave(s, follows_on ? address : 0);
	if (!follows_on)
		push(s, interrupted(s, last));
}

void shadow_begins(struct shadow *s, struct shadow_block *b)
{
	if (s->last)
		arrive(s, s->last, b->begin);
	if (s->recording)
		record(s, b);
	s->last = b;
	s->accessed = false;
	s->overwritten |= b->sets_slot;
	s->moved |= b->sets_rsp;
	s->fresh |= b->switches;
	if (b->how == SHADOW_RETURN)
		s->expected = 0;
}

void shadow_done(struct shadow *s)
{
	set_top(s, NULL);
	for (size_t i = 0; i < s->n_pages; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(s->pages[i]->frames); k++)
			let_go(s->pages[i]->frames[k]);
		free(s->pages[i]);
	}
	free(s->pages);
	free(s->nodes);
	free(s->leaves);
	free(s->entries);
	hash_index_clear(&s->pages_index);
	hash_index_clear(&s->nodes_index);
	hash_index_clear(&s->leaves_index);
	*s = (struct shadow){0};
}
