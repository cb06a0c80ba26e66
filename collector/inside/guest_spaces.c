/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_spaces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/inside/guest_modules.h"
#include "collector/inside/guest_vdso.h"
#include "common/array.h"
#include "common/cleanup.h"

#define USER_HALF_END ((uint64_t)1 << 47)
#define PROGRAM_FROM  ((uint64_t)1 << 16)
#define SPACES_MAX    512
#define SEARCHED_MAX  16 /* in one go, while the program runs */

/* The bits of CR3 that are an address; and the one by which a kernel that hides itself from its programs tells their tables from its own. */
#define CR3_ADDRESS 0x000ffffffffff000ULL
#define USER_TABLES ((uint64_t)1 << 12)

static bool same_process(const struct guest_task *a, const struct guest_task *b)
{
	return a->kind == b->kind && a->process == b->process && a->execs == b->execs;
}

/* A new one, in place of one that matters least. NULL: no memory. */
static struct guest_space *add_space(struct guest_spaces *s)
{
	struct guest_space *least = NULL;

	if (s->n < SPACES_MAX)
		return ARRAY_PUSH(s->items, s->n);
	for (size_t i = 0; i < s->n; i++)
		if (!s->items[i].names && (!least || s->items[i].samples < least->samples))
			least = &s->items[i];
	if (least)
		free(least->places);
	return least;
}

/* The space of @g's process. What had its root before is over. */
static struct guest_space *find_space(
	struct guest_spaces *s, const struct guest_sample *g, const struct guest_task *who)
{
	struct guest_space *found = NULL;

	for (size_t i = 0; i < s->n; i++) {
		struct guest_space *space = &s->items[i];

		if (space->root != g->space)
			continue;
		if (same_process(&space->who, who))
			found = space;
		else if (who->kind == GUEST_TASK_PROCESS)
			space->over = true;
	}
	if (!found) {
		found = add_space(s);
		if (found)
			*found = (struct guest_space){.root = g->space, .tables = g->space};
	}
	return found;
}

static void begin_window(struct guest_spaces *s)
{
	s->of_window = true;
	for (size_t i = 0; i < s->n; i++)
		s->items[i].samples = 0;
}

void guest_spaces_sample(struct guest_spaces *s, const struct guest_sample *g, bool boot)
{
	bool user = s->shared || g->privilege == 3, known = g->task.kind == GUEST_TASK_PROCESS;
	struct guest_task who = known ? g->task : (struct guest_task){0};
	struct guest_space *space;

	if (!boot && !s->of_window)
		begin_window(s);
	s->tasks_known |= known;
	if (user && !(g->cr3 & USER_TABLES))
		s->users_low++;
	if (!g->space || (!user && !known))
		return;
	space = find_space(s, g, &who);
	if (!space)
		return;
	space->who = who;
	if (user)
		space->tables = g->cr3 & CR3_ADDRESS;
	space->samples += user;
	space->changed = true;
	space->over = false;
}

const struct guest_space *guest_spaces_main(const struct guest_spaces *s)
{
	const struct guest_space *most = NULL;

	for (size_t i = 0; i < s->n; i++)
		if (!s->items[i].over && (!most || s->items[i].samples > most->samples))
			most = &s->items[i];
	return most;
}

/* A search of one space. */
struct search {
	struct guest_spaces *spaces;
	const struct guest_memory *memory;
	struct guest_space *space;
};

static void note_module(const struct guest_file *file, uint64_t bias, void *userdata)
{
	(void)file;
	(void)bias;
	(void)userdata;
}

/* Without its symbols it is module+offset: no reason to fail. */
static void found_module(const struct guest_file *file, uint64_t bias, void *userdata)
{
	const struct search *q = userdata;
	struct guest_space *space = q->space;
	size_t at = (size_t)(file - q->spaces->inside->files);

	if (!space->places)
		space->places = calloc(q->spaces->inside->n_files, sizeof(*space->places));
	if (!space->places || (space->places[at].found && space->places[at].bias == bias))
		return;
	if (!space->names && q->spaces->shared)
		space->names = q->spaces->shared;
	else if (!space->names && symbol_space_new(q->spaces->names, &space->names) < 0)
		return;
	space->places[at] = (struct guest_place){true, bias};
	(void)symbol_space_add_elf(space->names, file->path, bias, file->name, NULL);
}

/* Of its files the first @n. Returns how many were found, or -ENOMEM. */
static int find_modules(const struct search *q, size_t n, guest_module_t found)
{
	struct guest_inside inside = *q->spaces->inside;
	bool shared = q->spaces->shared;
	int r;

	if (inside.n_files > n)
		inside.n_files = n;
	r = guest_modules_find(q->memory, &inside, q->space->tables,
		shared ? OSV_PROGRAM_FROM : PROGRAM_FROM, shared ? OSV_PROGRAM_TO : USER_HALF_END,
		found, (void *)q);
	guest_memory_forget(q->memory);
	return r;
}

/* The first file is the program; the others are its libraries, or what else it may come with. */
static int search_for_program(struct search *q)
{
	int r = q->space->is_program ? 1 : find_modules(q, 1, note_module);

	q->space->is_program = r > 0;
	q->spaces->program_known |= r > 0;
	return r > 0 ? find_modules(q, SIZE_MAX, found_module) : r;
}

/* Where files of a process were found: programs call it, so stacks go through it. */
static void find_vdso(const struct search *q)
{
	struct guest_space *space = q->space;
	const char *path = q->spaces->vdso;
	uint64_t bias;

	if (!path || q->spaces->shared || !space->names || space->has_vdso)
		return;
	if (guest_vdso_find(q->memory, space->tables, path, &bias) == 0)
		space->has_vdso =
			symbol_space_add_elf(space->names, path, bias, "[vdso]", NULL) == 0;
	guest_memory_forget(q->memory);
}

static int search_one(struct search *q, enum guest_search what)
{
	int r = search_for_program(q);

	q->space->changed = false;
	if (r == 0 && what > GUEST_SEARCH_PROGRAM)
		r = find_modules(q, SIZE_MAX, found_module);
	find_vdso(q);
	return r;
}

static bool is_due(const struct guest_space *space, enum guest_search what)
{
	return !space->over && (what == GUEST_SEARCH_ALL || space->changed || space->is_program);
}

int guest_spaces_search(
	struct guest_spaces *s, const struct guest_memory *m, enum guest_search what)
{
	size_t n = s->inside->n_files ? s->n : 0,
	       most = what == GUEST_SEARCH_ALL ? n : SEARCHED_MAX;
	struct search q = {s, m, NULL};
	int r = 0;

	if (!s->n)
		return -EAGAIN;
	for (size_t i = 0; i < n && r >= 0 && most > 0; i++) {
		q.space = &s->items[i];
		if (!is_due(q.space, what))
			continue;
		r = search_one(&q, what);
		most--;
	}
	/* Without the program itself its libraries may be there. */
	q.space = (struct guest_space *)guest_spaces_main(s);
	if (r >= 0 && !s->program_known && q.space)
		r = find_modules(&q, SIZE_MAX, found_module);
	return r < 0 ? r : 0;
}

/* The only one that was ever seen with this root: of a sample that says no more. */
static struct guest_space *only_one(const struct guest_spaces *s, uint64_t root)
{
	struct guest_space *found = NULL;

	for (size_t i = 0; i < s->n; i++) {
		struct guest_space *space = &s->items[i];

		if (space->root != root ||
			(s->tasks_known && space->who.kind == GUEST_TASK_UNKNOWN))
			continue;
		if (found)
			return NULL;
		found = space;
	}
	return found;
}

struct guest_space *guest_spaces_of(const struct guest_spaces *s, const struct profile_entry *e)
{
	struct guest_space *space;

	if (s->shared)
		return NULL;
	for (size_t i = 0; i < s->n && e->guest_task.kind == GUEST_TASK_PROCESS; i++)
		if (s->items[i].root == e->guest_space &&
			same_process(&s->items[i].who, &e->guest_task))
			return &s->items[i];
	if (e->guest_task.kind == GUEST_TASK_PROCESS || e->guest_task.kind == GUEST_TASK_KERNEL)
		return NULL;
	space = only_one(s, e->guest_space);
	/* A kernel that hides itself: programs never run on its own tables. */
	if (!space && s->users_low == 0)
		space = only_one(s, e->guest_space ^ USER_TABLES);
	return space;
}

void guest_spaces_done(struct guest_spaces *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->items[i].names != s->shared)
			symbol_space_free(s->items[i].names);
		free(s->items[i].places);
	}
	free(s->items);
	*s = (struct guest_spaces){0};
}
