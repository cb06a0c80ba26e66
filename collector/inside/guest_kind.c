/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_kind.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/inside/guest_root.h"
#include "collector/symbols/elf_handle.h"
#include "collector/symbols/elf_match.h"
#include "common/cleanup.h"

/* Where kernels that share their address space with nobody are not. */
#define UPPER_HALF ((uint64_t)1 << 63)

/* Each by a symbol that only such a kernel has, which is that of its page tables. */
static const struct guest_inside kinds[] = {
	{.subsystems = "osv",
		.one_ring = true,
		.root = {.name = "_ZN3mmuL15page_table_rootE",
			.other_name = "_ZN3mmu15page_table_rootE",
			.offset = 0x40000000,
			.is_pointer = true}},
	{.subsystems = "bare", .one_ring = true, .root = {.name = "memory_root_table"}},
	{.subsystems = "linux",
		.kallsyms = true,
		.root = {.name = "init_top_pgt", .offset = 0xffffffff80000000}},
};

/* One whose page tables have no symbol, by another that only it has; it lies elsewhere in each boot. */
static const struct guest_inside nanos = {.subsystems = "nanos", .randomised = true};
static const struct guest_root_symbol nanos_symbol = {.name = "runloop_internal"};

#define KIND_LINUX (ARRAY_SIZE(kinds) - 1)

/* 1: it is linked to run in the upper half of the address space; 0; -ENOEXEC: no ELF file. */
static int in_upper_half(const char *path)
{
	_cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	_cleanup_(elf_handle_done) Elf *elf = fd < 0 ? NULL : elf_handle_open(fd);
	size_t n = 0;

	if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getphdrnum(elf, &n) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr h;

		if (gelf_getphdr(elf, (int)i, &h) && h.p_type == PT_LOAD && (h.p_flags & PF_X) &&
			h.p_vaddr >= UPPER_HALF)
			return 1;
	}
	return 0;
}

const char *guest_kind_symbols(const char *kernel, const char *symbols)
{
	return symbols || in_upper_half(kernel) < 0 ? symbols : kernel;
}

/* A kernel that nobody knows: it is alone in its address space if it lies in the lower half. */
static struct guest_inside unknown(int upper)
{
	return (struct guest_inside){.subsystems = "other", .one_ring = upper == 0};
}

struct guest_inside guest_kind_of(const char *kernel, const char *symbols, bool fixed)
{
	const char *file = guest_kind_symbols(kernel, symbols);
	struct guest_inside kind = kinds[KIND_LINUX];
	struct guest_root root;
	int upper = in_upper_half(file);
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && file && !known; i++) {
		known = guest_root_find(file, &kinds[i].root, &root) == 0;
		if (known)
			kind = kinds[i];
	}
	if (!known && file && guest_root_find(file, &nanos_symbol, &root) == 0)
		return nanos;
	/* A vmlinux without symbols has its own, too. */
	if (!known && (upper == 0 || (upper > 0 && elf_has_symbols(file, NULL) != 0)))
		return unknown(upper);
	kind.randomised = kind.kallsyms && !fixed;
	if (kind.randomised)
		kind.root.name = NULL; /* its address says nothing then */
	return kind;
}
