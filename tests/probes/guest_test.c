/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Promises of the walk through a guest (probes/guest_walk.bpf.h), on a guest that is made up: a
 * program that keeps the address of a processor's state in RBP, as QEMU's generated code does, and
 * a piece of memory with page tables and stacks in it. So every kind of page, every end of a chain
 * and every malice can be had. Needs root and BTF.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "tests/probes/watch.h"

#define RAM_BYTES (16ULL << 20)
#define LOW_BYTES (8ULL << 20) /* the rest lies above a hole */
#define HIGH_AT   (4ULL << 30)
#define PML4      0x1000ULL
#define PDPT      0x2000ULL
#define PD        0x3000ULL
#define PT        0x4000ULL
#define STACK     0x5000ULL /* physical, and what is mapped to it */
#define VIRTUAL   0x7f0000000000ULL
#define PRESENT   1ULL
#define LARGE     (1ULL << 7)
#define RETURNS   0x400000ULL
#define RIP       0x401234ULL
#define CR4_PAE   (1ULL << 5)
#define CR4_LA57  (1ULL << 12)
#define SPIN      300000000ULL

/* As the table for QEMU 7.2 says, but this is our own machine. */
struct machine {
	uint64_t regs[16];
	uint64_t rip, eflags, cc[3];
	uint64_t unused;
	uint64_t hflags;
	uint64_t fs_base;
	uint64_t cr[5];
};

#define REG_RSP 4
#define REG_RBP 5

static const struct guest_tcg_layout layout = {
	.regs = offsetof(struct machine, regs),
	.rip = offsetof(struct machine, rip),
	.eflags = offsetof(struct machine, eflags),
	.hflags = offsetof(struct machine, hflags),
	.fs_base = offsetof(struct machine, fs_base),
	.cr = offsetof(struct machine, cr),
};

static struct machine *machine;
static uint8_t *ram;

/* Physical memory as the guest has it: low, and above the hole. */
static uint64_t *word(uint64_t physical)
{
	uint64_t at = physical < LOW_BYTES ? physical : physical - HIGH_AT + LOW_BYTES;

	assert_true(at < RAM_BYTES);
	return (uint64_t *)(ram + at);
}

static void map_page(uint64_t address, uint64_t physical, unsigned shift)
{
	static const uint64_t tables[] = {PML4, PDPT, PD, PT};

	for (unsigned level = 0, at = 39; level < 4; level++, at -= 9) {
		uint64_t *entry = word(tables[level] + ((address >> at) & 511) * 8);

		if (at == shift) {
			*entry = physical | PRESENT | (shift > 12 ? LARGE : 0);
			return;
		}
		*entry = tables[level + 1] | PRESENT;
	}
}

/* @n frames from @physical on, which the guest knows as @address; the last one's caller is none. */
static void make_chain(uint64_t address, uint64_t physical, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		*word(physical + i * 32) = i + 1 < n ? address + (i + 1) * 32 : 0;
		*word(physical + i * 32 + 8) = RETURNS + i;
	}
	machine->regs[REG_RBP] = address;
	machine->regs[REG_RSP] = address;
}

static int new_guest(void **state)
{
	(void)state;
	machine = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (machine == MAP_FAILED || ram == MAP_FAILED)
		return -1;
	*machine = (struct machine){.rip = RIP, .eflags = 2, .hflags = 3, .fs_base = 0xf5};
	machine->cr[3] = PML4;
	machine->cr[4] = CR4_PAE;
	return 0;
}

static int end_guest(void **state)
{
	(void)state;
	munmap(machine, 4096);
	munmap(ram, RAM_BYTES);
	return 0;
}

/* The pages that the walk reads have to be this process's too. */
static void touch(void)
{
	(void)*(volatile uint64_t *)&machine->rip;
	for (size_t i = 0; i < RAM_BYTES; i += 4096)
		(void)((volatile uint8_t *)ram)[i];
}

static void program_is_a_vcpu(struct truth *t)
{
	become_lane(t, 0);
	touch();
	asm volatile("lea -128(%%rsp), %%rsp\n\t"
		     "push %%rbp\n\t"
		     "mov %0, %%rbp\n\t"
		     "mov %1, %%rcx\n"
		     "1:\tdec %%rcx\n\t"
		     "jnz 1b\n\t"
		     "pop %%rbp\n\t"
		     "lea 128(%%rsp), %%rsp"
		     :
		     : "r"(machine), "r"(SPIN)
		     : "rcx", "memory", "cc");
}

static void tell_memory(struct watch *w)
{
	const struct guest_ram_block blocks[] = {
		{.physical = 0, .size = LOW_BYTES, .host = (uintptr_t)ram},
		{.physical = HIGH_AT,
			.size = RAM_BYTES - LOW_BYTES,
			.host = (uintptr_t)ram + LOW_BYTES},
	};

	probe_set_guest_ram(w->probes, blocks, ARRAY_SIZE(blocks));
}

/* The stack that most of the samples in user mode have; all of them once the processor is learnt.
 */
static void assert_stack(uint32_t n, enum guest_end end)
{
	struct probe_options o = plain;
	const struct profile_entry *most = NULL;
	struct watch w;

	o.user_stacks = o.offcpu = false;
	o.guest = GUEST_TCG;
	o.guest_layout = layout;
	watch(&w, &o, program_is_a_vcpu, tell_memory);
	for (size_t i = 0; i < w.profile.n; i++) {
		const struct profile_entry *e = w.profile.entries[i];

		if (e->lane == 0 && e->mode == SAMPLE_USER && e->n_guest &&
			(!most || e->count > most->count))
			most = e;
	}
	assert_non_null(most);
	assert_int_equal(most->n_guest, n);
	assert_int_equal(most->guest_end, end);
	assert_int_equal(most->guest[0], RIP);
	assert_int_equal(most->guest_thread, 0xf5);
	assert_int_equal(most->guest_privilege, 3);
	for (uint32_t i = 1; i < n; i++)
		assert_int_equal(most->guest[i], RETURNS + i - 1);
	watch_done(&w);
}

static void stacks_in_pages_of_4_KiB_are_followed_to_the_root(void **state)
{
	(void)state;
	map_page(VIRTUAL, STACK, 12);
	make_chain(VIRTUAL, STACK, 5);
	assert_stack(6, GUEST_END_ROOT);
}

static void stacks_in_pages_of_2_MiB_are_followed(void **state)
{
	(void)state;
	map_page(VIRTUAL + (2 << 20), 2 << 20, 21);
	make_chain(VIRTUAL + (2 << 20) + 0x12340, (2 << 20) + 0x12340, 3);
	assert_stack(4, GUEST_END_ROOT);
}

static void stacks_in_pages_of_1_GiB_are_followed(void **state)
{
	(void)state;
	map_page(VIRTUAL, 0, 30);
	make_chain(VIRTUAL + 0x654320, 0x654320, 3);
	assert_stack(4, GUEST_END_ROOT);
}

static void memory_above_the_hole_is_found(void **state)
{
	(void)state;
	map_page(VIRTUAL, HIGH_AT + 0x7000, 12);
	make_chain(VIRTUAL, HIGH_AT + 0x7000, 4);
	assert_stack(5, GUEST_END_ROOT);
}

static void a_chain_is_cut_at_64_frames(void **state)
{
	(void)state;
	map_page(VIRTUAL, STACK, 12);
	make_chain(VIRTUAL, STACK, 100);
	assert_stack(PROBE_STACK_DEPTH, GUEST_END_LIMIT);
}

static void a_page_that_is_not_there_ends_the_walk(void **state)
{
	(void)state;
	map_page(VIRTUAL, STACK, 12);
	make_chain(VIRTUAL, STACK, 3);
	*word(STACK + 32) = VIRTUAL + 0x10000;
	assert_stack(3, GUEST_END_UNMAPPED);
}

static void addresses_that_are_none_end_the_walk(void **state)
{
	(void)state;
	map_page(VIRTUAL, STACK, 12);
	make_chain(VIRTUAL, STACK, 3);
	*word(STACK + 32) = 0x0123456789abcde0ULL;
	assert_stack(3, GUEST_END_ADDRESS);
	*word(STACK + 32) = VIRTUAL + 1;
	assert_stack(3, GUEST_END_ADDRESS);
}

static void a_chain_that_runs_in_a_circle_ends(void **state)
{
	(void)state;
	map_page(VIRTUAL, STACK, 12);
	make_chain(VIRTUAL, STACK, 1);
	*word(STACK) = VIRTUAL;
	assert_stack(1, GUEST_END_ADDRESS);
}

static void page_tables_outside_of_memory_end_the_walk(void **state)
{
	(void)state;
	map_page(VIRTUAL, STACK, 12);
	make_chain(VIRTUAL, STACK, 3);
	*word(PDPT + ((VIRTUAL >> 30) & 511) * 8) = (HIGH_AT - 4096) | PRESENT;
	assert_stack(1, GUEST_END_TABLE);
	*word(PDPT + ((VIRTUAL >> 30) & 511) * 8) = 0x000ffffffffff000ULL | PRESENT;
	assert_stack(1, GUEST_END_TABLE);
}

static void page_tables_that_refer_to_themselves_end_the_walk(void **state)
{
	(void)state;
	*word(PML4) = PML4 | PRESENT;
	*word(PML4 + ((VIRTUAL >> 39) & 511) * 8) = PML4 | PRESENT;
	/* All four levels are the same table, and so is the page: it has no frame there. */
	machine->regs[REG_RBP] = machine->regs[REG_RSP] = VIRTUAL + 0x100;
	assert_stack(1, GUEST_END_ROOT);
}

static void five_levels_are_refused_by_name(void **state)
{
	(void)state;
	map_page(VIRTUAL, STACK, 12);
	make_chain(VIRTUAL, STACK, 3);
	machine->cr[4] |= CR4_LA57;
	assert_stack(1, GUEST_END_FIVE_LEVEL);
}

static void before_paging_there_is_only_an_address(void **state)
{
	(void)state;
	machine->cr[4] = 0;
	assert_stack(1, GUEST_END_PAGING_OFF);
}

int main(void)
{
#define GUEST_TEST(name) cmocka_unit_test_setup_teardown(name, new_guest, end_guest)
	const struct CMUnitTest tests[] = {
		GUEST_TEST(stacks_in_pages_of_4_KiB_are_followed_to_the_root),
		GUEST_TEST(stacks_in_pages_of_2_MiB_are_followed),
		GUEST_TEST(stacks_in_pages_of_1_GiB_are_followed),
		GUEST_TEST(memory_above_the_hole_is_found),
		GUEST_TEST(a_chain_is_cut_at_64_frames),
		GUEST_TEST(a_page_that_is_not_there_ends_the_walk),
		GUEST_TEST(addresses_that_are_none_end_the_walk),
		GUEST_TEST(a_chain_that_runs_in_a_circle_ends),
		GUEST_TEST(page_tables_outside_of_memory_end_the_walk),
		GUEST_TEST(page_tables_that_refer_to_themselves_end_the_walk),
		GUEST_TEST(five_levels_are_refused_by_name),
		GUEST_TEST(before_paging_there_is_only_an_address),
	};

	if (geteuid() != 0 || access("/sys/kernel/btf/vmlinux", R_OK) < 0) {
		printf("skipped: needs root, and a kernel with BTF\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
