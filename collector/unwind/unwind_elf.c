/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/symbols/elf_handle.h"
#include "collector/unwind/unwind_build.h"
#include "collector/unwind/unwind_cfi.h"
#include "collector/unwind/unwind_frame.h"
#include "collector/unwind/unwind_go.h"
#include "collector/unwind/unwind_section.h"
#include "collector/unwind/unwind_table.h"
#include "collector/unwind/unwind_text.h"
#include "common/array.h"
#include "common/cleanup.h"

/* libdw runs a function's instructions from its begin for each of its rows. That is quick for all
 * that compilers make, and without an end for what was made to be slow. */
#define WORK_MAX (1ULL << 30)

/* How long hand-written code at a program's begin may be. */
#define ENTRY_BYTES 64

/* All that is open while a table is made. */
struct reader {
	Elf *elf[2];          /* the file's, its debug file's */
	void *debug_frame[2]; /* an ELF file each with .debug_frame, in memory */
	Elf *debug_elf[2];
	Dwarf *dwarf[2];
	struct unwind_cfi_source sources[UNWIND_CFI_SOURCES];
	uint32_t n_sources;
	struct unwind_cfi_extent *extents;
	size_t n_extents;
	struct unwind_text text;
	bool is_go;
	struct unwind_build build;
	uint64_t work;
};

static void reader_done(struct reader *r)
{
	for (uint32_t i = 0; i < r->n_sources; i++)
		if (r->sources[i].is_eh_frame)
			dwarf_cfi_end(r->sources[i].cfi);
	for (size_t i = 0; i < ARRAY_SIZE(r->dwarf); i++) {
		if (r->dwarf[i])
			dwarf_end(r->dwarf[i]);
		elf_handle_done(&r->debug_elf[i]);
		elf_handle_done(&r->elf[i]);
		free(r->debug_frame[i]);
	}
	free(r->extents);
	unwind_build_done(&r->build);
}

static int add_source(struct reader *r, struct unwind_cfi_source source)
{
	const uint32_t number = r->n_sources;

	r->sources[r->n_sources++] = source;
	return unwind_cfi_read(&r->sources[number], number, &r->extents, &r->n_extents);
}

static int add_eh_frame(struct reader *r)
{
	struct unwind_cfi_source source = {.is_eh_frame = true};

	source.data = unwind_section_find(r->elf[0], ".eh_frame", &source.address);
	source.cfi = source.data ? dwarf_getcfi_elf(r->elf[0]) : NULL;
	return source.cfi ? add_source(r, source) : 0;
}

/* libdw would read all of DWARF: it is given an ELF file that has only this. */
static int add_debug_frame(struct reader *r, size_t i)
{
	struct unwind_cfi_source source = {0};
	size_t size;
	int result = unwind_debug_frame_read(r->elf[i], &r->debug_frame[i], &size);

	if (result < 0)
		return result == -ENODATA ? 0 : result;
	r->debug_elf[i] = elf_handle_image(r->debug_frame[i], size);
	r->dwarf[i] = r->debug_elf[i] ? dwarf_begin_elf(r->debug_elf[i], DWARF_C_READ, NULL) : NULL;
	source.cfi = r->dwarf[i] ? dwarf_getcfi(r->dwarf[i]) : NULL;
	source.data =
		source.cfi ? unwind_section_find(r->debug_elf[i], ".debug_frame", &source.address)
			   : NULL;
	return source.data ? add_source(r, source) : 0;
}

/* By address; at one, as the sources come. */
static int by_begin(const void *a, const void *b)
{
	const struct unwind_cfi_extent *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->source < y->source ? -1 : x->source > y->source;
}

/* Rows of [@begin, @end) by a slot of the PLT each, half of them with another CFA. */
static int add_plt_rows(
	struct unwind_build *b, uint64_t begin, uint64_t end, const struct unwind_frame *frame)
{
	struct unwind_rule pushed = frame->rule;
	int r = 0;

	pushed.cfa_offset += 8;
	for (uint64_t slot = begin & ~(uint64_t)(UNWIND_PLT_SLOT_BYTES - 1); r == 0 && slot < end;
		slot += UNWIND_PLT_SLOT_BYTES) {
		const uint64_t middle = slot + frame->plt_byte;

		r = unwind_build_row(b, slot > begin ? slot : begin, &frame->rule);
		if (r == 0 && middle < end)
			r = unwind_build_row(b, middle > begin ? middle : begin, &pushed);
	}
	return r;
}

static int add_rows(
	struct unwind_build *b, uint64_t begin, uint64_t end, struct unwind_frame *frame)
{
	if (frame->plt_byte && frame->plt_byte != UNWIND_PLT_BYTE)
		return add_plt_rows(b, begin, end, frame);
	if (frame->plt_byte)
		frame->rule.flags |= UNWIND_CFA_PLT;
	return unwind_build_row(b, begin, &frame->rule);
}

/* The rows of one entry from @at on; what is wrong in it ends them. */
static int add_extent(struct reader *r, const struct unwind_cfi_extent *extent, uint64_t at)
{
	int result = 0;

	while (result == 0 && at < extent->end) {
		_cleanup_free_ Dwarf_Frame *frame = NULL;
		struct unwind_frame read;
		Dwarf_Addr begin, end;
		int return_register;
		bool signal;

		r->work += extent->bytes + 1;
		if (r->work > WORK_MAX)
			return -E2BIG;
		if (dwarf_cfi_addrframe(r->sources[extent->source].cfi, at, &frame) < 0)
			break;
		return_register = dwarf_frame_info(frame, &begin, &end, &signal);
		if (return_register < 0 || end <= at)
			break;
		if (end > extent->end)
			end = extent->end;
		read = unwind_frame_read(frame, return_register, signal);
		if (r->is_go && !r->sources[extent->source].is_eh_frame)
			unwind_go_add_rbp(&read.rule);
		result = add_rows(&r->build, at, end, &read);
		at = end;
	}
	return result < 0 ? result : unwind_build_row(&r->build, at, NULL);
}

/* All rows. Where entries overlap the first has its way, .eh_frame's before others'. */
static int add_extents(struct reader *r)
{
	uint64_t covered = 0;

	if (r->n_extents)
		qsort(r->extents, r->n_extents, sizeof(*r->extents), by_begin);
	for (size_t i = 0; i < r->n_extents; i++) {
		const struct unwind_cfi_extent *e = &r->extents[i];
		int result;

		if (e->end <= covered || !unwind_text_has(&r->text, e->begin, e->end))
			continue;
		result = add_extent(r, e, e->begin > covered ? e->begin : covered);
		if (result < 0)
			return result;
		covered = e->end;
		r->build.table.sources |=
			r->sources[e->source].is_eh_frame ? UNWIND_EH_FRAME : UNWIND_DEBUG_FRAME;
	}
	return 0;
}

/* Code where a program begins has no caller. Hand-written, it often has no information either. */
static int add_entry(struct reader *r)
{
	static const struct unwind_rule root = {.cfa_base = UNWIND_RSP, .flags = UNWIND_ROOT};
	const struct unwind_table *t = &r->build.table;
	GElf_Ehdr header;
	uint64_t end;
	size_t next;

	if (!gelf_getehdr(r->elf[0], &header) || !header.e_entry || header.e_entry < t->base ||
		unwind_table_find(t, header.e_entry)->cfa_base != UNWIND_NONE)
		return 0;
	end = header.e_entry + ENTRY_BYTES;
	next = ARRAY_BISECT(t->rows, t->n_rows, e, e->pc <= header.e_entry - t->base);
	if (next < t->n_rows && end > t->base + t->rows[next].pc)
		end = t->base + t->rows[next].pc;
	if (!unwind_text_has(&r->text, header.e_entry, end))
		return 0;
	return unwind_build_replace(&r->build, header.e_entry, end, &root);
}

/* What is known of code without call frame information, or against it. */
static int add_known_code(struct reader *r)
{
	int result = 0;

	unwind_text_find_known(r->elf[0], &r->text);
	for (size_t i = 0; result == 0 && i < r->text.n_known; i++) {
		const struct unwind_text_known *k = &r->text.known[i];

		result = unwind_build_replace(&r->build, k->begin, k->end, &k->rule);
	}
	return result < 0 ? result : add_entry(r);
}

static int failed(int code, struct error *error)
{
	switch (code) {
	case -ENODATA:
		return error_set(error, code, "it has no call frame information");
	case -ENOMEM:
		return error_no_memory(error, " for an unwind table");
	case -E2BIG:
		return error_set(error, code, "its call frame information is too large");
	default:
		return code;
	}
}

static int make_table(struct reader *r, struct unwind_table *ret)
{
	int result = add_eh_frame(r);

	for (size_t i = 0; result == 0 && i < ARRAY_SIZE(r->elf); i++)
		if (r->elf[i])
			result = add_debug_frame(r, i);
	if (result == 0 && !r->n_extents)
		return -ENODATA;
	r->is_go = unwind_go_is(r->elf[0]);
	unwind_text_read(r->elf[0], &r->text);
	unwind_build_begin(&r->build, unwind_text_begin(&r->text));
	if (result == 0)
		result = add_extents(r);
	if (result == 0)
		result = add_known_code(r);
	return result < 0 ? result : unwind_build_finish(&r->build, ret);
}

static bool is_ours(Elf *elf)
{
	GElf_Ehdr header;

	return elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) &&
	       header.e_machine == EM_X86_64 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
	       header.e_ident[EI_DATA] == ELFDATA2LSB;
}

static int make_from(Elf *elf, Elf *debug, struct unwind_table *ret, struct error *error)
{
	_cleanup_(reader_done) struct reader r = {.elf = {elf, debug}};
	int result;

	if (!is_ours(elf))
		return error_set(error, -ENOEXEC, "it is no x86-64 ELF file");
	if (!is_ours(debug)) {
		elf_handle_done(&r.elf[1]);
		r.elf[1] = NULL;
	}
	result = make_table(&r, ret);
	return result < 0 ? failed(result, error) : 0;
}

int unwind_table_of_elf(int fd, int debug_fd, struct unwind_table *ret, struct error *error)
{
	Elf *debug = debug_fd < 0 ? NULL : elf_handle_open(debug_fd);

	return make_from(elf_handle_open(fd), debug, ret, error);
}

int unwind_table_of_image(
	const void *image, size_t size, struct unwind_table *ret, struct error *error)
{
	return make_from(elf_handle_image(image, size), NULL, ret, error);
}
