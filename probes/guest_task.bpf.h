/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Which task of a Linux guest a vCPU is at work for, or which thread of OSv's, out of the kernel's own memory: the variable
 * that each of its CPUs has for that. User space finds out where it lies, from the kernel's symbols
 * and its type information (collector/inside/guest_facts.h). The guest's CPU n is taken to be QEMU's
 * vCPU n; a process's page tables have to be the vCPU's, or its name is not taken.
 *
 * Where a kernel hides itself from its programs (page-table isolation), CR3 is that of the programs'
 * tables while they run. The kernel's are in the page before them.
 */

#include "probes/guest_memory.bpf.h"

#define GUEST_USER_TABLES 0x1000ULL   /* CR3's bit that tells the two apart */
#define TASK_OF_KERNEL    0x00200000U /* the kernel's include/linux/sched.h: PF_KTHREAD */

/* Published by user space. */
volatile struct guest_task_layout guest_task_layout = {0};
volatile __u32 guest_task_known = 0; /* the layout is there; written last */

/* Four bytes at @address, in *@ret. 0, or not. */
static __always_inline int guest_half_word(struct guest_chain *c, __u64 address, __u32 *ret)
{
	__u64 word = 0;

	if (guest_word(c, address & ~7ULL, &word))
		return 1;
	*ret = word >> ((address & 4) * 8);
	return 0;
}

/* The task itself, through the tables at c->cr3. 0: it cannot be read there. */
static __always_inline __u64 guest_current_task(struct guest_chain *c, __u32 cpu)
{
	__u64 offset = 0, task = 0;

	if (guest_word(c, guest_task_layout.cpu_offsets + cpu * sizeof(__u64), &offset) ||
		guest_word(c, guest_task_layout.current_task + offset, &task))
		return 0;
	return task - guest_task_layout.back;
}

/* Sixteen bytes at @address, which may lie anywhere. 0, or not. */
static __always_inline int guest_copy_name(
	struct guest_chain *c, __u64 address, struct guest_task *ret)
{
	__u64 word = 0, low = 0, high = 0;
	__u32 shift = (address & 7) * 8;

	if (guest_word(c, address & ~7ULL, &word))
		return 1;
	low = word >> shift;
	if (guest_word(c, (address & ~7ULL) + 8, &word))
		return 1;
	high = word >> shift;
	if (shift) {
		low |= word << (64 - shift);
		if (guest_word(c, (address & ~7ULL) + 16, &word))
			return 1;
		high |= word << (64 - shift);
	}
	__builtin_memcpy(ret->name, &low, sizeof(low));
	__builtin_memcpy(ret->name + sizeof(low), &high, sizeof(high));
	return 0;
}

/* OSv's @thread, which has to be one: what it owns points back to it. */
static __always_inline void guest_name_thread(
	struct guest_chain *c, __u64 thread, struct guest_task *ret)
{
	__u64 owner = 0, back = 0;

	if (guest_word(c, thread + guest_task_layout.owner, &owner) ||
		guest_word(c, owner + guest_task_layout.owner_thread, &back) || back != thread ||
		guest_half_word(c, thread + guest_task_layout.tgid, &ret->process) ||
		guest_copy_name(c, thread + guest_task_layout.comm, ret))
		return;
	ret->kind = GUEST_TASK_THREAD;
}

/* Its name and number. 0, or not. */
static __always_inline int guest_name_task(
	struct guest_chain *c, __u64 task, __u32 flags, struct guest_task *ret)
{
	__u64 words[2] = {0}, leader = 0;

	if (guest_word(c, task + guest_task_layout.group_leader, &leader))
		return 1;
	if (flags & TASK_OF_KERNEL)
		leader = task;
	if (guest_half_word(c, task + guest_task_layout.tgid, &ret->process) ||
		guest_word(c, leader + guest_task_layout.comm, &words[0]) ||
		guest_word(c, leader + guest_task_layout.comm + sizeof(__u64), &words[1]))
		return 1;
	if (guest_task_layout.self_exec_id &&
		guest_half_word(c, task + guest_task_layout.self_exec_id, &ret->execs))
		return 1;
	__builtin_memcpy(ret->name, words, sizeof(ret->name));
	ret->kind = flags & TASK_OF_KERNEL ? GUEST_TASK_KERNEL : GUEST_TASK_PROCESS;
	return 0;
}

/* The root of a process's page tables. 0: it has none, being about to end, or is of the kernel. */
static __always_inline __u64 guest_root_of_task(struct guest_chain *c, __u64 task)
{
	__u64 mm = 0, pgd = 0;

	if (guest_word(c, task + guest_task_layout.mm, &mm) || !mm ||
		guest_word(c, mm + guest_task_layout.pgd, &pgd) || !is_canonical(pgd) ||
		guest_translate(c->cr3, pgd, &c->page))
		return 0;
	return c->page.physical & PAGE_FRAME;
}

/**
 * What CPU @cpu of the guest is at work for, in *@ret. Returns the root of its page tables: that of the
 * kernel's, where programs have others; 0: it has none. @c stays as it is.
 */
__noinline __u64 guest_find_task(struct guest_chain *c, struct guest_task *ret, __u32 cpu)
{
	__u64 cr3, task, root = 0;
	__u32 flags = 0;

	if (!c || !ret)
		return 0;
	cr3 = c->cr3;
	task = guest_current_task(c, cpu);
	if (!task && (cr3 & GUEST_USER_TABLES)) {
		c->cr3 = cr3 & ~GUEST_USER_TABLES;
		task = guest_current_task(c, cpu);
	}
	if (guest_task_layout.back)
		guest_name_thread(c, task, ret);
	else if (task && !guest_half_word(c, task + guest_task_layout.flags, &flags) &&
		 !guest_name_task(c, task, flags, ret) && ret->kind == GUEST_TASK_PROCESS)
		root = guest_root_of_task(c, task);
	c->cr3 = cr3;
	c->page.number = 0;
	return root;
}
