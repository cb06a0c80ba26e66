/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_unwind.h"

/* What goes wrong here costs stacks their callers, never the run. */

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/probes/probe_set.h"
#include "collector/probes/probe_unwind.h"
#include "collector/run/run_stacks.h"
#include "collector/symbols/elf_file.h"
#include "collector/symbols/proc_maps.h"
#include "collector/symbols/symbol_process.h"
#include "collector/unwind/unwind.h"
#include "collector/unwind/unwind_jit.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/spawn.h"
#include "guests/inside.h"

/* Room for tables that are not known before a run: of libraries that are loaded later, and of what a guest
 * runs. A kernel of Debian has 430,000 rows. All of it is memory, used or not. */
#define ROWS_SPARE       ((size_t)1 << 20)
#define ROWS_SPARE_GUEST ((size_t)2 << 20)

/* Processes of what is attached to whose files are looked at before: others mostly have the same ones. */
#define EXPECTED_PROCESSES 64

static bool is_sampled(const struct run *run)
{
	return run->settings->oncpu || run->settings->offcpu;
}

/* QEMU's emulation may be a module, in a folder beside the libraries. */
static void expect_modules(struct unwind *u, const struct guest_inside *files)
{
	for (size_t i = 0; i < files->n_files; i++) {
		_cleanup_free_ char *pattern = NULL;
		const char *path = files->files[i].path, *slash = strrchr(path, '/');
		glob_t found;

		if (!slash ||
			asprintf(&pattern, "%.*s/qemu/accel-*.so", (int)(slash - path), path) < 0) {
			pattern = NULL;
			continue;
		}
		if (glob(pattern, 0, NULL, &found) != 0)
			continue;
		for (size_t k = 0; k < found.gl_pathc; k++)
			unwind_expect(u, found.gl_pathv[k]);
		globfree(&found);
	}
}

/* @program, in $PATH or by its path, and its libraries. */
static void expect_program(struct unwind *u, const char *program, bool is_qemu)
{
	_cleanup_free_ char *path = NULL;
	struct guest_inside *files = calloc(1, sizeof(*files));

	if (files && spawn_find_program(program, &path) >= 0)
		(void)guest_inside_add_program(files, path, NULL, NULL);
	for (size_t i = 0; files && i < files->n_files; i++)
		unwind_expect(u, files->files[i].path);
	if (files && is_qemu)
		expect_modules(u, files);
	guest_inside_free(files);
}

struct expected_process {
	struct unwind *unwind;
	pid_t pid;
};

static int expect_mapping(const struct proc_mapping *m, void *userdata)
{
	struct expected_process *process = userdata;
	char path[128];

	if (!m->executable || !m->inode)
		return 0;
	/* The very file, even if it was replaced or lies in a container. */
	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)process->pid,
		m->start, m->end);
	unwind_expect(process->unwind, path);
	return 0;
}

/* What the processes of @a have mapped. Who has ended has nothing. */
static void expect_attached(struct unwind *u, const struct attach *a)
{
	struct expected_process process = {.unwind = u};

	for (size_t i = 0, n = 0; i < a->n_threads && n < EXPECTED_PROCESSES; i++) {
		const struct probe_adoption *t = &a->threads[i].adoption;

		if (t->tid != t->tgid)
			continue;
		process.pid = t->tgid;
		(void)proc_maps_each(process.pid, expect_mapping, &process);
		n++;
	}
}

void run_unwind_expect(struct run *run)
{
	struct unwind *u = run->settings->unwind;

	if (!is_sampled(run))
		return;
	if (run->request->attach) {
		expect_attached(u, run->request->attach);
		return;
	}
	if (run->guest->argv && run->guest->argv[0])
		expect_program(u, run->guest->argv[0], run->request->ops->is_vm);
	if (run->settings->program && !run->settings->image)
		expect_program(u, run->settings->program, false);
}

void run_unwind_prepare(struct run *run, struct probe_options *options)
{
	struct unwind *u = run->settings->unwind;
	size_t spare = run->request->ops->is_vm ? ROWS_SPARE_GUEST : ROWS_SPARE;

	unwind_begin(u);
	options->unwind_rows = is_sampled(run) ? unwind_rows(u) + spare : 0;
}

/* Their rules are those of the run's tables. */
static int put_rows(struct run *run, const struct unwind_row *rows, size_t n, uint32_t *ret_first)
{
	size_t n_rules;
	const struct unwind_rule *rules = unwind_rules(run->settings->unwind, &n_rules);
	int r = probe_set_unwind_rules(run->probes, 0, rules, n_rules);

	return r < 0 ? r : probe_set_unwind_rows(run->probes, rows, n, ret_first);
}

/* Put the rows of @name in their place, once. */
static int place(struct run *run, struct unwind_module *m, const char *name)
{
	int r;

	if (m->first != UNWIND_NOT_PLACED)
		return 0;
	r = put_rows(run, m->rows, m->n_rows, &m->first);
	if (r == -ENOSPC && !run->unwind_full) {
		run->unwind_full = true;
		run_warn(run,
			"there is no room left for unwind tables in this run, of %s first: such code "
			"is followed by its frame pointers; the next run of this experiment has more",
			name);
	}
	return r;
}

static struct unwind_mapping mapping_of(
	struct run *run, enum stack_side side, const struct symbol_text *text, uint64_t *ret_jit)
{
	struct unwind_mapping ret = {.begin = text->start, .end = text->end};
	struct unwind_module *m =
		text->module ? unwind_of_text(run->settings->unwind, text, run_may_wait(run))
			     : NULL;
	enum unwind_way way =
		text->module ? unwind_way_of(m, text->vdso ? 0 : elf_code_bytes(text->file))
			     : UNWIND_WAY_NO_TABLE;

	if (unwind_way_has_table(way) && place(run, m, text->name) < 0)
		way = UNWIND_WAY_NO_TABLE;
	run_stacks_way(run, side, text->name, way);
	if (unwind_way_has_table(way)) {
		ret.pc = text->address - m->base;
		ret.first = m->first;
		ret.n = (uint32_t)m->n_rows;
	}
	if (m && m->jit)
		*ret_jit = m->jit + text->start - text->address;
	return ret;
}

struct mappings {
	struct unwind_mapping *list; /* sorted */
	size_t n;
	uint64_t jit; /* address of GDB's JIT interface, or 0 */
};

/* Those of @space that begin at @from or above, behind what there is. */
static void add_mappings(struct run *run, enum stack_side side, struct symbol_space *space,
	uint64_t from, struct mappings *m)
{
	struct symbol_text text;

	for (size_t i = 0; symbol_space_text(space, i, &text); i++)
		if (text.start >= from &&
			ARRAY_ADD(m->list, m->n, mapping_of(run, side, &text, &m->jit)) < 0)
			return;
}

/* The parts of @whole that @image leaves, and the one that it covers. */
static size_t split(const struct unwind_mapping *whole, const struct unwind_mapping *image,
	struct unwind_mapping ret[static 3])
{
	uint64_t begin = whole->begin > image->begin ? whole->begin : image->begin;
	uint64_t end = whole->end < image->end ? whole->end : image->end;
	size_t n = 0;

	if (whole->begin < begin)
		ret[n++] = (struct unwind_mapping){.begin = whole->begin, .end = begin};
	ret[n] = *image;
	ret[n].pc += begin - image->begin;
	ret[n].begin = begin;
	ret[n++].end = end;
	if (end < whole->end)
		ret[n++] = (struct unwind_mapping){.begin = end, .end = whole->end};
	return n;
}

/* Code made at run time, which may lie in several mappings, has a table. */
static void put_within(struct mappings *m, const struct unwind_mapping *image)
{
	size_t at = ARRAY_BISECT(m->list, m->n, o, o->end <= image->begin);

	while (at < m->n && m->list[at].begin < image->end) {
		struct unwind_mapping parts[3];
		size_t n;

		if (m->list[at].n) {
			at++;
			continue;
		}
		n = split(&m->list[at], image, parts);
		if (ARRAY_MORE(m->list, m->n, n - 1) < 0)
			return;
		memmove(&m->list[at + n], &m->list[at + 1], (m->n - at - 1) * sizeof(*m->list));
		memcpy(&m->list[at], parts, n * sizeof(*parts));
		m->n += n - 1;
		at += n;
	}
}

/* Code that the process tells debuggers of. */
static void add_image(
	struct run *run, pid_t pid, struct mappings *m, struct unwind_jit_image *image)
{
	struct unwind_mapping new = {
		.begin = image->begin,
		.end = image->end,
		.pc = image->begin - image->table.base,
		.n = (uint32_t)image->table.n_rows,
	};

	struct symbol symbol;

	if (!new.n || unwind_renumber(run->settings->unwind, &image->table) < 0 ||
		put_rows(run, image->table.rows, image->table.n_rows, &new.first) < 0)
		return;
	put_within(m, &new);
	if (symbols_lookup_user(run->settings->names, pid, image->begin, &symbol) == 0)
		run_stacks_way(run, STACK_HOST, symbol.module, UNWIND_WAY_JIT);
}

static void add_jit(struct run *run, pid_t pid, struct mappings *m)
{
	struct unwind_jit_image *images;
	size_t n;

	if (!m->jit || unwind_jit_read(pid, m->jit, &images, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		add_image(run, pid, m, &images[i]);
	unwind_jit_done(images, n);
}

bool run_unwind_process(struct run *run, pid_t pid)
{
	struct symbol_space *space = symbols_process_space(run->settings->names, pid);
	struct mappings m = {0};

	if (!run->probes || !space || !is_sampled(run))
		return false;
	add_mappings(run, STACK_HOST, space, 0, &m);
	add_jit(run, pid, &m);
	(void)probe_set_unwind_space(run->probes, UNWIND_KEY_PROCESS((uint64_t)pid), m.list, m.n);
	free(m.list);
	return m.jit;
}

static void set_kernel(
	struct run *run, uint64_t base, const struct unwind_row *rows, size_t n, uint32_t first)
{
	run->kernel = (struct unwind_mapping){
		.begin = base + rows[0].pc,
		.end = base + rows[n - 1].pc,
		.pc = rows[0].pc,
		.first = first,
		.n = (uint32_t)n,
	};
}

/* Of one that lies where it was linked. False: it has no table. */
static bool map_kernel(struct run *run, struct unwind_mapping *ret)
{
	const struct guest_inside *inside = guest_view_inside(run->result->view);
	struct unwind_module *m = inside->randomised ? NULL
						     : unwind_of_kernel(run->settings->unwind,
							       inside->symbols, inside->kernel);

	run->kernel_way = m ? unwind_way_of(m, m->text_bytes) : UNWIND_WAY_NO_TABLE;
	if (!unwind_way_has_table(run->kernel_way) || place(run, m, "the guest's kernel") < 0)
		return false;
	set_kernel(run, m->base, m->rows, m->n_rows, m->first);
	*ret = run->kernel;
	return true;
}

void run_unwind_kernel(struct run *run)
{
	struct unwind_mapping kernel;

	if (!run->result->view)
		return;
	if (map_kernel(run, &kernel))
		(void)probe_set_unwind_space(run->probes, UNWIND_KEY_KERNEL, &kernel, 1);
	else
		guest_view_want_table(run->result->view);
}

/* It is of this boot alone, so no other run has a use for it. */
void run_unwind_kernel_found(struct run *run, struct unwind_table *table)
{
	uint32_t first;

	if (unwind_renumber(run->settings->unwind, table) == 0 &&
		put_rows(run, table->rows, table->n_rows, &first) == 0) {
		set_kernel(run, table->base, table->rows, table->n_rows, first);
		run->kernel_way = UNWIND_WAY_ORC;
		(void)probe_set_unwind_space(run->probes, UNWIND_KEY_KERNEL, &run->kernel, 1);
	}
	unwind_table_done(table);
}

/* @space, whose page tables' root is @root. */
static void put_guest_space(struct run *run, struct symbol_space *space, uint64_t root)
{
	struct unwind_mapping kernel;
	struct mappings m = {0};
	uint64_t key = UNWIND_KEY_KERNEL, from = 0;

	if (!guest_view_inside(run->result->view)->one_ring) {
		key = UNWIND_KEY_GUEST(root);
	} else if (map_kernel(run, &kernel)) { /* which lies below its programs */
		from = kernel.end;
		if (ARRAY_ADD(m.list, m.n, kernel) < 0)
			return;
	}
	add_mappings(run, STACK_GUEST, space, from, &m);
	(void)probe_set_unwind_space(run->probes, key, m.list, m.n);
	free(m.list);
}

void run_unwind_guest(struct run *run)
{
	struct guest_view *v = run->result->view;
	struct symbol_space *space;
	uint64_t root;
	size_t at = 0;

	while (v && !run->finished && (space = guest_view_space(v, &at, &root)))
		put_guest_space(run, space, root);
}

/* For the next run, which finds them there. */
static void make_tables(struct run *run, pid_t pid)
{
	struct symbol_space *space = symbols_process_space(run->settings->names, pid);
	struct symbol_text text;

	for (size_t i = 0; space && symbol_space_text(space, i, &text); i++)
		if (text.module)
			(void)unwind_of_text(run->settings->unwind, &text, true);
}

void run_unwind_close(struct run *run)
{
	for (size_t i = 0; i < run->n_processes && !run_may_wait(run); i++)
		make_tables(run, run->processes[i].pid);
}
