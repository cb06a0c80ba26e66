/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The registers of a vCPU that QEMU emulates. The code that QEMU generates keeps the address of the
 * vCPU's CPUX86State in the host's RBP, so among samples of a vCPU thread that address is RBP's
 * dominant value: a majority vote finds it, where boot.bpf.c has not found it before its first
 * instruction. What is found there has to look like a vCPU, so neither
 * a wrong guess nor a QEMU with another layout yields more than samples without guest frames.
 */

#include "probes/guest_walk.bpf.h"

#define CANDIDATE_VOTES 3
#define MISSES_MAX      32
#define EFLAGS_FIXED    2ULL /* always 1 in a processor */

struct guest_tcg_vcpu guest_tcg_vcpus[PROBE_LANES_MAX] = {0};

static __always_inline int env_read(__u64 env, __u32 offset, __u64 *ret)
{
	return bpf_probe_read_user(ret, sizeof(*ret), (const void *)(env + offset));
}

static __always_inline bool guest_ram_has(__u64 physical)
{
	for (__u32 i = 0; i < GUEST_RAM_BLOCKS; i++)
		if (i < guest_ram_count && physical >= guest_ram[i].physical &&
			physical - guest_ram[i].physical < guest_ram[i].size)
			return true;
	return false;
}

/** Does @env look like a vCPU? Then @r is what it holds. */
static __noinline int tcg_read(__u64 env, struct guest_registers *r)
{
	const volatile struct guest_tcg_layout *at = &guest_tcg_layout;
	__u64 eflags, hflags;

	if (!r || !env)
		return 0;
	if (env_read(env, at->rip, &r->rip) || env_read(env, at->eflags, &eflags) ||
		env_read(env, at->hflags, &hflags) || env_read(env, at->fs_base, &r->fs_base) ||
		env_read(env, at->regs + REG_RSP * 8, &r->rsp) ||
		env_read(env, at->regs + REG_RBP * 8, &r->rbp) ||
		env_read(env, at->cr + 3 * 8, &r->cr3) || env_read(env, at->cr + 4 * 8, &r->cr4))
		return 0;
	r->privilege = hflags & 3;
	return (eflags & EFLAGS_FIXED) && eflags < (1ULL << 22) && is_canonical(r->rip) && r->rip &&
	       r->cr4 < (1ULL << 32) && guest_ram_has(r->cr3 & PAGE_FRAME);
}

/** The registers of the vCPU of @lane, whose thread was hit with @host_rbp in user mode (else 0).
 */
static __always_inline int guest_tcg_registers(
	__s32 lane, __u64 host_rbp, struct guest_registers *r)
{
	struct guest_tcg_vcpu *v;

	if (lane < 0 || lane >= PROBE_LANES_MAX)
		return 0;
	v = &guest_tcg_vcpus[lane];
	if (host_rbp && !(host_rbp & 15) && !v->env) {
		if (host_rbp == v->candidate) {
			v->votes++;
		} else if (v->votes) {
			v->votes--;
		} else {
			v->candidate = host_rbp;
			v->votes = 1;
		}
		if (v->votes >= CANDIDATE_VOTES && tcg_read(v->candidate, r))
			v->env = v->candidate;
	}
	if (!v->env)
		return 0;
	if (tcg_read(v->env, r)) {
		v->misses = 0;
		return 1;
	}
	if (!guest_ram_count)
		return 0;
	/* Early in boot nothing is wrong with such a vCPU; but a guess may have been. */
	if (++v->misses > MISSES_MAX)
		*v = (struct guest_tcg_vcpu){0};
	return 0;
}
