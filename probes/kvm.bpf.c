/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A vCPU thread under KVM: entry to the guest, exit from it by reason, and the way out to QEMU.
 * Between an exit and the next entry the host kernel works for the vCPU; after HLT it waits for the
 * vCPU's next interrupt, first by polling on the CPU.
 */

#define CHANGE_OF_PROGRAM CHANGE_PREEMPTIBLE
#include "probes/kvm.bpf.h"
#include "probes/boot.bpf.h"

const volatile __u32 kvm_isa = 0; /* enum probe_isa */

SEC("tp_btf/kvm_entry")
int BPF_PROG(on_kvm_entry, struct kvm_vcpu *vcpu)
{
	struct cpu_state *cpu;

	if (!gate)
		return 0;
	cpu = this_cpu();
	if (!cpu || cpu->lane < 0)
		return 0;
	lane_set_base(cpu, STATE_GUEST, 0, bpf_ktime_get_ns());
	if (phase_count == 1)
		boot_send_once(
			BOOT_GUEST, bpf_get_current_pid_tgid() >> 32, bpf_get_current_task_btf());
	return 0;
}

SEC("tp_btf/kvm_exit")
int BPF_PROG(on_kvm_exit, struct kvm_vcpu *vcpu)
{
	struct cpu_state *cpu;
	__u32 reason;

	if (!gate)
		return 0;
	cpu = this_cpu();
	/* Linux 6.12 and later let it be NULL, as far as the verifier knows. */
	if (!cpu || cpu->lane < 0 || !vcpu)
		return 0;
	reason = exit_reason(vcpu);
	if (reason == halt_reason())
		lane_set_base(cpu, STATE_BLOCKED, PROBE_DETAIL(CAUSE_HALT_POLL, 0, 0),
			bpf_ktime_get_ns());
	else
		lane_set_base(cpu, STATE_KERNEL, PROBE_DETAIL(CAUSE_VMEXIT, reason, kvm_isa),
			bpf_ktime_get_ns());
	return 0;
}

/** The vCPU's wait is over: what is left until it runs again is the host's work. */
SEC("tp_btf/kvm_vcpu_wakeup")
int BPF_PROG(on_kvm_vcpu_wakeup)
{
	struct cpu_state *cpu;

	if (!gate)
		return 0;
	cpu = this_cpu();
	if (cpu && cpu->lane >= 0)
		lane_set_base(cpu, STATE_KERNEL, PROBE_DETAIL(CAUSE_VMEXIT, halt_reason(), kvm_isa),
			bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/kvm_userspace_exit")
int BPF_PROG(on_kvm_userspace_exit)
{
	struct cpu_state *cpu;

	if (!gate)
		return 0;
	cpu = this_cpu();
	if (cpu && cpu->lane >= 0)
		lane_set_base(cpu, STATE_VMM, 0, bpf_ktime_get_ns());
	return 0;
}
