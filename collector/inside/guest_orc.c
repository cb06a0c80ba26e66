/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_orc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define ENTRIES_MAX ((size_t)2 << 20) /* Debian's 6.12 has 434,251 */
#define ENTRY_BYTES 6
#define KERNEL_FROM 0xffffffff80000000ULL
#define KERNEL_TO   0xffffffffc0000000ULL

/* How many entries there are; 0: there are none, or these are not their bounds. */
static size_t count(const struct guest_orc *at)
{
	size_t n = (at->ips_end - at->ips) / sizeof(int32_t);

	if (at->ips < KERNEL_FROM || at->ips_end > KERNEL_TO || at->ips >= at->ips_end ||
		at->entries < KERNEL_FROM || at->entries_end > KERNEL_TO ||
		at->entries >= at->entries_end || n > ENTRIES_MAX ||
		n != (at->entries_end - at->entries) / ENTRY_BYTES)
		return 0;
	return n;
}

/* Is each an address in the kernel, and none below the one before? A kernel before 5.6 sorts them while it
 * starts. */
static bool in_order(const struct unwind_orc *orc)
{
	uint64_t last = KERNEL_FROM;

	for (size_t i = 0; i < orc->n; i++) {
		const uint64_t at = orc->ips_address + i * sizeof(int32_t);
		uint64_t address;
		int32_t offset;

		memcpy(&offset, (const char *)orc->ips + i * sizeof(offset), sizeof(offset));
		address = at + (uint64_t)(int64_t)offset;
		if (address < last || address >= KERNEL_TO)
			return false;
		last = address;
	}
	return true;
}

int guest_orc_read(const struct guest_memory *m, uint64_t cr3, const struct guest_orc *at,
	struct unwind_table *ret)
{
	const size_t n = cr3 ? count(at) : 0;
	_cleanup_free_ char *copy = NULL;
	struct unwind_orc orc = {.n = n, .ips_address = at->ips};
	int r;

	if (!n)
		return -ENODATA;
	copy = malloc(n * (sizeof(int32_t) + ENTRY_BYTES));
	if (!copy)
		return -ENOMEM;
	orc.ips = copy;
	orc.entries = copy + n * sizeof(int32_t);
	if (!guest_memory_copy(m, cr3, at->ips, copy, n * sizeof(int32_t)) ||
		!guest_memory_copy(
			m, cr3, at->entries, copy + n * sizeof(int32_t), n * ENTRY_BYTES) ||
		!in_order(&orc))
		return -ENODATA;
	r = unwind_table_of_orc(&orc, ret, NULL);
	return r == 0 || r == -ENOMEM ? r : -ENODATA;
}
