/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The kernel's types as far as the probes need them. Each is trimmed to the members that are read;
 * preserve_access_index makes libbpf find their real offsets in the running kernel's BTF (CO-RE),
 * so neither order nor size matter here. A suffix "___x" marks another kernel's version of a type:
 * the part before the three underscores is the name that is looked up.
 */

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

enum {
	false = 0,
	true = 1,
};

#define NULL ((void *)0)

/* From the kernel's user-space API, include/uapi/linux/bpf.h. */
struct bpf_spin_lock {
	__u32 val;
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
};

enum {
	BPF_F_USER_STACK = 1 << 8,
	BPF_F_MMAPABLE = 1 << 10,
};

enum {
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
	BPF_RB_AVAIL_DATA = 0,
};

/* Helper functions that older kernels do not have: HAS_HELPER() asks the running one. */
enum bpf_func_id {
	BPF_FUNC_loop = 181,                   /* Linux 5.17 */
	BPF_FUNC_map_lookup_percpu_elem = 195, /* Linux 5.19 */
};

#define HAS_HELPER(name) bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_##name)

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_RINGBUF = 27,
};

/* Context of a perf_event program: user-space API, its layout is fixed. */
struct bpf_perf_event_data {
	__u64 regs[21]; /* struct pt_regs of x86-64: [16] is the instruction pointer */
	__u64 sample_period;
	__u64 addr;
};

#define PERF_REG_BP 4
#define PERF_REG_IP 16
#define PERF_REG_CS 17
#define PERF_REG_SP 19

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
	unsigned long bp;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long cs;
	unsigned long sp;
};

struct perf_sample_data {
	__u64 ip;
};

struct bpf_perf_event_data_kern {
	struct perf_sample_data *data;
};

struct inode {
	unsigned short i_mode;
};

struct file {
	struct inode *f_inode;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

/* A CPU's run queue: what its clock leaves out of the tasks' times. */
struct rq {
	__u64 clock;
	__u64 clock_task; /* without what is nobody's */
	__u64 prev_steal_time_rq;
	__u64 prev_irq_time;
};

struct cfs_rq {
	struct rq *rq;
	int throttle_count;
};

struct sched_entity {
	__u64 exec_start; /* when sum_exec_runtime was last brought up to date */
	__u64 sum_exec_runtime;
	__u64 nr_migrations;
	struct cfs_rq *cfs_rq;
};

struct sched_info {
	unsigned long pcount;         /* times that it got a CPU */
	unsigned long long run_delay; /* time spent waiting on a run queue */
	unsigned long long
		last_arrival;           /* when the task last got a CPU, by the run queue's clock */
	unsigned long long last_queued; /* since when it waits for one; 0: it does not */
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct preempt_notifier {
	struct hlist_node link;
};

struct thread_info {
	__u32 cpu;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live; /* threads of the process that have not begun to end */
};

struct mm_struct {
	unsigned long start_data; /* of the program's variables, */
	unsigned long start_brk;  /* up to its heap */
};

struct task_struct {
	struct thread_info thread_info;
	struct signal_struct *signal;
	unsigned int __state;
	unsigned int flags;
	struct hlist_head preempt_notifiers;
	int pid;
	int tgid;
	char comm[16];
	struct sched_entity se;
	struct sched_info sched_info;
	struct files_struct *files;
	struct mm_struct *mm;
	unsigned long nvcsw;  /* context switches of its own accord, ... */
	unsigned long nivcsw; /* ... and others */
	unsigned long min_flt;
	unsigned long maj_flt;
};

struct task_struct___cpu {
	unsigned int cpu; /* before 5.16 it was not in thread_info */
};

struct task_struct___throttled {
	bool throttled; /* 6.18: a task, not its run queue, is throttled */
};

struct linux_binprm {
	const char *filename;
};

struct irqaction {
	const char *name;
};

struct kvm_vcpu_arch {
	unsigned long regs[17]; /* RAX RCX RDX RBX RSP RBP RSI RDI R8..R15 RIP */
	__u32 regs_avail; /* by number, of enum kvm_reg: which of them are the guest's of now */
	unsigned long cr3;
	unsigned long cr4;
};

enum kvm_reg {
	VCPU_EXREG_CR3 = 19, /* differs by kernel */
};

struct kvm_vcpu {
	struct preempt_notifier preempt_notifier;
	struct kvm_vcpu_arch arch;
};

struct vmcb_control_area {
	__u32 exit_code;
};

struct vmcb_seg {
	__u64 base;
};

struct vmcb_save_area {
	struct vmcb_seg fs;
	__u8 cpl;
	__u64 cr4;
	__u64 cr3;
	__u64 rip;
	__u64 rsp;
};

struct vmcb {
	struct vmcb_control_area control;
	struct vmcb_save_area save;
};

struct vcpu_svm {
	struct kvm_vcpu vcpu;
	struct vmcb *vmcb;
};

union vmx_exit_reason {
	__u32 full;
};

struct vcpu_vmx {
	struct kvm_vcpu vcpu;
	union vmx_exit_reason exit_reason;
};

struct vcpu_vt {
	union vmx_exit_reason exit_reason;
};

struct vcpu_vmx___vt {
	struct kvm_vcpu vcpu;
	struct vcpu_vt vt; /* since 6.15 */
};

#pragma clang attribute pop
