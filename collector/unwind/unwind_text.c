/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/unwind/unwind_text.h"

#include <string.h>

#include "collector/symbols/elf_handle.h"
#include "collector/unwind/unwind_go.h"
#include "common/cleanup.h"

#define SEGMENTS_READ_MAX 4096

/* How a signal handler returns: it calls rt_sigreturn, number 15, by 64 or 32 bit register. C libraries'
 * call frame information for it is right, none (musl) or that of any function (Go). Whoever calls
 * it, the kernel expects at RSP what it has put there: a struct ucontext. */
static const struct {
	uint8_t bytes[9];
	uint8_t n;
} sigreturns[] = {
	{{0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05}, 9},
	{{0xb8, 15, 0, 0, 0, 0x0f, 0x05}, 7},
};

/* Offsets in struct ucontext of x86-64 (asm/ucontext.h, asm/sigcontext.h). */
static const struct unwind_rule signal_rule = {
	.cfa_base = UNWIND_RSP,
	.rbp_base = UNWIND_RSP,
	.flags = UNWIND_RSP_SAVED | UNWIND_EXACT,
	.rip_offset = 168,
	.rbp_offset = 120,
	.rsp_offset = 160,
};

static void add_piece(struct unwind_text *t, struct unwind_text_piece piece)
{
	if (piece.end > piece.begin && t->n_pieces < UNWIND_TEXT_PIECES_MAX)
		t->pieces[t->n_pieces++] = piece;
}

static void read_segments(Elf *elf, struct unwind_text *t)
{
	size_t n;

	if (elf_getphdrnum(elf, &n) < 0)
		return;
	for (size_t i = 0; i < n && i < SEGMENTS_READ_MAX; i++) {
		GElf_Phdr p;

		if (gelf_getphdr(elf, (int)i, &p) && p.p_type == PT_LOAD && p.p_flags & PF_X)
			add_piece(t, (struct unwind_text_piece){.begin = p.p_vaddr,
					     .end = p.p_vaddr + p.p_memsz,
					     .offset = p.p_offset,
					     .file_bytes = p.p_filesz});
	}
}

static void read_sections(Elf *elf, struct unwind_text *t)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr s;

		if (gelf_getshdr(section, &s) && s.sh_flags & SHF_EXECINSTR)
			add_piece(t, (struct unwind_text_piece){
					     .begin = s.sh_addr, .end = s.sh_addr + s.sh_size});
	}
}

/* The call's instruction before belongs to it: there a return address is looked up. */
static void add_sigreturn(struct unwind_text *t, uint64_t address, size_t bytes)
{
	if (t->n_known < UNWIND_TEXT_KNOWN_MAX)
		t->known[t->n_known++] = (struct unwind_text_known){
			.begin = address - 1, .end = address + bytes, .rule = signal_rule};
}

static void find_sigreturns(struct unwind_text *t, uint64_t address, const Elf_Data *data)
{
	const uint8_t *bytes = data->d_buf, *end = bytes + data->d_size;

	for (size_t i = 0; i < ARRAY_SIZE(sigreturns); i++) {
		const size_t n = sigreturns[i].n;
		const uint8_t *at = bytes;

		while ((at = memmem(at, (size_t)(end - at), sigreturns[i].bytes, n))) {
			if (at > bytes)
				add_sigreturn(t, address + (uint64_t)(at - bytes), n);
			at += n;
		}
	}
}

void unwind_text_read(Elf *elf, struct unwind_text *ret)
{
	*ret = (struct unwind_text){0};
	read_segments(elf, ret);
	if (!ret->n_pieces)
		read_sections(elf, ret);
}

void unwind_text_find_known(Elf *elf, struct unwind_text *t)
{
	const bool is_go = unwind_go_is(elf);

	for (size_t i = 0; i < t->n_pieces; i++) {
		const struct unwind_text_piece *p = &t->pieces[i];
		const size_t bytes = p->file_bytes < ELF_SECTION_BYTES_MAX ? p->file_bytes
									   : ELF_SECTION_BYTES_MAX;
		const Elf_Data *data =
			bytes ? elf_getdata_rawchunk(elf, (int64_t)p->offset, bytes, ELF_T_BYTE)
			      : NULL;

		if (data && data->d_buf)
			find_sigreturns(t, p->begin, data);
		if (data && data->d_buf && is_go)
			unwind_go_find(t, p->begin, data->d_buf, data->d_size);
	}
}

bool unwind_text_has(const struct unwind_text *t, uint64_t begin, uint64_t end)
{
	for (size_t i = 0; i < t->n_pieces; i++)
		if (begin >= t->pieces[i].begin && end <= t->pieces[i].end)
			return true;
	return false;
}

uint64_t unwind_text_begin(const struct unwind_text *t)
{
	uint64_t begin = UINT64_MAX;

	for (size_t i = 0; i < t->n_pieces; i++)
		if (t->pieces[i].begin < begin)
			begin = t->pieces[i].begin;
	return begin;
}
