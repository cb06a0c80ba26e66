/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/inside/guest_check.h"
#include "collector/inside/guest_kallsyms.h"
#include "collector/inside/guest_modules.h"
#include "collector/inside/guest_reader.h"
#include "collector/inside/guest_root.h"
#include "collector/inside/guest_spaces.h"
#include "collector/inside/subsystems.h"
#include "collector/symbols/address_set.h"
#include "collector/symbols/symbol_space.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/detail_words.h"

#define THREADS_MAX 4096
#define LOOKS_MAX   3                     /* early in its boot a kernel may not be whole yet */
#define KERNEL_FROM 0xffffffff80000000ULL /* where Linux maps its code */

/* A function's first instructions: "push %rbp", after an "endbr64" where the compiler puts one. */
#define ENDBR_BYTES    4
#define PROLOGUE_BYTES 8

const char *const guest_end_names[GUEST_ENDS] = {
	[GUEST_END_UNKNOWN] = "registers not known",
	[GUEST_END_ROOT] = "root",
	[GUEST_END_LIMIT] = "too deep",
	[GUEST_END_UNMAPPED] = "page not present",
	[GUEST_END_ADDRESS] = "no frame pointer",
	[GUEST_END_TABLE] = "outside of RAM",
	[GUEST_END_HOST] = "not in the host's memory",
	[GUEST_END_FIVE_LEVEL] = "five-level page tables",
	[GUEST_END_PAGING_OFF] = "not in 64-bit mode",
	[GUEST_END_NO_TABLES] = "page tables not known",
	[GUEST_END_OUTSIDE] = "outside known text",
};

struct guest_view {
	struct guest_inside *inside;
	struct symbol_space *space;   /**< of the kernel, and of what shares its address space */
	struct symbol_space *nowhere; /**< has nothing: of what is not known */
	struct guest_spaces spaces;   /**< of programs */
	struct guest_look *look;      /**< at what the kernel tells; NULL: not now */
	unsigned looks_left;
	bool look_due; /**< a sample hit the kernel since the last one */
	bool wants_tasks;
	bool wants_table;
	struct subsystems *subsystems;
	struct guest_memory *memory;
	struct guest_ram_block blocks[GUEST_RAM_BLOCKS]; /* where QEMU has it */
	size_t n_blocks;
	char *kallsyms_path;
	char *vdso_path;
	uint64_t kernel_cr3; /**< of a sample in the kernel: there all of it is mapped */
	bool kernel_added;
	bool five_level; /* its page tables have five levels */
	struct guest_check check;
	struct sched_layout sched;    /* of kind SCHED_NONE: not known */
	struct timers_layout timers;  /* likewise */
	struct guest_root sched_root; /* of page tables by which it is read; 0, 0: not known */
	struct error no_sched;        /* why it never will be */
	struct error no_timers;       /* likewise */
	struct guest_thread *threads;
	size_t n_threads;
	uint64_t last_thread[PROBE_LANES_MAX];
	bool has_last[PROBE_LANES_MAX];
};

/* Of what is taken out of the memory of the kernel whose file's name begins behind @slash, or NULL. */
static int make_path(const char *work_dir, const char *what, const char *slash, char **ret)
{
	if (asprintf(ret, "%s/%s-%s", work_dir, what, slash ? slash + 1 : "kernel") >= 0)
		return 0;
	*ret = NULL;
	return -ENOMEM;
}

/* Where its scheduler's data lie, if a file tells. */
static void find_sched(struct guest_view *v)
{
	static const struct {
		const char *subsystems;
		int (*find)(const char *symbols, struct sched_layout *ret, struct error *error);
		int (*find_timers)(
			const char *symbols, struct timers_layout *ret, struct error *error);
	} kinds[] = {
		{"osv", sched_osv_layout, timers_osv_layout}, {"bare", sched_fake_layout, NULL}};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (v->inside->symbols && strcmp(v->inside->subsystems, kinds[i].subsystems) == 0 &&
			kinds[i].find(v->inside->symbols, &v->sched, &v->no_sched) == 0 &&
			kinds[i].find_timers)
			(void)kinds[i].find_timers(v->inside->symbols, &v->timers, &v->no_timers);
	(void)guest_view_find_root(v, &v->sched_root);
}

int guest_view_new(struct guest_inside *inside, struct symbols *names, const char *work_dir,
	struct guest_view **ret, struct error *error)
{
	struct guest_view *v = calloc(1, sizeof(*v));
	const char *slash = inside->kernel ? strrchr(inside->kernel, '/') : NULL;
	int r;

	if (!v) {
		guest_inside_free(inside);
		return -ENOMEM;
	}
	v->inside = inside;
	v->looks_left = inside->kallsyms ? LOOKS_MAX : 0;
	v->wants_tasks = true;
	r = symbol_space_new(names, &v->space);
	if (r == 0)
		r = symbol_space_new(names, &v->nowhere);
	if (r == 0)
		r = subsystems_load(inside->subsystems, &v->subsystems, error);
	if (r == 0)
		r = make_path(work_dir, "kallsyms", slash, &v->kallsyms_path);
	if (r == 0)
		r = make_path(work_dir, "vdso", slash, &v->vdso_path);
	v->spaces = (struct guest_spaces){.inside = inside,
		.names = names,
		.vdso = v->vdso_path,
		.shared = inside->one_ring ? v->space : NULL};
	if (r < 0) {
		guest_view_free(v);
		return r;
	}
	if (inside->randomised) /* another boot's symbols lie elsewhere */
		(void)unlink(v->kallsyms_path);
	find_sched(v);
	*ret = v;
	return 0;
}

int guest_view_open_memory(struct guest_view *v, pid_t pid,
	struct guest_ram_block ret_blocks[static GUEST_RAM_BLOCKS], size_t *ret_n,
	struct error *error)
{
	int r;

	if (v->memory)
		return -EALREADY;
	r = guest_memory_open(pid, v->inside, &v->memory, ret_blocks, ret_n, error);
	if (r == 0) {
		memcpy(v->blocks, ret_blocks, *ret_n * sizeof(*ret_blocks));
		v->n_blocks = *ret_n;
	}
	return r;
}

int guest_view_move_memory(struct guest_view *v, pid_t pid, const struct guest_range *ranges,
	size_t n, uint64_t bytes, struct guest_ram_block ret_blocks[static GUEST_RAM_BLOCKS],
	size_t *ret_n, struct error *error)
{
	guest_memory_close(TAKE_PTR(v->memory));
	memcpy(v->inside->ranges, ranges, n * sizeof(*ranges));
	v->inside->n_ranges = n;
	v->inside->ram_bytes = bytes;
	return guest_view_open_memory(v, pid, ret_blocks, ret_n, error);
}

int guest_view_find_root(const struct guest_view *v, struct guest_root *ret)
{
	const char *symbols = v->inside->symbols;

	if (!symbols && v->inside->kallsyms)
		symbols = v->kallsyms_path;
	return guest_root_find(symbols, &v->inside->root, ret) < 0 ? -ENOENT : 0;
}

static struct guest_thread *find_thread(
	struct guest_view *v, int lane, uint64_t fs_base, const char name[static PROBE_NAME_SIZE])
{
	struct guest_thread *t;

	for (size_t i = v->n_threads; i-- > 0;)
		if (v->threads[i].lane == lane && v->threads[i].fs_base == fs_base &&
			strcmp(v->threads[i].name, name) == 0)
			return &v->threads[i];
	if (v->n_threads >= THREADS_MAX)
		return NULL;
	t = ARRAY_PUSH(v->threads, v->n_threads);
	if (t) {
		*t = (struct guest_thread){.lane = lane, .fs_base = fs_base};
		memcpy(t->name, name, sizeof(t->name));
	}
	return t;
}

void guest_view_sample(
	struct guest_view *v, const struct record_sample *s, const uint64_t *frames, bool boot)
{
	const struct guest_sample *g = &s->guest;
	struct guest_thread *t;
	char name[PROBE_NAME_SIZE];

	if (!g->n_frames || s->lane < 0 || s->lane >= PROBE_LANES_MAX)
		return;
	guest_check_add(&v->check, s);
	v->five_level |= g->end == GUEST_END_FIVE_LEVEL;
	if (g->end != GUEST_END_PAGING_OFF && g->privilege == 0 && g->text_mapped)
		v->kernel_cr3 = g->cr3;
	if (g->privilege == 0 && (g->text_mapped || g->end == GUEST_END_NO_TABLES))
		v->look_due |= frames[s->n_kernel + s->n_user] >= KERNEL_FROM;
	if (g->end != GUEST_END_PAGING_OFF)
		guest_spaces_sample(&v->spaces, g, boot);
	if (boot || g->fs_base == GUEST_THREAD_UNKNOWN)
		return;
	profile_thread_name(&g->task, name);
	t = find_thread(v, s->lane, g->fs_base, name);
	if (!t)
		return;
	t->samples++;
	if (v->has_last[s->lane] && v->last_thread[s->lane] != g->fs_base)
		t->switches++;
	v->last_thread[s->lane] = g->fs_base;
	v->has_last[s->lane] = true;
}

void guest_view_want_table(struct guest_view *v)
{
	v->wants_table = true;
}

static void begin_look(struct guest_view *v, pid_t pid)
{
	bool linked = v->inside->symbols && !v->inside->randomised;
	struct guest_ram_block blocks[GUEST_RAM_BLOCKS];
	struct guest_facts_source source = {.wants_tasks = v->wants_tasks,
		.wants_table = v->wants_table,
		.cr3 = v->kernel_cr3,
		.root = v->inside->root,
		.symbols = linked ? v->inside->symbols : NULL,
		.kallsyms = v->kallsyms_path};
	size_t n;

	v->look_due = false;
	v->looks_left--;
	if (guest_memory_open(pid, v->inside, &source.memory, blocks, &n, NULL) == 0)
		(void)guest_look_start(&source, &v->look);
}

bool guest_view_find_facts(struct guest_view *v, pid_t pid, struct guest_facts *ret)
{
	if (!v->look) {
		if (v->looks_left && v->look_due && v->memory)
			begin_look(v, pid);
		return false;
	}
	if (!guest_look_take(v->look, ret))
		return false;
	guest_look_free(TAKE_PTR(v->look));
	if (ret->sched.kind != SCHED_NONE) {
		v->sched = ret->sched;
		v->timers = ret->timers;
		(void)guest_view_find_root(v, &v->sched_root);
	}
	v->wants_tasks &= !ret->has_tasks;
	v->wants_table &= !ret->has_table;
	if (!v->wants_tasks && !v->wants_table)
		v->looks_left = 0;
	return ret->has_tasks || ret->has_table;
}

/* The root of the kernel's page tables: by its own symbol, else those of a sample in it. */
static uint64_t sched_tables(const struct guest_view *v)
{
	const struct guest_root *root = &v->sched_root;
	const uint64_t *word = root->pointer_at
				       ? guest_memory_at(v->memory, root->pointer_at, sizeof(*word))
				       : &root->physical;
	uint64_t cr3 = word ? *word : 0;

	return cr3 ? cr3 : v->kernel_cr3;
}

int guest_view_sched(
	const struct guest_view *v, unsigned cpus, struct sched_snapshot *ret, const char **ret_why)
{
	struct sched_source source = {.memory = v->memory, .cpus = cpus};

	*ret_why = v->no_sched.text[0] ? v->no_sched.text : NULL;
	if (v->sched.kind == SCHED_NONE || !v->memory || v->five_level)
		return -ENODATA;
	source.cr3 = sched_tables(v);
	return source.cr3 ? sched_read(&source, &v->sched, ret) : -ENODATA;
}

int guest_view_timers(const struct guest_view *v, unsigned cpus, struct timers_snapshot *ret,
	const char **ret_why)
{
	struct sched_source source = {.memory = v->memory, .cpus = cpus};

	*ret_why = v->no_timers.text[0] ? v->no_timers.text : NULL;
	if (v->timers.kind == SCHED_NONE || !v->memory || v->five_level)
		return -ENODATA;
	source.cr3 = sched_tables(v);
	return source.cr3 ? timers_read(&source, &v->sched, &v->timers, ret) : -ENODATA;
}

int guest_view_glance(const struct guest_view *v, unsigned cpus, struct sched_snapshot *ret)
{
	struct sched_source source = {.memory = v->memory, .cpus = cpus};

	if (v->sched.kind == SCHED_NONE || !v->memory || v->five_level)
		return -ENODATA;
	source.cr3 = sched_tables(v);
	return source.cr3 ? sched_glance(&source, &v->sched, ret) : -ENODATA;
}

/* The number of @size bytes at @address, in a word of QEMU's memory. */
static bool place_number(const struct guest_view *v, struct guest_reader *reader, uint64_t address,
	uint32_t size, struct guest_queue_place *ret)
{
	uint64_t physical;

	/* A kernel's own debug information may say any size. */
	if (!size || size > 8 || (size & (size - 1)) ||
		!guest_reader_physical(reader, address, &physical) || physical % size)
		return false;
	for (size_t i = 0; i < v->n_blocks; i++) {
		const struct guest_ram_block *b = &v->blocks[i];

		if (physical < b->physical || physical - b->physical >= b->size)
			continue;
		*ret = (struct guest_queue_place){
			.host = (b->host + (physical - b->physical)) & ~7ULL,
			.mask = size == 8 ? UINT64_MAX : (1ULL << (8 * size)) - 1,
			.shift = (uint32_t)(physical % 8) * 8};
		return true;
	}
	return false;
}

int guest_view_current(const struct guest_view *v, struct guest_task_layout *ret)
{
	struct sched_source source = {.memory = v->memory};
	int r;

	if (v->sched.kind == SCHED_NONE || !v->memory || v->five_level)
		return -ENODATA;
	source.cr3 = sched_tables(v);
	r = sched_current(&source, &v->sched, ret);
	guest_memory_forget(v->memory);
	return r;
}

size_t guest_view_queues(const struct guest_view *v, unsigned cpus,
	struct guest_queue_place ret[static GUEST_QUEUES_MAX])
{
	struct sched_source source = {.memory = v->memory, .cpus = cpus};
	struct guest_reader reader = {.memory = v->memory};
	uint64_t addresses[GUEST_QUEUES_MAX];
	uint32_t size = 0;
	size_t n, k = 0;

	if (v->sched.kind == SCHED_NONE || !v->memory || v->five_level)
		return 0;
	reader.cr3 = source.cr3 = sched_tables(v);
	n = sched_queues(&source, &v->sched, addresses, GUEST_QUEUES_MAX, &size);
	while (k < n && place_number(v, &reader, addresses[k], size, &ret[k]))
		k++;
	guest_memory_forget(v->memory);
	return k;
}

int guest_view_judge(const struct guest_view *v, struct error *error)
{
	return guest_check_judge(&v->check, error);
}

/* A text like System.map begins with an address; an ELF file does not. */
static int add_symbols_file(struct guest_view *v, uint64_t bias, struct error *error)
{
	int r = symbol_space_add_elf(v->space, v->inside->symbols, bias, NULL, error);

	if (r == -ENOEXEC)
		r = symbol_space_add_kallsyms(v->space, v->inside->symbols, bias, error);
	return r;
}

/* Without address randomisation the symbols of one run are those of all. */
static int read_kallsyms(struct guest_view *v, struct error *error)
{
	const struct guest_space *space = guest_spaces_main(&v->spaces);
	uint64_t cr3 = v->kernel_cr3 || !space ? v->kernel_cr3 : space->root;
	int r;

	guest_look_free(TAKE_PTR(v->look)); /* which may be writing it */
	if (access(v->kallsyms_path, R_OK) == 0)
		return 0;
	if (!v->memory || (!cr3 && !space))
		return error_set(error, -ENODATA,
			"the symbols of the guest's kernel could not be read: no sample of "
			"the program was taken");
	r = guest_kallsyms_write(v->memory, cr3, v->kallsyms_path, error);
	guest_memory_forget(v->memory);
	return r;
}

/* By how much the kernel lies higher than its file says: by a symbol that both have. */
static uint64_t find_slide(struct guest_view *v)
{
	static const struct guest_root_symbol symbol = {.name = "_text", .other_name = "_stext"};
	struct guest_root linked, loaded;

	if (!v->inside->randomised || read_kallsyms(v, NULL) < 0 ||
		guest_root_find(v->inside->symbols, &symbol, &linked) < 0 ||
		guest_root_find(v->kallsyms_path, &symbol, &loaded) < 0)
		return 0;
	return loaded.physical - linked.physical;
}

/* The same of a kernel that carries no symbols: by its text. */
static int find_text(struct guest_view *v, uint64_t *ret, struct error *error)
{
	const struct guest_space *space = guest_spaces_main(&v->spaces);
	uint64_t cr3 = v->kernel_cr3 || !space ? v->kernel_cr3 : space->root;
	int r = v->memory && cr3 ? guest_text_find(v->memory, v->inside->symbols, cr3, KERNEL_FROM,
					   UINT64_MAX, ret)
				 : -ENODATA;

	if (v->memory)
		guest_memory_forget(v->memory);
	if (r == 0)
		return 0;
	return error_set(error, r,
		r == -ENODATA
			? "the guest's kernel was not found in its memory: no sample was taken"
			: "the guest's kernel was not found in its memory: it is not that of %s",
		v->inside->symbols);
}

static int add_kernel(struct guest_view *v, struct error *error)
{
	/* Nothing of its memory can be found; run_guest_close() says so. */
	bool closed = v->five_level || guest_view_judge(v, NULL) < 0;
	uint64_t slide;
	int r;

	if (v->inside->symbols && v->inside->randomised && !v->inside->kallsyms) {
		r = closed ? -ENODATA : find_text(v, &slide, error);
		return r < 0 ? r : add_symbols_file(v, slide, error);
	}
	if (v->inside->symbols)
		return add_symbols_file(v, closed ? 0 : find_slide(v), error);
	if (!v->inside->kallsyms || closed)
		return 0;
	r = read_kallsyms(v, error);
	return r < 0 ? r : symbol_space_add_kallsyms(v->space, v->kallsyms_path, 0, error);
}

int guest_view_find_program(struct guest_view *v, enum guest_search what)
{
	if (v->five_level)
		return 0;
	return v->memory ? guest_spaces_search(&v->spaces, v->memory, what) : -EAGAIN;
}

struct symbol_space *guest_view_space(struct guest_view *v, size_t *at, uint64_t *ret_root)
{
	while (*at < v->spaces.n) {
		const struct guest_space *space = &v->spaces.items[(*at)++];

		if (space->names && !space->over) {
			*ret_root = space->root;
			return space->names;
		}
	}
	return NULL;
}

int guest_view_find_kernel(struct guest_view *v, struct error *error)
{
	if (v->kernel_added)
		return 0;
	v->kernel_added = true;
	return add_kernel(v, error);
}

static bool in_kernel(const struct guest_view *v, uint64_t address)
{
	if (v->inside->one_ring)
		return address < OSV_PROGRAM_FROM || address >= OSV_PROGRAM_TO;
	return (int64_t)address < 0;
}

/* Programs that are linked to their addresses lie below OSv's kernel. */
static bool is_of_program(const struct guest_view *v, const struct symbol *symbol)
{
	for (size_t i = 0; i < v->inside->n_files; i++)
		if (strcmp(v->inside->files[i].name, symbol->module) == 0)
			return true;
	return false;
}

/* What @address is in, where @program is the address space of user mode, or NULL. */
static struct symbol_space *names_at(
	const struct guest_view *v, const struct guest_space *program, uint64_t address)
{
	if (v->inside->one_ring || in_kernel(v, address))
		return v->space;
	return program && program->names ? program->names : v->nowhere;
}

/* Returns 1 if @address is in known text, 0 if not, -ENOMEM. */
static int look_up(struct guest_view *v, const struct guest_space *program, uint64_t address,
	struct guest_frame *ret)
{
	struct symbol_space *names = names_at(v, program, address);
	int r = symbol_space_lookup(names, address, &ret->symbol);

	if (r < 0)
		return r;
	ret->address = address;
	ret->kernel =
		in_kernel(v, address) && (!v->inside->one_ring || !is_of_program(v, &ret->symbol));
	return ret->symbol.resolved || symbol_space_covers(names, address);
}

/* Those of @profile whose names are in @names, as guest_view_frames() looks them up. */
static int add_addresses(struct guest_view *v, const struct profile_entry *e,
	const struct symbol_space *names, struct address_set *set)
{
	const struct guest_space *program = guest_spaces_of(&v->spaces, e);
	int r = 0;

	for (uint32_t k = 0; k < e->n_guest && r == 0; k++) {
		uint64_t address = profile_address(e->guest, k);

		if (names_at(v, program, address) == names)
			r = address_set_add(set, address);
	}
	if (r == 0 && e->n_guest && e->guest_caller &&
		names_at(v, program, profile_caller(e->guest_caller)) == names)
		r = address_set_add(set, profile_caller(e->guest_caller));
	return r;
}

static int find_lines(
	struct guest_view *v, const struct profile *profile, struct symbol_space *names)
{
	_cleanup_address_set_ struct address_set set = {0};
	int r = 0;

	for (size_t i = 0; i < profile->n && r == 0; i++)
		if (profile->entries[i]->n_guest)
			r = add_addresses(v, profile->entries[i], names, &set);
	if (r == 0 && set.n)
		r = symbol_space_find_lines(names, set.addresses, set.n);
	return r < 0 ? r : 0;
}

int guest_view_find_lines(struct guest_view *v, const struct profile *profile)
{
	int r = find_lines(v, profile, v->space);

	for (size_t i = 0; i < v->spaces.n && r == 0; i++)
		if (v->spaces.items[i].names && v->spaces.items[i].names != v->space)
			r = find_lines(v, profile, v->spaces.items[i].names);
	return r;
}

/*
 * A function that was hit before it had its own frame: the chain then begins with its caller's
 * caller. Where the function was at its very entry, or had just saved the frame pointer, the
 * caller's address is on top of the stack.
 */
static bool caller_on_top(const struct profile_entry *e, const struct guest_frame *leaf)
{
	uint64_t offset = leaf->symbol.offset;

	if (!leaf->symbol.resolved || !e->guest_caller)
		return false;
	if (e->guest_pushed)
		return offset > 0 && offset <= PROLOGUE_BYTES;
	return offset == 0 || offset == ENDBR_BYTES;
}

/* The function that calls the first one is a C library's: often without a name. */
static bool ends_in_root(const struct guest_view *v, const struct guest_frame *frames, int n)
{
	if (!frames[n - 1].symbol.resolved && n > 1)
		n--;
	return frames[n - 1].symbol.resolved &&
	       subsystems_is_root(v->subsystems, frames[n - 1].symbol.name);
}

int guest_view_frames(struct guest_view *v, const struct profile_entry *e,
	struct guest_frame ret[static PROBE_STACK_DEPTH + 1], unsigned *ret_end)
{
	const struct guest_space *program;
	const uint64_t *frames = e->guest;
	int n = 0, r;

	*ret_end = e->guest_end;
	if (!e->n_guest)
		return 0;
	program = guest_spaces_of(&v->spaces, e);
	r = look_up(v, program, frames[0], &ret[n++]);
	if (r < 0)
		return r;
	if (r == 0) {
		/* Firmware, and what unpacks the kernel, lie low, too. */
		ret[0].kernel = ret[0].kernel || e->guest_privilege == 0;
		/* Where no chain was followed, that says more. */
		if (*ret_end != GUEST_END_FIVE_LEVEL && *ret_end != GUEST_END_PAGING_OFF &&
			*ret_end != GUEST_END_NO_TABLES)
			*ret_end = GUEST_END_OUTSIDE;
		return n;
	}
	if (caller_on_top(e, &ret[0]) && (e->n_guest < 2 || frames[1] != e->guest_caller)) {
		r = look_up(v, program, profile_caller(e->guest_caller), &ret[n]);
		if (r < 0)
			return r;
		n += r;
	}
	for (uint32_t i = 1; i < e->n_guest && n <= PROBE_STACK_DEPTH; i++) {
		r = look_up(v, program, profile_address(frames, i), &ret[n]);
		if (r < 0)
			return r;
		if (r == 0) {
			*ret_end = GUEST_END_OUTSIDE;
			break;
		}
		n++;
	}
	/* Below such a function nothing is a frame, whatever the frame pointer said. */
	if (*ret_end != GUEST_END_ROOT && ends_in_root(v, ret, n))
		*ret_end = GUEST_END_ROOT;
	return n;
}

/* What is done in user mode. Where the program was found nowhere, any may be it. */
static const char *program_subsystem(
	const struct guest_view *v, const struct profile_entry *e, const struct symbol *symbol)
{
	const struct guest_space *program = guest_spaces_of(&v->spaces, e);

	if (!v->spaces.program_known || v->inside->one_ring || (program && program->is_program))
		return symbol->module[0] ? DETAIL_APPLICATION : NULL;
	return DETAIL_OTHER_PROCESSES;
}

const char *guest_view_subsystem(struct guest_view *v, const struct profile_entry *e)
{
	struct guest_frame frames[PROBE_STACK_DEPTH + 1];
	const char *last_resort = NULL;
	unsigned end;
	int n = guest_view_frames(v, e, frames, &end);

	if (n <= 0)
		return "";
	/* From the innermost outwards: the first that is known decides. */
	for (int i = 0; i < n; i++) {
		const char *subsystem =
			frames[i].kernel ? NULL : program_subsystem(v, e, &frames[i].symbol);
		bool weak;

		if (subsystem)
			return subsystem;
		if (!frames[i].symbol.resolved)
			continue;
		subsystem = subsystems_find(v->subsystems, frames[i].symbol.name, &weak);
		if (subsystem && !weak)
			return subsystem;
		if (subsystem && !last_resort)
			last_resort = subsystem;
	}
	return last_resort ? last_resort : SUBSYSTEM_OTHER;
}

/* Where its kernel does not say: it is known by its page tables, if it is at work in user mode. */
static bool name_by_space(const struct guest_view *v, const struct profile_entry *e,
	char ret[static GUEST_PROCESS_SIZE])
{
	const struct guest_space *space = guest_spaces_of(&v->spaces, e);

	if (!space && v->spaces.tasks_known) /* in the middle of a switch, or long gone */
		return false;
	if (space && space->who.kind == GUEST_TASK_PROCESS)
		snprintf(ret, GUEST_PROCESS_SIZE, "%s", space->who.name);
	else if (space && space->is_program)
		snprintf(ret, GUEST_PROCESS_SIZE, "%s", v->inside->files[0].name);
	else
		snprintf(ret, GUEST_PROCESS_SIZE, "process %#llx",
			(unsigned long long)e->guest_space);
	return true;
}

bool guest_view_process(const struct guest_view *v, const struct profile_entry *e,
	char ret[static GUEST_PROCESS_SIZE])
{
	const struct guest_task *t = &e->guest_task;

	if (v->inside->one_ring || !e->n_guest)
		return false;
	if (t->kind == GUEST_TASK_KERNEL) {
		snprintf(ret, GUEST_PROCESS_SIZE, "[%s]", t->name); /* as ps writes it */
		return true;
	}
	if (t->kind == GUEST_TASK_PROCESS) {
		snprintf(ret, GUEST_PROCESS_SIZE, "%s", t->name);
		return true;
	}
	/* In the kernel the tables are those of the last process, whoever it works for. */
	if (e->guest_privilege == 0 && in_kernel(v, e->guest[e->n_guest - 1]))
		return false;
	return name_by_space(v, e, ret);
}

void guest_view_count(
	struct guest_view *v, const struct profile_entry *e, struct guest_counts *counts)
{
	struct guest_frame frames[PROBE_STACK_DEPTH + 1];
	unsigned end;
	int n;

	counts->samples += e->count;
	if (!e->n_guest) {
		counts->ends[GUEST_END_UNKNOWN] += e->count;
		return;
	}
	n = guest_view_frames(v, e, frames, &end);
	if (n <= 0)
		return;
	counts->taken += e->count;
	counts->ends[end] += e->count;
	if (frames[0].symbol.resolved)
		counts->known += e->count;
	if (frames[0].kernel) {
		counts->kernel += e->count;
		if (frames[0].symbol.resolved)
			counts->kernel_known += e->count;
	}
}

const struct guest_thread *guest_view_threads(const struct guest_view *v, size_t *ret_n)
{
	*ret_n = guest_view_judge(v, NULL) < 0 ? 0 : v->n_threads;
	return v->threads;
}

const struct guest_inside *guest_view_inside(const struct guest_view *v)
{
	return v->inside;
}

void guest_view_free(struct guest_view *v)
{
	if (!v)
		return;
	guest_look_free(v->look);
	guest_spaces_done(&v->spaces);
	subsystems_free(v->subsystems);
	guest_memory_close(v->memory);
	symbol_space_free(v->space);
	symbol_space_free(v->nowhere);
	guest_inside_free(v->inside);
	free(v->kallsyms_path);
	free(v->vdso_path);
	free(v->threads);
	free(v);
}
