/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * User and kernel time told apart exactly, by every system call's begin and end. Loaded on request
 * only: it slows each system call of the whole machine.
 */

#define CHANGE_OF_PROGRAM CHANGE_PREEMPTIBLE
#include "probes/lane.bpf.h"

SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs *regs, long nr)
{
	struct cpu_state *cpu;

	if (!gate)
		return 0;
	cpu = this_cpu();
	if (cpu && cpu->lane >= 0)
		lane_set_base(
			cpu, STATE_KERNEL, PROBE_DETAIL(CAUSE_SYSCALL, nr, 0), bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit)
{
	struct cpu_state *cpu;

	if (!gate)
		return 0;
	cpu = this_cpu();
	if (cpu && cpu->lane >= 0)
		lane_set_base(cpu, STATE_ONCPU, 0, bpf_ktime_get_ns());
	return 0;
}
