/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/bare/trap.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "guests/bare/acpi.h"
#include "guests/bare/console.h"
#include "guests/bare/machine.h"
#include "guests/bare/memory.h"
#include "guests/bare/vcpu.h"

#define VECTORS         32
#define SELECTOR_DATA   0x10
#define SELECTOR_CODE   0x18
#define SELECTOR_TSS    0x20
#define GATE_INTERRUPT  0x8e
#define TSS_PRESENT     0x89
#define BACKTRACE_DEPTH 32

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};

/* As all_doors in start.S leaves it on the stack. */
struct trap_frame {
	uint64_t rbp, vector, code, rip, cs, rflags, rsp, ss;
};

struct __attribute__((packed)) table_pointer {
	uint16_t limit;
	uint64_t base;
};

extern const uint64_t trap_doors[VECTORS];
extern const char __text_begin[], __text_end[];

_Noreturn void trap_handle(const struct trap_frame *t);

static struct gate gates[VECTORS];
static _Atomic int dying;

static const char *const names[VECTORS] = {
	"division by zero",
	"debug",
	"not maskable interrupt",
	"breakpoint",
	"overflow",
	"bound",
	"invalid instruction",
	"no coprocessor",
	"double fault",
	NULL,
	"invalid TSS",
	"segment not present",
	"stack segment",
	"general protection",
	"page fault",
	NULL,
	"x87",
	"alignment",
	"machine check",
	"SIMD",
	"virtualization",
	"control protection",
};

static void fill_gates(void)
{
	for (unsigned i = 0; i < VECTORS; i++)
		gates[i] = (struct gate){
			.offset_low = (uint16_t)trap_doors[i],
			.selector = SELECTOR_CODE,
			.ist = 1,
			.type = GATE_INTERRUPT,
			.offset_middle = (uint16_t)(trap_doors[i] >> 16),
			.offset_high = (uint32_t)(trap_doors[i] >> 32),
		};
}

void trap_init(struct vcpu *v)
{
	uint64_t tss = (uint64_t)&v->tss;
	struct table_pointer gdt = {sizeof(v->gdt) - 1, (uint64_t)v->gdt};
	struct table_pointer idt = {sizeof(gates) - 1, (uint64_t)gates};

	if (v->index == 0)
		fill_gates();
	v->tss.ist[0] = (uint64_t)v->trap_stack + sizeof(v->trap_stack);
	v->tss.io_map = sizeof(v->tss);
	v->gdt[SELECTOR_DATA / 8] = 0x00cf93000000ffff;
	v->gdt[SELECTOR_CODE / 8] = 0x00af9b000000ffff;
	v->gdt[SELECTOR_TSS / 8] = (sizeof(v->tss) - 1) | (tss & 0xffffff) << 16 |
				   (uint64_t)TSS_PRESENT << 40 | (tss >> 24 & 0xff) << 56;
	v->gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;
	/* The selectors in use mean the same in the table of start.S. */
	asm volatile("lgdt %0\n\t"
		     "lidt %1\n\t"
		     "ltr %w2"
		     :
		     : "m"(gdt), "m"(idt), "r"(SELECTOR_TSS)
		     : "memory");
}

/* One vCPU tells its story; what comes second (another vCPU, a fault in telling) says nothing. */
static void begin_dying(void)
{
	if (atomic_exchange(&dying, 1) == 0) {
		console_force_unlock();
		return;
	}
	/* A fault of the teller itself has to end it all the same. */
	for (unsigned i = 0; i < 1000000; i++)
		relax();
	acpi_power_off();
}

void panic(const char *format, ...)
{
	va_list ap;

	begin_dying();
	printf("\nbare: crashed: ");
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n");
	acpi_power_off();
}

static void backtrace(uint64_t rip, uint64_t rbp)
{
	for (int i = 0; i < BACKTRACE_DEPTH; i++) {
		const uint64_t *frame = (const uint64_t *)rbp;

		printf("bare:   #%d 0x%lx\n", i, rip);
		if (rbp % 8 || !memory_is_ram(rbp, 16))
			return;
		rip = frame[1];
		if (rip < (uint64_t)__text_begin || rip >= (uint64_t)__text_end || frame[0] == rbp)
			return;
		rbp = frame[0];
	}
}

void trap_handle(const struct trap_frame *t)
{
	const char *name = t->vector < VECTORS ? names[t->vector] : NULL;

	begin_dying();
	printf("\nbare: crashed: exception %lu (%s) on vCPU %u: rip=0x%lx rsp=0x%lx rbp=0x%lx "
	       "cr2=0x%lx code=0x%lx\n",
		t->vector, name ? name : "?", vcpu_self()->index, t->rip, t->rsp, t->rbp,
		read_cr2(), t->code);
	backtrace(t->rip, t->rbp);
	acpi_power_off();
}
