/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The registers of a vCPU that QEMU emulates. The code that QEMU generates keeps the address of the
 * vCPU's CPUX86State in the host's RBP. Where the registers are in it is found by user space, from
 * QEMU's object of the first vCPU before its first instruction, which boot.bpf.c takes; that tells
 * the address, too. Without it a table by version tells where they are, and a majority of RBP's
 * values the address. What is found there has to look like a vCPU; whether it is one is checked by
 * user space, which gets with each sample whether RBP agrees.
 */

#include "probes/guest_walk.bpf.h"

#define CANDIDATE_VOTES 3
#define MISSES_MAX      32

/* Bits that a processor has set, and those that it never has. */
#define EFLAGS_ONE  0x2ULL
#define EFLAGS_ZERO 0xffffffffffc08028ULL
#define CR0_ONE     0x10ULL /* ET */
#define CR0_ZERO    0xffffffff1ffaffc0ULL

/* Published by user space. */
volatile struct guest_tcg_layout guest_tcg_layout = {0};
volatile __u32 guest_tcg_known = 0; /* the layout is there; written last */

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
	volatile struct guest_tcg_layout *at = &guest_tcg_layout;
	__u64 eflags, cs, cr0;

	if (!r || !env)
		return 0;
	if (env_read(env, at->rip, &r->rip) || env_read(env, at->eflags, &eflags) ||
		env_read(env, at->cs, &cs) || env_read(env, at->fs_base, &r->fs_base) ||
		env_read(env, at->regs + REG_RSP * 8, &r->rsp) ||
		env_read(env, at->regs + REG_RBP * 8, &r->rbp) || env_read(env, at->cr, &cr0) ||
		env_read(env, at->cr + 3 * 8, &r->cr3) || env_read(env, at->cr + 4 * 8, &r->cr4))
		return 0;
	r->privilege = cs & 3;
	return (eflags & EFLAGS_ONE) && !(eflags & EFLAGS_ZERO) && (cr0 & CR0_ONE) &&
	       !(cr0 & CR0_ZERO) && is_canonical(r->rip) && r->rip && r->cr4 < (1ULL << 32) &&
	       guest_ram_has(r->cr3 & PAGE_FRAME);
}

/* A majority vote for RBP's value. */
static __always_inline void vote(struct guest_tcg_vcpu *v, __u64 host_rbp)
{
	if (host_rbp == v->candidate) {
		v->votes++;
	} else if (v->votes) {
		v->votes--;
	} else {
		v->candidate = host_rbp;
		v->votes = 1;
	}
}

/**
 * The registers of the vCPU of @lane, whose thread was hit with @host_rbp in user mode (else 0).
 * *ret_at_env: they were read where @host_rbp points to.
 */
static __always_inline int guest_tcg_registers(
	__s32 lane, __u64 host_rbp, struct guest_registers *r, __u8 *ret_at_env)
{
	struct guest_tcg_vcpu *v = element_of(guest_tcg_vcpus, lane);

	if (!v || !guest_tcg_known)
		return 0;
	if (!v->env && v->object && guest_tcg_layout.env) {
		v->env = v->object + guest_tcg_layout.env;
	} else if (!v->env && host_rbp && !(host_rbp & 15)) {
		vote(v, host_rbp);
		if (v->votes >= CANDIDATE_VOTES && tcg_read(v->candidate, r))
			v->env = v->candidate;
	}
	if (!v->env)
		return 0;
	if (tcg_read(v->env, r)) {
		v->misses = 0;
		*ret_at_env = host_rbp == v->env;
		return 1;
	}
	if (!guest_ram_count || (v->object && guest_tcg_layout.env))
		return 0;
	/* Early in boot nothing is wrong with such a vCPU; but a guess may have been. */
	if (++v->misses > MISSES_MAX)
		*v = (struct guest_tcg_vcpu){.object = v->object};
	return 0;
}
