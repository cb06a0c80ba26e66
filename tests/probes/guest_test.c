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
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/inside/guest_registers.h"
#include "collector/probes/probe_boot.h"
#include "collector/probes/probe_guest.h"
#include "collector/probes/probe_unwind.h"
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

struct segment {
	uint32_t selector, unused;
	uint64_t base;
	uint32_t limit, flags;
};

/* In the order that QEMU has, but this is our own machine: no QEMU has so many registers, nor the
 * words between. */
struct machine {
	uint64_t regs[24];
	uint64_t rip, eflags, cc[3];
	uint32_t cc_op, df, hflags, hflags2;
	uint64_t added[2];
	struct segment segments[10];
	uint64_t added_too;
	uint64_t cr[5];
};

#define OBJECT_BYTES 65536
#define MACHINE_AT   0x2340 /* in the object */
#define COPY_AT      1024
#define SIGNATURE    0x663 /* of the processor: RDX after a reset */
#define SEG_CS       1
#define SEG_FS       4

#define REG_RDX 2
#define REG_RSP 4
#define REG_RBP 5

static const struct guest_tcg_layout layout = {
	.regs = offsetof(struct machine, regs),
	.rip = offsetof(struct machine, rip),
	.eflags = offsetof(struct machine, eflags),
	.cs = offsetof(struct machine, segments[SEG_CS].selector),
	.fs_base = offsetof(struct machine, segments[SEG_FS].base),
	.cr = offsetof(struct machine, cr),
};

/* Where a kernel has its tasks, and its page tables; see make_tasks(). */
#define KERNEL       0xffff888000611000ULL
#define KERNEL_AT    0xa000ULL /* physical */
#define TABLES       (KERNEL + 0x1000)
#define KERNEL_ROOT  0xc000ULL
#define PROGRAM_ROOT 0xd000ULL /* KERNEL_ROOT's other half */
#define OTHER_ROOT   0xe000ULL
#define OFFSET_OF_0  0x40ULL /* of CPU 0's variables */
#define OF_KERNEL    0x00200000U

static const struct guest_task_layout tasks = {
	.cpu_offsets = KERNEL,
	.current_task = KERNEL + 0x100,
	.flags = 4,
	.tgid = 12,
	.comm = 16,
	.mm = 32,
	.group_leader = 40,
	.self_exec_id = 48,
	.pgd = 8,
};

static bool tasks_told;
static struct guest_tcg_layout told; /* to the probes */
static int wrong_by;                 /* what is found is moved by so much */
static uint8_t *object;
static struct machine *machine; /* in it */
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
	unsigned level = 0, at = 39;

	for (; level < 3 && at > shift; level++, at -= 9)
		*word(tables[level] + ((address >> at) & 511) * 8) = tables[level + 1] | PRESENT;
	*word(tables[level] + ((address >> at) & 511) * 8) =
		physical | PRESENT | (shift > 12 ? LARGE : 0);
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

/* As it is at work. */
static void run_machine(void)
{
	*machine = (struct machine){.rip = RIP, .eflags = 2};
	machine->segments[SEG_CS].selector = 0x33;
	machine->segments[SEG_FS].base = 0xf5;
	machine->cr[0] = 0x80050033;
	machine->cr[3] = PML4;
	machine->cr[4] = CR4_PAE;
}

/* As it is after a reset. */
static void reset_machine(void)
{
	*machine = (struct machine){.rip = 0xfff0, .eflags = 2};
	machine->regs[REG_RDX] = SIGNATURE;
	for (int i = 0; i < 10; i++)
		machine->segments[i].limit = 0xffff;
	machine->segments[SEG_CS].selector = 0xf000;
	machine->segments[SEG_CS].base = 0xffff0000;
	machine->cr[0] = 0x60000010;
}

static int new_guest(void **state)
{
	(void)state;
	object =
		mmap(NULL, OBJECT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (object == MAP_FAILED || ram == MAP_FAILED)
		return -1;
	machine = (struct machine *)(object + MACHINE_AT);
	told = layout;
	tasks_told = false;
	wrong_by = 0;
	run_machine();
	return 0;
}

static int end_guest(void **state)
{
	(void)state;
	munmap(object, OBJECT_BYTES);
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

	probe_set_guest_layout(w->probes, &told);
	probe_set_guest_ram(w->probes, blocks, ARRAY_SIZE(blocks));
	if (tasks_told)
		probe_set_guest_tasks(w->probes, &tasks);
}

/* What QEMU calls with the object of a vCPU, whose code it then executes. */
__attribute__((noinline)) void cpu_exec(void *vcpu);

void cpu_exec(void *vcpu)
{
	asm volatile("" ::"r"(vcpu) : "memory");
}

static void program_resets_a_vcpu(struct truth *t)
{
	become_lane(t, 0);
	touch();
	while (!atomic_load(&t->ready))
		sleep_ns(MS);
	cpu_exec(object);
	atomic_store(&t->ready, 2);
	while (atomic_load(&t->ready) == 2)
		sleep_ns(MS);
	program_is_a_vcpu(t);
}

/* The machine begins; where it has its registers is learnt from what was taken before. */
static void learn_registers(struct watch *w)
{
	struct probe_boot_plan plan = {
		.pid = w->pid, .program = "/proc/self/exe", .emulation = "cpu_exec"};
	struct machine at_work = *machine;
	struct error error = {0};

	reset_machine();
	if (probe_set_boot(w->probes, &plan, &error) < 0)
		fail_msg("%s", error.text);
	atomic_store(&w->truth->ready, 1);
	while (atomic_load(&w->truth->ready) != 2)
		sleep_ns(MS);
	if (!probe_set_guest_object(w->probes))
		skip_if_untold(w);
	assert_non_null(probe_set_guest_object(w->probes));
	*machine = at_work;
	memcpy((uint8_t *)machine + COPY_AT, &at_work, sizeof(at_work));
	memset(&told, 0xff, sizeof(told));
	assert_int_equal(guest_registers_by_reset(
				 probe_set_guest_object(w->probes), GUEST_OBJECT_BYTES, &told),
		0);
	assert_int_equal(told.env, MACHINE_AT);
	told.env += (uint32_t)wrong_by;
	tell_memory(w);
	atomic_store(&w->truth->ready, 3);
}

/* Samples of a lane with frames of the guest, and what most of them have. */
static uint64_t count_guest(const struct watch *w, const struct profile_entry **ret_most)
{
	uint64_t n = 0;

	*ret_most = NULL;
	for (size_t i = 0; i < w->profile.n; i++) {
		const struct profile_entry *e = w->profile.entries[i];

		if (e->lane != 0 || e->mode != SAMPLE_USER || !e->n_guest)
			continue;
		n += e->count;
		if (!*ret_most || e->count > (*ret_most)->count)
			*ret_most = e;
	}
	return n;
}

static void watch_guest(struct watch *w, bool boot)
{
	struct probe_options o = plain;

	o.user_stacks = o.offcpu = false;
	o.boot = boot;
	o.guest = GUEST_TCG;
	watch(w, &o, boot ? program_resets_a_vcpu : program_is_a_vcpu,
		boot ? learn_registers : tell_memory);
}

/* The stack that most of the samples in user mode have; all of them once the processor is learnt.
 */
static void assert_stack_of(struct watch *w, uint32_t n, enum guest_end end)
{
	const struct profile_entry *most;

	count_guest(w, &most);
	assert_non_null(most);
	assert_int_equal(most->n_guest, n);
	assert_int_equal(most->guest_end, end);
	assert_int_equal(most->guest[0], RIP);
	assert_int_equal(most->guest_thread, 0xf5);
	assert_int_equal(most->guest_privilege, 3);
	for (uint32_t i = 1; i < n; i++)
		assert_int_equal(most->guest[i], RETURNS + i - 1);
}

static void assert_stack(uint32_t n, enum guest_end end)
{
	struct watch w;

	watch_guest(&w, false);
	assert_stack_of(&w, n, end);
	watch_done(&w);
}

static void make_program(void)
{
	map_page(VIRTUAL, STACK, 12);
	map_page(RIP & ~0xfffULL, 0x8000, 12);
	make_chain(VIRTUAL, STACK, 5);
}

static void registers_are_found_before_the_first_instruction(void **state)
{
	struct watch w;

	(void)state;
	make_program();
	watch_guest(&w, true);
	assert_stack_of(&w, 6, GUEST_END_ROOT);
	assert_true(w.guest.user > 50);
	assert_true(w.guest.at_env * 10 > w.guest.user * 9);
	assert_int_equal(w.guest.text_mapped, w.guest.paged);
	assert_int_equal(w.guest.stack_mapped, w.guest.paged);
	assert_int_equal(guest_check_judge(&w.guest, NULL), 0);
	watch_done(&w);
}

/* The last is a whole second processor, with which nothing is wrong but that no code uses it. */
static void an_address_that_generated_code_does_not_use_is_told(void **state)
{
	static const int steps[] = {-128, -8, 8, 128, COPY_AT};
	struct error error = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		const struct profile_entry *most;
		struct watch w;

		run_machine();
		make_program();
		wrong_by = steps[i];
		watch_guest(&w, true);
		if (count_guest(&w, &most) || steps[i] == COPY_AT) {
			assert_int_equal(guest_check_judge(&w.guest, &error), -EBADMSG);
			assert_non_null(strstr(error.text, "no stacks of the guest"));
		}
		watch_done(&w);
	}
	assert_non_null(strstr(error.text, "RBP"));
}

static void a_layout_of_another_version_yields_no_stacks(void **state)
{
	static const int steps[] = {-128, -64, -16, -8, 8, 16, 24, 64, 128};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		const struct profile_entry *most;
		struct watch w;

		make_program();
		told = layout;
		told.rip += (uint32_t)steps[i];
		told.eflags += (uint32_t)steps[i];
		told.cs += (uint32_t)steps[i];
		told.fs_base += (uint32_t)steps[i];
		told.cr += (uint32_t)steps[i];
		watch_guest(&w, false);
		if (count_guest(&w, &most))
			assert_int_equal(guest_check_judge(&w.guest, NULL), -EBADMSG);
		watch_done(&w);
	}
}

static void an_instruction_pointer_outside_of_code_is_told(void **state)
{
	struct error error = {0};
	struct watch w;

	(void)state;
	make_program();
	*word(PT + ((RIP >> 12) & 511) * 8) |= 1ULL << 63;
	watch_guest(&w, false);
	assert_int_equal(guest_check_judge(&w.guest, &error), -EBADMSG);
	assert_non_null(strstr(error.text, "instruction pointer"));
	watch_done(&w);
}

/* CPU 0 is at work for a thread of process 77, "burner", which called exec three times, and has the tables
 * at @root. */
static void make_tasks(uint64_t root, uint32_t flags, const char *name)
{
	const uint64_t thread = KERNEL + 0x200, leader = KERNEL + 0x300, mm = KERNEL + 0x400;

	make_program();
	map_page(KERNEL, KERNEL_AT, 12);
	map_page(TABLES, root, 12);
	*word(KERNEL_AT) = OFFSET_OF_0;
	*word(KERNEL_AT + 0x100 + OFFSET_OF_0) = thread;
	*word(KERNEL_AT + 0x200) = (uint64_t)flags << 32;
	*word(KERNEL_AT + 0x208) = 77ULL << 32;
	strcpy((char *)word(KERNEL_AT + 0x210), flags ? name : "thread");
	*word(KERNEL_AT + 0x220) = flags ? 0 : mm;
	*word(KERNEL_AT + 0x228) = leader;
	*word(KERNEL_AT + 0x230) = 3;
	strcpy((char *)word(KERNEL_AT + 0x310), name);
	*word(KERNEL_AT + 0x408) = TABLES;
	tasks_told = true;
}

/* What most samples say. */
static void assert_task(uint32_t kind, const char *name, uint64_t space)
{
	const struct profile_entry *most;
	struct watch w;

	watch_guest(&w, false);
	count_guest(&w, &most);
	assert_non_null(most);
	assert_int_equal(most->guest_task.kind, kind);
	assert_string_equal(most->guest_task.name, name);
	assert_int_equal(most->guest_task.process, *name ? 77 : 0);
	assert_int_equal(most->guest_task.execs, *name ? 3 : 0);
	assert_int_equal(most->guest_space, space);
	assert_int_equal(most->n_guest, 6);
	watch_done(&w);
}

static void a_process_is_told_by_the_guests_kernel(void **state)
{
	(void)state;
	make_tasks(PML4, 0, "burner");
	assert_task(GUEST_TASK_PROCESS, "burner", PML4);
}

static void a_process_is_told_where_the_kernel_hides_from_it(void **state)
{
	(void)state;
	make_tasks(KERNEL_ROOT, 0, "burner");
	memcpy(word(KERNEL_ROOT), word(PML4), 4096);
	memcpy(word(PROGRAM_ROOT), word(PML4), 2048); /* of programs' addresses alone */
	machine->cr[3] = PROGRAM_ROOT;
	assert_task(GUEST_TASK_PROCESS, "burner", KERNEL_ROOT);
}

static void a_process_with_other_page_tables_is_not_taken_for_it(void **state)
{
	(void)state;
	make_tasks(OTHER_ROOT, 0, "burner");
	assert_task(GUEST_TASK_OTHER, "", PML4);
}

static void a_thread_of_the_kernel_is_told_whatever_the_page_tables(void **state)
{
	(void)state;
	make_tasks(OTHER_ROOT, OF_KERNEL, "kworker/0:1");
	machine->segments[SEG_CS].selector = 0x10;
	assert_task(GUEST_TASK_KERNEL, "kworker", PML4);
}

static void a_thread_of_the_kernel_runs_no_program(void **state)
{
	(void)state;
	make_tasks(OTHER_ROOT, OF_KERNEL, "kworker/0:1");
	assert_task(GUEST_TASK_OTHER, "", PML4);
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

static void a_chain_is_cut_at_the_limit(void **state)
{
	(void)state;
	map_page(VIRTUAL, STACK, 12);
	make_chain(VIRTUAL, STACK, PROBE_STACK_DEPTH); /* which fill the page */
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

/* The function that is executed, one that calls it, and the outermost one. */
#define CALLED     (RIP & ~0xfULL)
#define CALLER     (RETURNS + 0x200)
#define OUTERMOST  (RETURNS + 0x800)
#define LEFT_THERE (RETURNS + 0x100) /* by an earlier call: nobody's return address now */

#define HANDLER (RETURNS + 0xa00) /* of a system call */
#define BEHIND  (RETURNS + 0xb00) /* ... that is the last instruction of a function */
#define THUNK   (RETURNS + 0x900) /* by its table it has no caller */

static void tell_tables(struct watch *w)
{
	enum { ENTERED = 1, HAS_FRAME, CALLS, INTERRUPTS, ROOT };
	static const struct unwind_rule rules[] = {
		[ENTERED] = {.cfa_base = UNWIND_RSP, .cfa_offset = 8, .rip_offset = -8},
		[HAS_FRAME] = {.cfa_base = UNWIND_RSP, .cfa_offset = 40, .rip_offset = -8},
		[CALLS] = {.cfa_base = UNWIND_RSP, .cfa_offset = 16, .rip_offset = -8},
		[INTERRUPTS] = {.cfa_base = UNWIND_RSP,
			.cfa_offset = 8,
			.rip_offset = -8,
			.flags = UNWIND_EXACT},
		[ROOT] = {.flags = UNWIND_ROOT},
	};
	static const struct unwind_row rows[] = {
		{0, CALLS},
		{OUTERMOST - RETURNS - 16, ROOT},
		{HANDLER - RETURNS, INTERRUPTS},
		{HANDLER - RETURNS + 64, CALLS},
		{BEHIND - RETURNS, 0},
		{CALLED - RETURNS, ENTERED},
		{CALLED - RETURNS + 8, HAS_FRAME},
	};
	struct unwind_mapping mapping = {
		.begin = RETURNS, .end = RETURNS + 0x2000, .n = ARRAY_SIZE(rows)};

	tell_memory(w);
	assert_int_equal(probe_set_unwind_rules(w->probes, 0, rules, ARRAY_SIZE(rules)), 0);
	assert_int_equal(
		probe_set_unwind_rows(w->probes, rows, ARRAY_SIZE(rows), &mapping.first), 0);
	assert_int_equal(probe_set_unwind_space(w->probes, UNWIND_KEY_GUEST(PML4), &mapping, 1), 0);
}

/* By @caller, and that by OUTERMOST. */
static void assert_called(uint64_t caller)
{
	const struct profile_entry *most;
	struct probe_options o = plain;
	struct watch w;

	o.user_stacks = o.offcpu = false;
	o.guest = GUEST_TCG;
	o.unwind_rows = 64;
	watch(&w, &o, program_is_a_vcpu, tell_tables);
	count_guest(&w, &most);
	assert_non_null(most);
	assert_int_equal(most->n_guest, 3);
	assert_int_equal(most->guest[1], caller);
	assert_int_equal(most->guest[2], OUTERMOST);
	assert_int_equal(most->guest_end, GUEST_END_ROOT);
	watch_done(&w);
}

/* RIP is the block's first instruction, RSP is as the frame's making has left it. */
static void what_an_earlier_call_left_on_the_stack_is_no_caller(void **state)
{
	(void)state;
	make_program();
	machine->regs[REG_RSP] = VIRTUAL;
	*word(STACK) = LEFT_THERE;
	*word(STACK + 16) = 1;
	*word(STACK + 32) = CALLER;
	*word(STACK + 48) = OUTERMOST;
	assert_called(CALLER);
}

static void a_system_call_at_a_functions_end_is_in_that_function(void **state)
{
	(void)state;
	make_program();
	machine->rip = HANDLER;
	machine->regs[REG_RSP] = VIRTUAL;
	*word(STACK) = BEHIND;
	*word(STACK + 16) = OUTERMOST;
	assert_called(BEHIND + 1); /* as a record has what was interrupted */
}

static void a_thunk_that_has_no_caller_by_its_table_has_one(void **state)
{
	(void)state;
	make_program();
	machine->rip = THUNK;
	machine->regs[REG_RSP] = VIRTUAL;
	*word(STACK) = CALLER;
	*word(STACK + 16) = OUTERMOST;
	assert_called(CALLER);
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
		GUEST_TEST(a_process_is_told_by_the_guests_kernel),
		GUEST_TEST(a_process_is_told_where_the_kernel_hides_from_it),
		GUEST_TEST(a_process_with_other_page_tables_is_not_taken_for_it),
		GUEST_TEST(a_thread_of_the_kernel_is_told_whatever_the_page_tables),
		GUEST_TEST(a_thread_of_the_kernel_runs_no_program),
		GUEST_TEST(stacks_in_pages_of_4_KiB_are_followed_to_the_root),
		GUEST_TEST(stacks_in_pages_of_2_MiB_are_followed),
		GUEST_TEST(stacks_in_pages_of_1_GiB_are_followed),
		GUEST_TEST(memory_above_the_hole_is_found),
		GUEST_TEST(a_chain_is_cut_at_the_limit),
		GUEST_TEST(a_page_that_is_not_there_ends_the_walk),
		GUEST_TEST(addresses_that_are_none_end_the_walk),
		GUEST_TEST(a_chain_that_runs_in_a_circle_ends),
		GUEST_TEST(page_tables_outside_of_memory_end_the_walk),
		GUEST_TEST(page_tables_that_refer_to_themselves_end_the_walk),
		GUEST_TEST(what_an_earlier_call_left_on_the_stack_is_no_caller),
		GUEST_TEST(a_system_call_at_a_functions_end_is_in_that_function),
		GUEST_TEST(a_thunk_that_has_no_caller_by_its_table_has_one),
		GUEST_TEST(five_levels_are_refused_by_name),
		GUEST_TEST(before_paging_there_is_only_an_address),
		GUEST_TEST(registers_are_found_before_the_first_instruction),
		GUEST_TEST(an_address_that_generated_code_does_not_use_is_told),
		GUEST_TEST(a_layout_of_another_version_yields_no_stacks),
		GUEST_TEST(an_instruction_pointer_outside_of_code_is_told),
	};

	if (geteuid() != 0 || access("/sys/kernel/btf/vmlinux", R_OK) < 0) {
		printf("skipped: needs root, and a kernel with BTF\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
