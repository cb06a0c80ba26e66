/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The registers of a vCPU under KVM, when the sampling interrupt forced it out of the guest: the
 * thread's flag PF_VCPU says so (sample.bpf.c). The vCPU is found from the thread: KVM registers a
 * preempt notifier that lies in struct kvm_vcpu. On AMD the rest is in the VMCB. On Intel the VMCS
 * cannot be read from here: RBP and CR3 are what KVM keeps, RIP and RSP what it cached last, which
 * is right after an exit that made it read them.
 */

#include "probes/guest_walk.bpf.h"

#define PF_VCPU 0x1 /* the kernel's include/linux/sched.h: KVM's guest runs, or was just left */

extern const volatile __u32 kvm_isa; /* kvm.bpf.c */

/* Since Linux 6.3; its sample data has the instruction pointer of the guest. */
extern void *bpf_cast_to_kern_ctx(void *) __ksym __weak;

static __always_inline struct kvm_vcpu *kvm_current_vcpu(struct task_struct *task)
{
	struct hlist_node *link;

	if (!bpf_core_field_exists(task->preempt_notifiers) ||
		!bpf_core_type_exists(struct kvm_vcpu))
		return NULL;
	link = BPF_CORE_READ(task, preempt_notifiers.first);
	if (!link)
		return NULL;
	return (struct kvm_vcpu *)((void *)link -
				   bpf_core_field_offset(struct preempt_notifier, link) -
				   bpf_core_field_offset(struct kvm_vcpu, preempt_notifier));
}

static __always_inline void svm_registers(struct kvm_vcpu *vcpu, struct guest_registers *r)
{
	struct vcpu_svm *svm = (struct vcpu_svm *)vcpu;
	struct vmcb *vmcb = BPF_CORE_READ(svm, vmcb);

	r->rip = BPF_CORE_READ(vmcb, save.rip);
	r->rsp = BPF_CORE_READ(vmcb, save.rsp);
	r->cr3 = BPF_CORE_READ(vmcb, save.cr3);
	r->cr4 = BPF_CORE_READ(vmcb, save.cr4);
	r->fs_base = BPF_CORE_READ(vmcb, save.fs.base);
	r->privilege = BPF_CORE_READ(vmcb, save.cpl);
}

/* Intel's RIP, by the sampling event itself. */
static __always_inline __u64 event_ip(void *ctx)
{
	struct bpf_perf_event_data_kern *kern;
	struct perf_sample_data *data;

	if (!bpf_cast_to_kern_ctx)
		return 0;
	kern = bpf_cast_to_kern_ctx(ctx);
	data = BPF_CORE_READ(kern, data);
	return BPF_CORE_READ(data, ip);
}

/** The registers, when the interrupt hit the guest. 1, or 0 if there are none. */
static __always_inline int guest_kvm_registers(
	void *ctx, struct task_struct *task, struct guest_registers *r)
{
	struct kvm_vcpu *vcpu;

	vcpu = kvm_current_vcpu(task);
	if (!vcpu)
		return 0;
	r->rbp = BPF_CORE_READ(vcpu, arch.regs[REG_RBP]);
	r->rsp = BPF_CORE_READ(vcpu, arch.regs[REG_RSP]);
	r->rip = BPF_CORE_READ(vcpu, arch.regs[16]);
	r->cr3 = BPF_CORE_READ(vcpu, arch.cr3);
	r->cr4 = BPF_CORE_READ(vcpu, arch.cr4);
	r->fs_base = 0;
	if (bpf_core_type_exists(struct vcpu_svm) && kvm_isa == ISA_SVM)
		svm_registers(vcpu, r);
	else
		r->rip = event_ip(ctx) ?: r->rip;
	/* Its CPL is in the VMCS too. */
	if (!r->privilege && kvm_isa != ISA_SVM)
		r->privilege = (__s64)r->rip < 0 ? 0 : 3;
	return 1;
}
