/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/unwind/unwind_go.h"

#include <string.h>

#include "collector/unwind/unwind_section.h"
#include "common/cleanup.h"

/*
 * Go's call frame information tells all frames by RSP, and says nothing of code that loads RSP with another
 * stack's: what lies there would be taken for the caller. But RBP still is the goroutine's frame pointer,
 * which Go keeps on amd64. Such code is assembly (runtime/asm_amd64.s, sys_linux_amd64.s,
 * time_linux_amd64.s), and known by its bytes, which are those of Go 1.19 and 1.24.
 */

/* Of a function with a frame of its own this is exact. One that has none (morestack; before Go 1.24
 * systemstack and asmcgocall, too) runs on its caller's frame pointer: the caller's caller comes next. */
static const struct unwind_rule by_pointer = {
	.cfa_base = UNWIND_RBP,
	.rbp_base = UNWIND_RBP,
	.flags = UNWIND_OTHER_STACK,
	.cfa_offset = 16,
	.rip_offset = -8,
};

/* mcall gives its goroutine up; a morestack that has loaded RBP, too, tells nothing. */
static const struct unwind_rule root = {.cfa_base = UNWIND_RSP, .flags = UNWIND_ROOT};

/* A call on the other stack; what it returns to is looked up by its last byte. */
struct go_call {
	uint8_t bytes[12];
	uint8_t n;
	uint8_t more; /* bytes of the call behind these */
	const struct unwind_rule *rule;
};

static const struct go_call calls[] = {
	/* systemstack: MOVQ DI, DX; MOVQ 0(DI), DI; CALL DI */
	{{0x48, 0x89, 0xfa, 0x48, 0x8b, 0x3f, 0xff, 0xd7}, 8, 0, &by_pointer},
	/* morestack: MOVQ (g_sched+gobuf_sp)(BX), SP; CALL newstack */
	{{0x48, 0x8b, 0x63, 0x38, 0xe8}, 5, 4, &by_pointer},
	/* the same in Go 1.24, with MOVQ (g_sched+gobuf_bp)(BX), BP between */
	{{0x48, 0x8b, 0x63, 0x38, 0x48, 0x8b, 0x6b}, 7, 6, &root},
	/* mcall: PUSHQ AX; MOVQ 0(DX), R12; CALL R12 */
	{{0x50, 0x4c, 0x8b, 0x22, 0x41, 0xff, 0xd4}, 7, 0, &root},
	/* asmcgocall: MOVQ BX, DI; MOVQ BX, CX; CALL AX */
	{{0x48, 0x89, 0xdf, 0x48, 0x89, 0xd9, 0xff, 0xd0}, 8, 0, &by_pointer},
	/* the same in Go 1.24: SUBQ DX, DI; MOVQ DI, 0(SP); CALL asmcgocall_landingpad */
	{{0x48, 0x29, 0xd7, 0x48, 0x89, 0x3c, 0x24, 0xe8}, 8, 4, &by_pointer},
};

/* time.now, nanotime1 and walltime call the vDSO: MOVQ SP, R12; ... ANDQ $~15, SP; ... MOVQ R12, SP. */
#define VDSO_BYTES 256
static const uint8_t save[] = {0x49, 0x89, 0xe4}, align[] = {0x48, 0x83, 0xe4, 0xf0},
		     restore[] = {0x4c, 0x89, 0xe4};

/* Whatever has a frame saves it there, in its second instruction. */
void unwind_go_add_rbp(struct unwind_rule *rule)
{
	if (rule->cfa_base != UNWIND_RSP || rule->cfa_offset <= 8 || rule->rbp_base != UNWIND_NONE)
		return;
	rule->rbp_base = UNWIND_CFA;
	rule->rbp_offset = -16;
}

static void add(struct unwind_text *t, uint64_t begin, uint64_t end, const struct unwind_rule *rule)
{
	if (t->n_known < UNWIND_TEXT_KNOWN_MAX)
		t->known[t->n_known++] = (struct unwind_text_known){begin, end, *rule};
}

static void find_call(struct unwind_text *t, const struct go_call *call, uint64_t address,
	const uint8_t *bytes, size_t n)
{
	const uint8_t *at = bytes, *end = bytes + n;

	while ((at = memmem(at, (size_t)(end - at), call->bytes, call->n))) {
		const uint64_t call_end = address + (uint64_t)(at - bytes) + call->n + call->more;

		add(t, call_end - 1, call_end, call->rule);
		at += call->n;
	}
}

static void find_vdso_calls(struct unwind_text *t, uint64_t address, const uint8_t *bytes, size_t n)
{
	const uint8_t *at = bytes, *end = bytes + n;

	while ((at = memmem(at, (size_t)(end - at), save, sizeof(save)))) {
		size_t left = (size_t)(end - at) < VDSO_BYTES ? (size_t)(end - at) : VDSO_BYTES;
		const uint8_t *back = memmem(at, left, restore, sizeof(restore));

		if (back && memmem(at, (size_t)(back - at), align, sizeof(align)))
			add(t, address + (uint64_t)(at - bytes),
				address + (uint64_t)(back - bytes) + sizeof(restore), &by_pointer);
		at += sizeof(save);
	}
}

bool unwind_go_is(Elf *elf)
{
	uint64_t address;

	return unwind_section_find(elf, ".go.buildinfo", &address) != NULL;
}

void unwind_go_find(struct unwind_text *t, uint64_t address, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		find_call(t, &calls[i], address, bytes, n);
	find_vdso_calls(t, address, bytes, n);
}
