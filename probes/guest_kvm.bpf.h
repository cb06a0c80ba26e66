/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The registers of a vCPU under KVM, as its last exit left them: the sampling interrupt's, if that
 * forced it out of the guest (the thread's flag PF_VCPU says so, sample.bpf.c), else that of which the
 * host is at work. The vCPU is found from the thread: KVM registers a preempt notifier that lies in
 * struct kvm_vcpu, while the thread is in KVM_RUN; what QEMU does after that is for the same one. On
 * AMD the rest is in the VMCB.
 *
 * On Intel the VMCS cannot be read from here. KVM saves RBP at each exit, but reads RIP, RSP and
 * CR3 only when it needs them, and what it has of them is otherwise that of an earlier exit. Its
 * own account of what it has read since this one tells which may be taken. RIP comes from the
 * sampling event (Linux 6.3 and later), before that from the event kvm_exit, which reads it while
 * it is switched on; the root of the page tables by a symbol. FS base stays unknown.
 */

#include "probes/guest_walk.bpf.h"
#include "probes/kvm.bpf.h"

#define REG_RIP 16
#define PF_VCPU 0x1 /* the kernel's include/linux/sched.h: KVM's guest runs, or was just left */

/* Without EPT, KVM sees each change of CR3. */
const volatile __u32 kvm_keeps_cr3 = 0;

/* Set once it is known; on Intel only. */
volatile struct guest_root guest_root = {0};

/* struct kvm_vcpu of each lane; 0: not known yet. */
__u64 guest_kvm_vcpus[PROBE_LANES_MAX] = {0};

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

static __always_inline struct kvm_vcpu *kvm_vcpu_of(struct task_struct *task, __s32 lane)
{
	__u64 *known = element_of(guest_kvm_vcpus, lane);
	struct kvm_vcpu *vcpu = kvm_current_vcpu(task);

	if (!known)
		return NULL;
	if (vcpu)
		*known = (__u64)vcpu;
	return (struct kvm_vcpu *)*known;
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

static __always_inline bool is_current(__u32 available, __u32 number)
{
	return available >> (number & 31) & 1;
}

/* *ret_kernel: it is not CR3, but the root of the kernel's own tables. */
static __always_inline __u64 vmx_cr3(struct kvm_vcpu *vcpu, __u32 available, __u32 *ret_kernel)
{
	__u64 root;

	if (kvm_keeps_cr3 ||
		(bpf_core_enum_value_exists(enum kvm_reg, VCPU_EXREG_CR3) &&
			is_current(available, bpf_core_enum_value(enum kvm_reg, VCPU_EXREG_CR3))))
		return BPF_CORE_READ(vcpu, arch.cr3);
	*ret_kernel = !guest_one_ring;
	if (guest_root.physical)
		return guest_root.physical;
	if (!guest_root.pointer_at || guest_read_physical(guest_root.pointer_at, &root))
		return 0;
	return root & PAGE_FRAME;
}

/* 1, or 0 if not even RIP is known. @left: the event's instruction pointer is not the guest's. */
static __always_inline int vmx_registers(
	void *ctx, struct kvm_vcpu *vcpu, bool left, struct guest_registers *r)
{
	__u32 available = 0;

	if (bpf_core_field_exists(vcpu->arch.regs_avail))
		available = BPF_CORE_READ(vcpu, arch.regs_avail);
	r->rip = left ? 0 : event_ip(ctx);
	if (!r->rip && is_current(available, REG_RIP))
		r->rip = BPF_CORE_READ(vcpu, arch.regs[REG_RIP]);
	if (is_current(available, REG_RSP))
		r->rsp = BPF_CORE_READ(vcpu, arch.regs[REG_RSP]);
	r->cr3 = vmx_cr3(vcpu, available, &r->kernel_tables);
	/* PAE and LA57 are bits that KVM keeps to itself: it is told of their changes. */
	r->cr4 = BPF_CORE_READ(vcpu, arch.cr4);
	r->fs_base = GUEST_THREAD_UNKNOWN;
	r->privilege = guest_one_ring || (__s64)r->rip < 0 ? 0 : 3;
	return r->rip != 0;
}

/** The registers of @vcpu, whose thread the sampling event @ctx hit: in the guest, or (@left) after another
 * exit. 1, or 0 if there are none. */
static __always_inline int guest_kvm_registers(
	void *ctx, struct kvm_vcpu *vcpu, bool left, struct guest_registers *r)
{
	if (!vcpu)
		return 0;
	r->rbp = BPF_CORE_READ(vcpu, arch.regs[REG_RBP]);
	if (kvm_isa != ISA_SVM)
		return vmx_registers(ctx, vcpu, left, r);
	if (!bpf_core_type_exists(struct vcpu_svm))
		return 0;
	svm_registers(vcpu, r);
	return 1;
}
