/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The guest's memory: all of it, mapped at its physical addresses, and handed out once.
 *
 * Pages are as large as they can be: 1 GiB where the processor has them, else 2 MiB; the first
 * 2 MiB are in 4 KiB pages, and the very first of these is not mapped. So every depth of page
 * tables is in use, and a null pointer is noticed.
 */

#include <stddef.h>
#include <stdint.h>

/** The direct boot's record (Xen's public/arch-x86/hvm/start_info.h tells its meaning). */
struct pvh_start {
	uint32_t magic, version, flags, n_modules;
	uint64_t modules, command_line, rsdp, memory_map;
	uint32_t n_memory_map, reserved;
};

#define PVH_MAGIC 0x336ec578

struct pvh_memory {
	uint64_t address, bytes;
	uint32_t type, reserved;
};

#define PVH_MEMORY_RAM 1

/** Take note of the RAM, make the page tables and load them. Panics where there is no map. */
void memory_init(const struct pvh_start *start);

/**
 * @bytes of memory that nobody else has, aligned to @alignment (a power of two), not zeroed; or
 * NULL. There is no way to give it back. @high: of the RAM with the highest addresses that has
 * room (above 4 GiB, if there is any), else of the lowest. Only one vCPU at a time may call it.
 */
void *memory_take(uint64_t bytes, uint64_t alignment, int high);

/** The physical address after the last byte of RAM. */
uint64_t memory_end(void);

/** The root of the page tables: what CR3 holds. */
uint64_t *memory_root(void);

/** Is [@address, @address + @bytes) RAM of the guest's? */
int memory_is_ram(uint64_t address, uint64_t bytes);
