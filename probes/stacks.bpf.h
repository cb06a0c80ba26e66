/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Stacks of the current thread, kernel and user, into a record for the ring buffer. */

#include "probes/unwind.bpf.h"

#define STACK_SIDE_BYTES  (PROBE_STACK_DEPTH * sizeof(__u64))
#define RING_WAKEUP_BYTES (2 << 20)

#define MAPS_ASKED_NS 5000000 /* not more often */

/* A walk came to code that user space may find the table of, if it looks now. */
static __always_inline bool asks_for_maps(const struct sample_scratch *s)
{
	if (s->head.user_end != UNWIND_END_NO_MODULE && s->head.user_end != UNWIND_END_NONE)
		return false;
	if (s->head.time_ns - maps_asked_ns < MAPS_ASKED_NS)
		return false;
	maps_asked_ns = s->head.time_ns;
	return true;
}

/** Records are fetched by and by; the reader is woken only when the buffer fills up. */
static __always_inline __u64 wakeup_flag(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > RING_WAKEUP_BYTES ? BPF_RB_FORCE_WAKEUP
									       : BPF_RB_NO_WAKEUP;
}

/* The selector of 64 bit code, in x86-64 Linux. */
#define USER_CS 0x33

/** A walk of the current thread's user stack by tables. */
struct user_walk {
	struct unwind_registers r;
	struct unwind_space space;
	__u32 which; /* SCRATCH_* */
	__u32 at;    /* where the frames go */
	__u32 n;
	__u32 end;
};

static long user_step(__u32 i, void *context)
{
	struct user_walk *w = context;
	struct sample_scratch *s = bpf_map_lookup_elem(&scratch, &w->which);

	(void)i;
	w->end = unwind_user_caller(&w->r, w->space.first, w->space.n);
	if (w->end || !s)
		return 1;
	s->frames[(w->at + w->n) & (4 * PROBE_STACK_DEPTH - 1)] = unwind_address(&w->r);
	w->n++;
	w->end = UNWIND_END_LIMIT;
	return 0;
}

/** The space of process @tgid, or of the one whose memory it began as a copy of. */
static __always_inline const struct unwind_space *space_of(__u32 tgid, __u32 origin)
{
	__u64 key = UNWIND_KEY_PROCESS(tgid);
	const struct unwind_space *space = bpf_map_lookup_elem(&unwind_spaces, &key);

	if (space || !origin)
		return space;
	key = UNWIND_KEY_PROCESS(origin);
	return bpf_map_lookup_elem(&unwind_spaces, &key);
}

static __always_inline struct unwind_registers user_registers(const struct pt_regs *regs)
{
	return (struct unwind_registers){
		.rip = (regs->cs & 0xffff) == USER_CS ? regs->ip : 0,
		.rsp = regs->sp,
		.rbp = regs->bp,
		.exact = 1,
		.others = UNWIND_OTHERS_ALL,
	};
}

/** Behind the kernel's. @user: the registers that the thread has in user mode; RIP is 0: not known. */
static __always_inline void take_user_stack(
	void *ctx, struct sample_scratch *s, __u32 which, const struct unwind_registers *user)
{
	const struct unwind_space *space = space_of(s->head.tgid, s->head.origin);
	struct user_walk w = {.r = *user, .which = which, .at = s->head.n_kernel};
	long bytes;

	w.at &= 2 * PROBE_STACK_DEPTH - 1;
	s->head.user_end = UNWIND_END_NONE;
	if (space && user->rip) {
		w.space = *space;
		s->frames[w.at++] = user->rip;
		bpf_loop(PROBE_STACK_DEPTH - 1, user_step, &w, 0);
		s->head.n_user = w.n + 1;
		s->head.user_end = w.end;
		return;
	}
	if (!user_stacks) {
		s->frames[w.at] = s->head.user_ip;
		s->head.n_user = 1;
		return;
	}
	if (w.at > PROBE_STACK_DEPTH)
		w.at = PROBE_STACK_DEPTH;
	bytes = bpf_get_stack(ctx, &s->frames[w.at], STACK_SIDE_BYTES, BPF_F_USER_STACK);
	s->head.n_user = bytes < 0 ? 0 : bytes / sizeof(__u64);
}

/** The record's head is there already, but for what the stacks add. */
static __always_inline void take_stacks(
	void *ctx, struct sample_scratch *s, __u32 which, const struct unwind_registers *user)
{
	long bytes = bpf_get_stack(ctx, s->frames, STACK_SIDE_BYTES, 0);

	s->head.guest = (struct guest_sample){0};
	s->head.n_kernel = bytes < 0 ? 0 : bytes / sizeof(__u64);
	take_user_stack(ctx, s, which, user);
}

static __always_inline void send_stacks(struct sample_scratch *s)
{
	__u64 frames = (__u64)s->head.n_kernel + s->head.n_user + s->head.guest.n_frames;
	__u64 size = sizeof(s->head) + frames * sizeof(__u64);

	if (size > sizeof(*s))
		size = sizeof(*s);
	if (bpf_ringbuf_output(
		    &ring, s, size, asks_for_maps(s) ? BPF_RB_FORCE_WAKEUP : wakeup_flag()))
		count_loss(&losses.ring);
}
