/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What the eBPF programs and user space share: the record of a lane, the key of an account, and the
 * records of the ring buffer. Times are CLOCK_MONOTONIC in ns.
 */

#ifndef __bpf__
#include <linux/types.h>
#endif

#include "common/state.h"

#define PROBE_LANES_MAX     256
#define PROBE_LANE_RECORDS  (2 * PROBE_LANES_MAX) /* of an own program: by name, and by CPU */
#define PROBE_CPUS_MAX      1024
#define PROBE_THREADS_MAX   65536 /* that live at once */
#define PROBE_THREAD_CAUSES 4     /* for which a thread sleeps that are told apart */
#define PROBE_PHASES_MAX    32
#define PROBE_PARTS_MAX     48  /* parts of phases: a boundary that came late begins none */
#define PROBE_STACK_DEPTH   128 /* frames of each side of a sample */
#define PROBE_PATH_MAX      256
#define PROBE_NAME_SIZE     16 /* TASK_COMM_LEN */
#define PROBE_IRQ_NESTING   4
#define TIMELINE_RING_BYTES (4 << 20) /* 80,000 records */
#define PROBE_SWITCH_NS     10000     /* by which two stamps of one switch may differ */
#define PROBE_LANE_NONE     (-1)
#define PROBE_LANE_HELPER   0xffff

/** What a state's time is further told apart by: a number (below) or a thread's name. */
struct probe_detail {
	union {
		__u64 number;
		char name[PROBE_NAME_SIZE];
	};
};

/**
 * Numbers of details.
 *   blocked	cause << 56 | system call << 16 | cause's own
 *   kernel	cause << 56 | system call << 16, or CAUSE_VMEXIT << 56 | exit reason << 16 | isa
 *   irq	irq_kind << 32 | number of the interrupt, softirq or vector
 *   preempted	the name of what ran instead; its last byte is an enum probe_taker
 */
enum probe_cause {
	CAUSE_NONE,
	CAUSE_SYSCALL,
	CAUSE_STOPPED,     /* SIGSTOP or job control */
	CAUSE_TRACED,      /* a debugger */
	CAUSE_FAULT,       /* asleep in the kernel, but not in a system call */
	CAUSE_NOT_CREATED, /* the lane's thread is not there yet */
	CAUSE_EXITED,      /* or not any more */
	CAUSE_HALT,        /* a vCPU that executed HLT, or has not been started, or is paused */
	CAUSE_HALT_POLL,   /* the same, the host polls for its wake-up, on the CPU */
	CAUSE_FROZEN,      /* cgroup freezer */
	CAUSE_VMEXIT,
};

/** Who took the CPU from a lane that could go on. */
enum probe_taker {
	TAKER_OTHER,     /* a stranger: a thread outside of the stack */
	TAKER_LANE,      /* another lane of the stack */
	TAKER_HELPER,    /* another thread of the stack */
	TAKER_COLLECTOR, /* guestscope itself */
	TAKER_COUNT
};

#define PROBE_DETAIL_TAKER(detail) ((unsigned char)(detail)->name[PROBE_NAME_SIZE - 1])

/* What a blocked system call waits on (the low 16 bits). */
enum probe_wait {
	WAIT_PLAIN,
	WAIT_FUTEX_LOCK,      /* FUTEX_WAIT: a mutex of the C library */
	WAIT_FUTEX_CONDITION, /* FUTEX_WAIT_BITSET: a condition variable or semaphore */
	WAIT_PIPE,
	WAIT_SOCKET,
	WAIT_FILE,
	WAIT_CHARDEV,
	WAIT_OTHER_FD,
};

enum probe_irq_kind {
	IRQ_HARD,   /* a device's handler; number = IRQ */
	IRQ_SOFT,   /* number = softirq */
	IRQ_VECTOR, /* a vector of the local APIC; number = enum probe_vector */
};

enum probe_vector {
	VECTOR_LOCAL_TIMER,
	VECTOR_RESCHEDULE,
	VECTOR_CALL_FUNCTION,
	VECTOR_CALL_FUNCTION_SINGLE,
	VECTOR_IRQ_WORK,
	VECTOR_THERMAL,
	VECTOR_PLATFORM_IPI,
	VECTOR_COUNT
};

enum probe_isa {
	ISA_VMX = 1,
	ISA_SVM = 2,
};

#define PROBE_DETAIL(cause, nr, sub)                                                               \
	(((__u64)(cause) << 56) | ((__u64)(nr)&0xffffffff) << 16 | ((__u64)(sub)&0xffff))
#define PROBE_DETAIL_CAUSE(n) ((unsigned int)((n) >> 56))
#define PROBE_DETAIL_NR(n)    ((unsigned int)(((n) >> 16) & 0xffffffff))
/* Of an interrupt: enum probe_irq_kind. */
#define PROBE_DETAIL_INTERRUPT(n) ((unsigned int)((n) >> 32) & 0x7fffffff)
#define PROBE_DETAIL_SUB(n)       ((unsigned int)((n)&0xffff))

/**
 * What the kernel's own clocks say of a lane's thread, beside what the books say at the same
 * instant: cumulative since the lane began, taken when the thread loses its CPU and at the timer's
 * ticks.
 */
struct audit_point {
	__u64 time_ns;
	__u64 exec_ns; /* the scheduler's sum_exec_runtime, and what its clock leaves out on purpose
			  or was late by */
	__u64 cpu_ns;  /* the books' time on a CPU */
	__u64 delay_ns; /* sched_info's run_delay, without what its clock was late by */
	__u64 wait_ns;  /* the books' time waiting for a CPU */
	__u64 gap_ns;   /* of the CPU, ever: what its task clock left out */
};

/** What the kernel counts of every thread by itself. */
enum probe_event {
	EVENT_TASK_CLOCK, /* ns */
	EVENT_SWITCHES,
	EVENT_MIGRATIONS,
	EVENT_MINOR_FAULTS,
	EVENT_MAJOR_FAULTS,
	EVENT_COUNT
};

/** By how much the scheduler's clock was late at a lane's or a thread's switches. */
struct clock_lateness {
	__s64 exec_ns; /* when it left its CPU, less when it got one: its execution time lacks this */
	__s64 delay_ns;   /* what it added to the scheduler's run_delay */
	__u64 waiting_ns; /* the same, of the wait that goes on */
};

/** Intervals of a lane that follow each other and are kept as one. */
struct merged_intervals {
	__u64 begin_ns, end_ns;
	__u64 ns[STATE_COUNT]; /* which sum to its length */
	__u32 count;           /* of the intervals; 0: there is none */
	__u32 part;            /* of a phase, that all of it is in */
};

/** What a lane's timeline has of its budget; see probes/timeline.bpf.h. */
struct lane_timeline {
	__u64 window_ns;    /* when the current window began */
	__u64 threshold_ns; /* intervals shorter than this are merged */
	__u32 seen;         /* records in the window */
	__u32 quiet;        /* windows since there were last too many */
	struct merged_intervals merged;
};

/** One lane's state machine; lives in the programs' memory, mapped into user space. */
struct lane_record {
	__u64 since_ns;   /* begin of the current interval */
	__u64 last_in_ns; /* when a member last got a CPU */
	__u64 waking_ns;  /* when a member was last woken */
	__u64 wait_task;  /* address of the task_struct that waits, while preempted or throttled */
	__u32 state;      /* enum lane_state */
	__u32 phase;      /* the part of a phase that since_ns is in */
	struct probe_detail detail;
	__u32 base_state; /* what on-CPU time is while no interrupt is on top */
	__s32 cpu;
	struct probe_detail base_detail;
	__s32 running;  /* members on a CPU */
	__s32 runnable; /* members waiting for one */
	__s32 members;
	__u32 unused;
	__u64 exec_ns; /* of threads that float: their execution time here, by the scheduler, until
			  the last of them lost the CPU */
	__u64 outside_mark_ns; /* while the lane had its CPU: time that the kernel's own task clock
				  ... */
	__u64 outside_ns; /* ... leaves out (stolen by a hypervisor; interrupts, where built so) */
	struct clock_lateness late;
	__u64 cpu_ns;              /* on a CPU, until the thread last lost it */
	__u64 off_ns;              /* since when it waits for one, or 0 */
	__u64 wait_ns;             /* waiting, until it last got one */
	__u64 events[EVENT_COUNT]; /* of all its threads that have ended; after
				      probe_set_finish() of all */
	struct lane_timeline timeline;
	/* Of each part while the programs run, of each phase after probe_set_finish(): */
	struct audit_point first[PROBE_PARTS_MAX];
	struct audit_point last[PROBE_PARTS_MAX];
	__u64 switches[PROBE_PARTS_MAX];        /* times the lane lost its CPU */
	__u64 ns[PROBE_PARTS_MAX][STATE_COUNT]; /* time without detail */
	__u64 count[PROBE_PARTS_MAX][STATE_COUNT];
};

struct account_key {
	__u16 lane;
	__u8 phase;
	__u8 state;
	__u32 unused;
	struct probe_detail detail;
};

struct account_value {
	__u64 ns;
	__u64 count;
};

enum task_run {
	TASK_ASLEEP,
	TASK_WAITING,
	TASK_ON_CPU,
	TASK_UNKNOWN, /* it was there before the gate opened, and no event came of it yet */
};

/** A thread of the stack. Key: the address of its task_struct, which stays the same over an exec.
 */
struct task_record {
	__s32 lane; /* or PROBE_LANE_NONE: a helper */
	__u32 tgid;
	__u32 origin; /* the process whose address space this one's was copied from: of the last
			 exec */
	__u32 named;  /* another thread gave it the name of lane @named - 1; it joins as soon as it
			 can */
	__u64 named_ns;
	__u32 run; /* enum task_run */
	__u32 base_state;
	struct probe_detail base_detail;
	__u64 waking_ns;
	__u64 queued_ns;   /* when it was put on a run queue after that */
	__u64 in_ns;       /* when it got its CPU */
	__u64 in_exec_ns;  /* its execution time then, by the kernel; 0: not known */
	__u64 in_delay_ns; /* how long it had waited by then, likewise */
	__u64 arrivals; /* how often it had got one, by the kernel, when it last lost it; 0: unseen */
	__u64 delay_ns;  /* how long it had waited for one by then, by the kernel; 0: not known */
	__u64 helper_ns; /* CPU time of a helper in helper_phase, not yet in the accounts */
	__u32 helper_phase;
	__u32 cpu;        /* that it got, while it is on one */
	__u32 floats;     /* its lane is the CPU that it runs on or waits for */
	__u32 off_weight; /* 0: this interval off the CPU is not sampled */
	__u64 off_ns;     /* of a lane's that is not: since when; 0: of no such one */
	/* Of one that floats and was there before us: */
	__u32 pid;
	__u32 parent; /* the process that made its own; 0: it is not of the stack */
	__u32 late;   /* it came to be known while the gate was open */
	__u32 seems; /* STATE_ONCPU or STATE_BLOCKED: what it did then, as far as can be told ... */
	__u64 seems_why;  /* ... and blocked's detail */
	__u64 adopted_ns; /* late: when */
	char name[PROBE_NAME_SIZE];
	__u64 events_begin[EVENT_COUNT]; /* when it became a lane's, ... */
	__u64 events[EVENT_COUNT];       /* ... and when it last lost its CPU, or at a tick */
};

enum record_type {
	RECORD_LANE = 1, /* a thread became a lane's member */
	RECORD_SAMPLE,   /* on-CPU sample */
	RECORD_OFF,      /* a thread lost its CPU: its stacks */
	RECORD_ON,       /* and got one again */
	RECORD_LONG, /* a lane's thread was off its CPU for long, and its stacks were not taken */
	RECORD_BOOT, /* while phase 0 lasts: what tells its steps apart */
	RECORD_PROGRAM, /* the program that is watched began, or ended */
	RECORD_THREAD,  /* a thread ended that floats: struct thread_record */
	RECORD_EXIT,    /* a vCPU left its guest under KVM: the guest's stack */
	RECORD_ENTRY,   /* and entered it again */
	/* In a ring buffer of their own: */
	RECORD_INTERVAL, /* of a lane */
	RECORD_MERGED,   /* several of a lane, as one */
};

struct record_lane {
	__u32 type;
	__s32 lane;
	__u32 pid;
	__u32 tgid;
	__u64 time_ns; /* since when: it may have been asleep */
};

/** As it was taken from its lane. It was charged to the parts of phases from the first to the last. */
struct record_interval {
	__u32 type;
	__u16 lane;
	__u8 first_part, last_part;
	__u32 state;
	__u32 cpu; /* whose event ended it */
	__u64 begin_ns;
	__u64 woken_ns; /* not 0: from then on it is STATE_WAKEUP */
	__u64 end_ns;
	struct probe_detail detail;
};

struct record_merged {
	__u32 type;
	__u32 lane;
	struct merged_intervals merged;
};

struct thread_cause {
	__u64 number; /* as of blocked's detail */
	__u64 ns;
};

/** What a thread did that floats; since it began to, and until it ended or last lost its CPU. */
struct thread_record {
	__u32 type;
	__u32 pid;
	__u32 tgid;
	__u32 parent; /* the process that made it */
	char name[PROBE_NAME_SIZE];
	__u64 begin_ns;
	__u64 end_ns;           /* 0: it lives */
	__u64 cpu_ns;           /* on a CPU */
	__u64 wait_ns;          /* waiting for one */
	__u64 wait_siblings_ns; /* of that, while others of the program ran there */
	struct thread_cause blocked[PROBE_THREAD_CAUSES];
	__u64 blocked_other_ns;
	__u32 switches; /* times it lost a CPU */
	__u32 migrations;
	/* The kernel's own clocks when it last lost its CPU, and the above at that instant: */
	__u64 exec_ns, exec_books_ns;
	__u64 delay_ns, delay_books_ns; /* no delay: the kernel counts none */
	/* While it lives: */
	__u32 run; /* enum task_run */
	__u32 migrations_begin;
	__u64 since_ns; /* since when */
	__u64 busy_ns;  /* TASK_WAITING: how long the program had used that CPU by then */
	__u64 cause;    /* TASK_ASLEEP */
	__u64 exec_begin_ns, exec_books_begin_ns; /* from where the above are counted */
	__u64 delay_begin_ns, delay_books_begin_ns;
	struct clock_lateness late;
	__u32 exec_known; /* these are */
	__u32 unused;
};

/** When, says the programs' memory. */
struct record_program {
	__u32 type;
	__u32 tgid;
};

enum sample_mode {
	SAMPLE_USER,
	SAMPLE_KERNEL,
	SAMPLE_IRQ,   /* hit an interrupt handler: told by events already */
	SAMPLE_GUEST, /* hit the guest of a vCPU under KVM; ip is the host's, where it left it */
};

/** Where the registers of a vCPU come from. */
enum guest_source {
	GUEST_NONE, /* it is not looked into */
	GUEST_TCG,  /* QEMU's CPUX86State, whose address the generated code keeps in RBP */
	GUEST_KVM,  /* struct kvm_vcpu, and on AMD the VMCB */
};

/** Where in QEMU's CPUX86State the registers are: offsets in bytes. */
struct guest_tcg_layout {
	__u32 env;  /* of the CPUX86State itself in QEMU's object of a vCPU; 0: not known */
	__u32 regs; /* RAX RCX RDX RBX RSP RBP RSI RDI R8..R15 */
	__u32 rip;
	__u32 eflags;
	__u32 cs; /* the selector: its low two bits are the privilege level */
	__u32 fs_base;
	__u32 cr; /* CR0..CR4 */
};

#define GUEST_OBJECT_BYTES 65536

/** The first vCPU's object in QEMU as it was before the guest's first instruction. */
struct guest_tcg_object {
	__u32 taken; /* written last */
	__u32 unused;
	__u8 bytes[GUEST_OBJECT_BYTES]; /* what could not be read is 0 */
};

/** What is learnt of a vCPU under emulation; 0: not known yet. */
struct guest_tcg_vcpu {
	__u64 object; /* address of QEMU's object of it */
	__u64 env;    /* address of its CPUX86State */
	__u64 candidate;
	__u32 votes;
	__u32 misses;
};

/** A part of the guest's physical memory and its place in QEMU's address space. */
struct guest_ram_block {
	__u64 physical;
	__u64 size;
	__u64 host;
};

#define GUEST_RAM_BLOCKS 8

/** The root of the guest's page tables, where CR3 cannot be read: known by a symbol. 0, 0: not
 * known. */
struct guest_root {
	__u64 physical;   /* of the table itself */
	__u64 pointer_at; /* or the guest-physical address of a word that has the table's */
};

/** FS base could not be read. No address: it is not canonical. */
#define GUEST_THREAD_UNKNOWN (1ULL << 63)

/** Why a chain of guest frames ended. */
enum guest_end {
	GUEST_END_UNKNOWN,    /* the vCPU's registers are not known (yet): no frame was taken */
	GUEST_END_ROOT,       /* frame pointer or return address 0 */
	GUEST_END_LIMIT,      /* PROBE_STACK_DEPTH frames */
	GUEST_END_UNMAPPED,   /* a page that is not present */
	GUEST_END_ADDRESS,    /* no address: not canonical, or no frame pointer by its low bits */
	GUEST_END_TABLE,      /* a page table outside of RAM, or a page that is a device's */
	GUEST_END_HOST,       /* the host has no page there */
	GUEST_END_FIVE_LEVEL, /* five-level page tables are not walked */
	GUEST_END_PAGING_OFF, /* the vCPU is not in 64-bit mode yet */
	GUEST_END_NO_TABLES,  /* CR3 cannot be read, and the page tables are not known otherwise */
	GUEST_END_COUNT
};

/** What a vCPU is at work for, by the guest's own kernel (Linux). */
enum guest_task_kind {
	GUEST_TASK_UNKNOWN, /* where the kernel has its current tasks is not known (yet) */
	GUEST_TASK_PROCESS,
	GUEST_TASK_KERNEL, /* a thread of the kernel, also an idle one: it has no page tables of its
			      own, and leaves those in place that there are */
	GUEST_TASK_OTHER,  /* the task has other page tables than the vCPU: not taken for it */
	GUEST_TASK_THREAD, /* of a kernel that has no processes (OSv) */
};

struct guest_task {
	char name
		[PROBE_NAME_SIZE]; /* of the process: its first thread's. Of a thread of the kernel */
	__u32 process;             /* its number in the guest; GUEST_TASK_THREAD: the thread's */
	__u32 execs; /* changes with each exec: what it runs, and the address space, are others then */
	__u32 kind; /* enum guest_task_kind */
	__u32 unused;
};

/**
 * Where a kernel has the task that a CPU is at work for: addresses, and offsets in bytes. Linux; or, where back
 * is not 0, OSv: the array has the addresses of its CPUs, current_task is the offset in them at which the end of the thread's
 * stack for interrupts is, and the thread begins so many bytes before that.
 */
struct guest_task_layout {
	__u64 cpu_offsets;  /* an array, by CPU: how much higher its variables lie */
	__u64 current_task; /* of all CPUs: the pointer to the task */
	__u32 flags, tgid, comm, mm, group_leader; /* in struct task_struct */
	__u32 self_exec_id;                        /* likewise; 0: it has none */
	__u32 pgd;                                 /* in struct mm_struct */
	__u32 back;  /* 0: Linux; the rest is OSv's, whose number and name are at tgid and comm */
	__u32 owner; /* in a thread: a pointer to what ... */
	__u32 owner_thread; /* ... has a pointer to the thread here */
};

/** A vCPU at the instant of a sample. */
struct guest_sample {
	__u64 fs_base; /* tells guest threads apart, or GUEST_THREAD_UNKNOWN */
	__u64 cr3;
	__u64 space; /* tells address spaces apart: the root of the page tables, of a process known by
			its kernel that which the kernel uses */
	__u64 caller; /* the word at RSP; the one above if that is RBP, just saved; 0: not known */
	__u16 n_frames; /* RIP, then return addresses; 0: nothing is known of the vCPU */
	__u8 end;       /* enum guest_end */
	__u8 privilege; /* CPL: 0 or 3 */
	__u8 pushed;    /* the caller is the word above */
	__u8 at_env; /* GUEST_TCG: the host's RBP was the address that the registers were read at */
	__u8 stack_mapped; /* RSP is an address of the guest's memory */
	__u8 text_mapped;  /* RIP is one, too, and may be executed */
	struct guest_task task;
};

#define GUEST_QUEUES_MAX 64

/** Where a CPU of the guest counts its threads that could run: a word of 8 bytes in QEMU's memory, and which part of it. */
struct guest_queue_place {
	__u64 host;
	__u64 mask;
	__u32 shift;
	__u32 unused;
};

/** The guest's run queues at the instant of a sample, idle threads and those that run left out. */
struct guest_queues {
	__u16 cpus;    /**< that were looked at; 0: none */
	__u16 own;     /**< threads that are queued for the vCPU that was hit */
	__u16 waiting; /**< for all of them */
	__u16 idle;    /**< vCPUs that have nothing to run */
	__u16 running; /**< vCPUs that have a CPU of the host's: each of them is sampled */
	__u16 stuck; /**< vCPUs for which threads are queued, and that wait for the host themselves */
	__u16 halted; /**< of the idle ones those that are blocked on the host: the others poll */
	__u16 unread; /**< vCPUs whose run queue could not be read, which are in none of these */
};

/** A vCPU that was preempted by the host while threads were queued for it. */
struct guest_stuck {
	__u64 since_ns;
	__u32 waiting;                /**< it is so now */
	__u32 part;                   /**< of a phase, up to which it was charged */
	__u64 ns[PROBE_PARTS_MAX];    /**< by the part of a phase */
	__u64 count[PROBE_PARTS_MAX]; /**< by that in which it went on */
};

struct record_sample {
	__u32 type;
	__s32 lane;
	__u32 pid;
	__u32 tgid;
	__u64 time_ns;
	__u32 mode;    /* enum sample_mode */
	__s32 syscall; /* where in kernel mode: the system call, or -1 */
	__u64 ip;
	__u64 user_ip; /* where it left user mode */
	__u32 origin;  /* as in struct task_record; 0: not known */
	__u32 weight;  /* RECORD_OFF, RECORD_EXIT: how many intervals it stands for */
	__u32 state;   /* the lane's state by events at that instant */
	__u16 n_kernel;
	__u16 n_user;
	__u32 user_end; /* why the user's frames end: enum unwind_end */
	__u32 guest_left; /* GUEST_KVM: the host works for the guest, which is as its last exit left it */
	char name[PROBE_NAME_SIZE];
	struct guest_queues queues; /* RECORD_SAMPLE */
	struct guest_sample guest;
	/* __u64 frames follow: n_kernel, n_user, then guest.n_frames, each innermost first */
};

/* RECORD_OFF has the form of a sample without an instruction pointer, mode and system call; so has RECORD_EXIT, which
 * has no frames of the host. */

struct record_on {
	__u32 type;
	__u32 pid;
	__u64 time_ns;
};

/* Storms of short intervals off the CPU are sampled; a long one of a lane counts as itself, or else it would be missed
 * in three of four storms and count four times in the fourth. */
#define OFFCPU_LONG_NS 10000000ULL

struct record_long {
	__u32 type;
	__s32 lane;
	__u32 tgid;
	__u32 unused;
	__u64 begin_ns;
	__u64 time_ns;
	char name[PROBE_NAME_SIZE];
};

struct record_entry {
	__u32 type;
	__u32 pid;
	__u64 begin_ns; /* the time from the exit to the entry, without that of taking the stack */
	__u64 time_ns;
	__u64 own_ns; /* which took so long: just before the begin */
	__u64 irq_ns; /* of that time, in interrupts */
	__u64 cause;  /* of the exit, as of kernel's detail */
};

/** An exit whose stack was taken, of each lane; its weight is 0: none was. */
struct exit_taken {
	__u64 begin_ns, own_ns; /* as in struct record_entry */
	__u64 irq_ns;           /* of the CPU, at the begin */
	__u64 cause;
	__u32 weight;
	__u32 cpu;
};

enum boot_event {
	BOOT_FORK,   /* a process of the stack, or of those that serve it, was forked by @parent */
	BOOT_EXEC,   /* and got another program; its name is the new one */
	BOOT_ENTRY,  /* first code of the stack's first program itself: it is linked */
	BOOT_GUEST,  /* the first vCPU enters the guest's code */
	BOOT_CALLED, /* the stack's first process spoke to one of those that serve it */
	BOOT_EXIT,   /* the first thread of a process ended */
	BOOT_EVENTS
};

struct record_boot {
	__u32 type;
	__u32 event; /* enum boot_event */
	__u32 tgid;
	__u32 parent; /* BOOT_FORK: of whom; BOOT_CALLED: who was called */
	__u64 time_ns;
	__u32 is_program; /* BOOT_EXEC: of the file that the stack's program is known by */
	__u32 unused;
	char name[PROBE_NAME_SIZE];
};

/** What could not be recorded. */
struct probe_losses {
	__u64 ring;     /* records that found the ring buffer full */
	__u64 accounts; /* intervals that found the accounts full */
	__u64 tasks;    /* threads that found the table of threads full */
	__u64 switches; /* not lost: switches that the kernel did not report, reconstructed */
	__u64 unlaned;  /* not lost: threads that would be lanes, had there been room or time */
	__u64 timeline; /* lost to the timeline alone: records that found its ring buffer full */
};
