/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/bare/vcpu.h"

#include <errno.h>
#include <string.h>

#include "guests/bare/acpi.h"
#include "guests/bare/clock.h"
#include "guests/bare/machine.h"
#include "guests/bare/memory.h"
#include "guests/bare/trap.h"

#define TRAMPOLINE 0x8000 /* see start.S */

#define APIC_BASE_X2     (UINT64_C(1) << 10)
#define APIC_ADDRESS     UINT64_C(0x000ffffffffff000)
#define APIC_COMMAND     0x300
#define APIC_DESTINATION 0x310
#define APIC_PENDING     (UINT32_C(1) << 12)
#define X2APIC_COMMAND   0x830
#define COMMAND_INIT     0x4500
#define COMMAND_STARTUP  0x4600

#define AP_MAIN_BYTES 4096 /* of a stack, for what comes before its root */

#define INIT_WAIT_NS  UINT64_C(10000)
#define AWAKE_WAIT_NS UINT64_C(200000000)
#define ATTEMPTS      10

extern const char trampoline_begin[], trampoline_end[];
extern uint64_t ap_stack_top, ap_root;
extern struct vcpu *ap_vcpu;

_Noreturn void ap_main(struct vcpu *v);

static struct vcpu vcpu_first;
static struct vcpu *vcpus[VCPUS_MAX] = {&vcpu_first};
static unsigned n_vcpus = 1;

unsigned vcpu_count(void)
{
	return n_vcpus;
}

static void set_up(struct vcpu *v)
{
	v->self = v;
	write_msr(MSR_GS_BASE, (uint64_t)v);
	write_msr(MSR_FS_BASE, (uint64_t)v); /* what a host takes for the thread */
	trap_init(v);
}

void vcpu_init_first(void)
{
	set_up(&vcpu_first);
}

void vcpu_init_others(void)
{
	const uint32_t *ids;
	unsigned n = acpi_cpus(&ids);

	vcpu_first.apic_id = n ? ids[0] : 0;
	for (unsigned i = 1; i < n && i < VCPUS_MAX; i++) {
		struct vcpu *v = memory_take(sizeof(*v), PAGE_BYTES, 0);

		if (!v)
			panic("no memory for vCPU %u", i);
		memset(v, 0, sizeof(*v));
		v->index = i;
		v->apic_id = ids[i];
		vcpus[n_vcpus++] = v;
	}
	/* cppcheck-suppress comparePointers ; begin and end of the same code */
	memcpy((char *)TRAMPOLINE, trampoline_begin, (size_t)(trampoline_end - trampoline_begin));
}

static int give_stack(struct vcpu *v)
{
	char *stack = memory_take(STACK_BYTES, PAGE_BYTES, 1);

	v->stack_top = stack ? stack + STACK_BYTES : NULL;
	return stack ? 0 : -ENOMEM;
}

static void send(uint32_t apic_id, uint32_t command)
{
	uint64_t base = read_msr(MSR_APIC_BASE);
	volatile uint32_t *apic = (volatile uint32_t *)(base & APIC_ADDRESS);

	if (base & APIC_BASE_X2) {
		write_msr(X2APIC_COMMAND, (uint64_t)apic_id << 32 | command);
		return;
	}
	apic[APIC_DESTINATION / 4] = apic_id << 24;
	apic[APIC_COMMAND / 4] = command;
	while (apic[APIC_COMMAND / 4] & APIC_PENDING)
		relax();
}

static int wait_awake(struct vcpu *v, uint64_t ns)
{
	uint64_t end = clock_now_ns() + ns;

	while (!atomic_load(&v->awake))
		if (clock_now_ns() > end)
			return -ETIMEDOUT;
		else
			relax();
	return 0;
}

int vcpu_start(unsigned index, void (*run)(void *argument), void *argument)
{
	struct vcpu *v;
	uint64_t end;
	int r = -ETIMEDOUT;

	if (index == 0 || index >= n_vcpus)
		return -ENODEV;
	v = vcpus[index];
	if (v->stack_top)
		return -EBUSY;
	if (give_stack(v) < 0)
		return -ENOMEM;
	v->run = run;
	v->argument = argument;
	ap_vcpu = v;
	ap_stack_top = (uint64_t)v->stack_top;
	ap_root = (uint64_t)memory_root();

	send(v->apic_id, COMMAND_INIT);
	end = clock_now_ns() + INIT_WAIT_NS;
	while (clock_now_ns() < end)
		relax();
	/* A startup message that comes too early is lost; one that comes twice does no harm. */
	for (int i = 0; i < ATTEMPTS && r < 0; i++) {
		send(v->apic_id, COMMAND_STARTUP | TRAMPOLINE / PAGE_BYTES);
		r = wait_awake(v, AWAKE_WAIT_NS);
	}
	return r;
}

void ap_main(struct vcpu *v)
{
	set_up(v);
	atomic_store(&v->awake, 1);
	vcpu_root(v->argument, v->run, v->stack_top - AP_MAIN_BYTES);
	atomic_store(&v->ended, 1);
	halt_forever();
}

void vcpu_join(unsigned index)
{
	if (index == 0 || index >= n_vcpus || !vcpus[index]->stack_top)
		return;
	while (!atomic_load(&vcpus[index]->ended))
		relax();
}

void vcpu_run_first(void (*run)(void *argument), void *argument)
{
	if (give_stack(&vcpu_first) < 0)
		panic("no memory for a stack");
	vcpu_root(argument, run, vcpu_first.stack_top);
	panic("the program returned");
}
