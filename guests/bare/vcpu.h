/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Virtual processors. The first one boots; each other one sleeps as the firmware left it until it
 * is given something to run, does that, and halts for good. There is no scheduler.
 */

#include <stdatomic.h>
#include <stdint.h>

#define VCPUS_MAX   255
#define STACK_BYTES ((size_t)256 << 10)

struct __attribute__((packed)) tss {
	uint32_t reserved0;
	uint64_t rsp[3], reserved1, ist[7], reserved2;
	uint16_t reserved3, io_map;
};

struct vcpu {
	struct vcpu *self; /**< GS:0 */
	unsigned index;    /**< as QEMU numbers them */
	uint32_t apic_id;
	void (*run)(void *argument);
	void *argument;
	char *stack_top; /**< of the stack that @run has */
	_Atomic int awake, ended;
	uint64_t gdt[6];
	struct tss tss;
	char trap_stack[8192] __attribute__((aligned(16)));
};

/** The vCPU that this runs on. */
static inline struct vcpu *vcpu_self(void)
{
	struct vcpu *v;

	asm("mov %%gs:0, %0" : "=r"(v));
	return v;
}

/** How many there are, as ACPI tells; at most VCPUS_MAX. */
unsigned vcpu_count(void);

/** Early: the first vCPU's own state. */
void vcpu_init_first(void);

/** Once memory and ACPI are known: all the others. */
void vcpu_init_others(void);

/**
 * Let vCPU @index (above 0, each only once) run @run(@argument), on a stack of its own in the
 * highest memory. 0, -ENODEV (there is none of that number), -EBUSY (it runs), -ENOMEM, or
 * -ETIMEDOUT (it does not wake up).
 */
int vcpu_start(unsigned index, void (*run)(void *argument), void *argument);

/** Wait until what vcpu_start() made run has returned. */
void vcpu_join(unsigned index);

/**
 * Call @run(@argument) on the stack that ends at @stack_top, and come back. Seen from outside, this
 * is the root of that stack: RBP is 0 in it, and there is no caller above.
 */
void vcpu_root(void *argument, void (*run)(void *argument), void *stack_top);

/** Leave the boot stack: run @run on a stack of the same kind as the other vCPUs have. */
_Noreturn void vcpu_run_first(void (*run)(void *argument), void *argument);
