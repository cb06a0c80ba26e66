/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/calibrator/hostile.h"

#include <errno.h>
#include <string.h>

#include "guests/bare/machine.h"
#include "guests/bare/memory.h"

#define PRESENT_WRITE UINT64_C(3)
#define LARGE         UINT64_C(0x80)
#define HIGH_HALF     UINT64_C(0xffff800000000000)
#define BEYOND        UINT64_C(0x000ffffff0000000) /* physical; no machine has RAM there */

/* Slots of the root that honest tables leave free; all are in the upper half. */
#define SLOT_ITSELF       256
#define SLOT_CHAIN        257
#define SLOT_BEYOND_TABLE 258
#define SLOT_BEYOND_PAGE  259
#define SLOT_EMPTY        260

static const struct hostile_mode *active;
static uint64_t *roots[2];
static uint64_t traps[HOSTILE_TRAPS_MAX];
static unsigned n_traps;

/* A frame whose caller is itself, and one whose caller's frame is nowhere. */
static struct frame {
	const void *caller;
	void (*returns_to)(void);
} endless, astray;

static uint64_t address(unsigned slot, unsigned directory, unsigned table, unsigned page)
{
	return UINT64_C(0xffff) << 48 | (uint64_t)slot << 39 | (uint64_t)directory << 30 |
	       (uint64_t)table << 21 | (uint64_t)page << 12;
}

static uint64_t *new_page(void)
{
	uint64_t *page = memory_take(PAGE_BYTES, PAGE_BYTES, 0);

	return page ? memset(page, 0, PAGE_BYTES) : NULL;
}

static unsigned loop_traps(uint64_t *root, uint64_t *ret_rbp)
{
	uint64_t *table = new_page();
	unsigned n = 0;

	if (!table)
		return 0;
	root[SLOT_ITSELF] = (uint64_t)root | PRESENT_WRITE;
	root[SLOT_CHAIN] = (uint64_t)table | PRESENT_WRITE;
	table[0] = (uint64_t)table | PRESENT_WRITE;
	endless = (struct frame){&endless, hostile_leave};
	ret_rbp[n++] = address(SLOT_ITSELF, SLOT_ITSELF, SLOT_ITSELF, SLOT_ITSELF);
	ret_rbp[n++] =
		address(SLOT_ITSELF, SLOT_ITSELF, SLOT_ITSELF, SLOT_ITSELF) + 8UL * SLOT_ITSELF;
	ret_rbp[n++] = address(SLOT_CHAIN, 0, 0, 0);
	ret_rbp[n++] = (uint64_t)&endless;
	return n;
}

static unsigned range_traps(uint64_t *root, uint64_t *ret_rbp)
{
	uint64_t *pointers = new_page(), *directory = new_page();
	unsigned n = 0;

	if (!pointers || !directory)
		return 0;
	root[SLOT_BEYOND_TABLE] = BEYOND | PRESENT_WRITE;
	root[SLOT_BEYOND_PAGE] = (uint64_t)pointers | PRESENT_WRITE;
	pointers[0] = (uint64_t)directory | PRESENT_WRITE;
	pointers[1] = (BEYOND & ~((UINT64_C(1) << 30) - 1)) | LARGE | PRESENT_WRITE;
	pointers[2] = BEYOND | PRESENT_WRITE;
	directory[0] = (BEYOND & ~((UINT64_C(1) << 21) - 1)) | LARGE | PRESENT_WRITE;
	directory[1] = BEYOND | PRESENT_WRITE;
	ret_rbp[n++] = address(SLOT_BEYOND_TABLE, 0, 0, 0);
	ret_rbp[n++] = address(SLOT_BEYOND_PAGE, 0, 0, 0);
	ret_rbp[n++] = address(SLOT_BEYOND_PAGE, 0, 1, 0);
	ret_rbp[n++] = address(SLOT_BEYOND_PAGE, 1, 0, 0);
	ret_rbp[n++] = address(SLOT_BEYOND_PAGE, 2, 0, 0);
	ret_rbp[n++] = memory_end() - 8;
	return n;
}

static unsigned unmapped_traps(uint64_t *root, uint64_t *ret_rbp)
{
	uint64_t nowhere = address(SLOT_EMPTY, 1, 2, 3);
	unsigned n = 0;

	(void)root;
	astray = (struct frame){(const void *)nowhere, hostile_leave};
	ret_rbp[n++] = nowhere;
	ret_rbp[n++] = (uint64_t)&astray;
	ret_rbp[n++] = ~HIGH_HALF + 1;        /* the first address that is not canonical */
	ret_rbp[n++] = ~HIGH_HALF - 7;        /* the last word that is: the next is not */
	ret_rbp[n++] = UINT64_MAX - 7;        /* the frame wraps around */
	ret_rbp[n++] = PAGE_BYTES / 2;        /* a null pointer, nearly */
	ret_rbp[n++] = (uint64_t)&astray + 3; /* not aligned */
	return n;
}

const struct hostile_mode hostile_table[] = {
	{"loop", loop_traps, FAKE_HONEST},
	{"range", range_traps, FAKE_HONEST},
	{"unmapped", unmapped_traps, FAKE_HONEST},
	{"switch", NULL, FAKE_HONEST},
	{"sched-loop", NULL, FAKE_LOOP},
	{"sched-nowhere", NULL, FAKE_NOWHERE},
	{"sched-rewrite", NULL, FAKE_REWRITE},
	{NULL, NULL, FAKE_HONEST},
};

int hostile_init(const struct hostile_mode *mode)
{
	for (int i = 0; i < 2; i++) {
		roots[i] = memory_take(PAGE_BYTES, PAGE_BYTES, 0);
		if (!roots[i])
			return -ENOMEM;
		memcpy(roots[i], memory_root(), PAGE_BYTES);
	}
	if (mode->traps) {
		n_traps = mode->traps(roots[0], traps);
		if (n_traps == 0)
			return -ENOMEM;
	}
	fake_lie(mode->lie);
	active = mode->lie ? NULL : mode;
	return 0;
}

void hostile_step(uint64_t slice, uint64_t *ret_rbp)
{
	if (!active)
		return;
	if (active->traps) {
		if (read_cr3() != (uint64_t)roots[0])
			write_cr3((uint64_t)roots[0]);
		*ret_rbp = traps[slice % n_traps];
	} else {
		write_cr3((uint64_t)roots[slice % 2]);
	}
}

void hostile_leave(void)
{
	write_cr3((uint64_t)memory_root());
}
