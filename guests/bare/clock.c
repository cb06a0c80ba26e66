/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/bare/clock.h"

#include <string.h>

#include "guests/bare/acpi.h"
#include "guests/bare/machine.h"

#define NS_PER_S         UINT64_C(1000000000)
#define CALIBRATE_TICKS  (ACPI_TIMER_HZ / 50)
#define READ_ATTEMPTS    9
#define SIGNATURE_LEAF   0x40000000
#define KVM_FEATURES     0x40000001
#define KVM_FEATURE_TIME (1 << 3)
#define KVM_MSR_TIME     0x4b564d01
#define KVM_TIME_ENABLE  1

/* KVM's record of how to make time of the counter (Linux' Documentation/virt/kvm/x86/msr.rst). */
struct kvm_time {
	uint32_t version, pad0;
	uint64_t tsc_then, ns_then;
	uint32_t multiplier;
	int8_t shift;
	uint8_t flags, pad[2];
};

static volatile struct kvm_time kvm_time __attribute__((aligned(64)));
static uint64_t tsc_begin, tsc_hz = NS_PER_S;
static uint64_t multiplier = UINT64_C(1) << 32; /* ns for each tick, 32 bits after the point */

/* ns = ((ticks << shift) * multiplier) >> 32. 0 if this is not KVM. */
static uint64_t hz_of_kvm(void)
{
	struct cpuid c = read_cpuid(SIGNATURE_LEAF);
	uint32_t mul, version;
	unsigned __int128 hz;
	int8_t shift;

	if (!(read_cpuid(1).ecx & UINT32_C(1) << 31) || memcmp(&c.ebx, "KVMK", 4) != 0 ||
		!(read_cpuid(KVM_FEATURES).eax & KVM_FEATURE_TIME))
		return 0;
	write_msr(KVM_MSR_TIME, (uint64_t)&kvm_time | KVM_TIME_ENABLE);
	do {
		version = kvm_time.version;
		mul = kvm_time.multiplier;
		shift = kvm_time.shift;
	} while ((version & 1) || version != kvm_time.version);
	write_msr(KVM_MSR_TIME, 0);
	if (mul == 0 || shift < -31 || shift > 31)
		return 0;
	hz = ((unsigned __int128)NS_PER_S << 32) / mul;
	return (uint64_t)(shift >= 0 ? hz >> shift : hz << -shift);
}

/* The two clocks at one moment: of several readings the one that took least time. */
static uint64_t read_both(uint32_t *ret_timer)
{
	uint64_t best = UINT64_MAX, at = 0;

	for (int i = 0; i < READ_ATTEMPTS; i++) {
		uint64_t before = read_tsc();
		uint32_t timer = in32(acpi_timer_port()) & ACPI_TIMER_MASK;
		uint64_t after = read_tsc();

		if (after - before >= best)
			continue;
		best = after - before;
		at = before + best / 2;
		*ret_timer = timer;
	}
	return at;
}

static uint64_t hz_by_timer(void)
{
	uint32_t timer, timer_end = 0, begin = 0;
	uint64_t tsc = read_both(&begin), tsc_end;

	timer = begin;
	while (((timer - begin) & ACPI_TIMER_MASK) < CALIBRATE_TICKS) {
		timer = in32(acpi_timer_port()) & ACPI_TIMER_MASK;
		/* A timer that stands still must not hang the guest: 2^36 ticks are some 20 s. */
		if (read_tsc() - tsc > UINT64_C(1) << 36)
			return NS_PER_S;
	}
	tsc_end = read_both(&timer_end);
	timer_end = (timer_end - begin) & ACPI_TIMER_MASK;
	return (uint64_t)((unsigned __int128)(tsc_end - tsc) * ACPI_TIMER_HZ / timer_end);
}

void clock_init(void)
{
	tsc_begin = read_tsc();
	tsc_hz = hz_of_kvm();
	if (tsc_hz == 0)
		tsc_hz = hz_by_timer();
	multiplier = (uint64_t)(((unsigned __int128)NS_PER_S << 32) / tsc_hz);
}

uint64_t clock_ticks_to_ns(uint64_t ticks)
{
	return (uint64_t)((unsigned __int128)ticks * multiplier >> 32);
}

uint64_t clock_now_ns(void)
{
	return clock_ticks_to_ns(read_tsc() - tsc_begin);
}

uint64_t clock_tsc_hz(void)
{
	return tsc_hz;
}
