/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Why a vCPU left its guest. */

#include "probes/lane.bpf.h"

#define SVM_EXIT_HLT 0x078
#define VMX_EXIT_HLT 12

extern const volatile __u32 kvm_isa; /* enum probe_isa; kvm.bpf.c */

static __always_inline __u32 exit_reason(struct kvm_vcpu *vcpu)
{
	if (kvm_isa == ISA_SVM) {
		struct vcpu_svm *svm = (void *)vcpu; /* its first member, in every kernel so far */

		if (bpf_core_type_exists(struct vcpu_svm))
			return BPF_CORE_READ(svm, vmcb, control.exit_code);
	} else {
		struct vcpu_vmx *vmx = (void *)vcpu;
		struct vcpu_vmx___vt *newer = (void *)vcpu;

		if (bpf_core_field_exists(newer->vt))
			return BPF_CORE_READ(newer, vt.exit_reason.full) & 0xffff;
		if (bpf_core_field_exists(vmx->exit_reason))
			return BPF_CORE_READ(vmx, exit_reason.full) & 0xffff;
	}
	return 0xffff;
}

static __always_inline __u32 halt_reason(void)
{
	return kvm_isa == ISA_SVM ? SVM_EXIT_HLT : VMX_EXIT_HLT;
}
