/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Stacks of the current thread, kernel and user, into a record for the ring buffer. */

#include "probes/lane.bpf.h"

#define SCRATCH_OFFCPU    0
#define SCRATCH_SAMPLE    1
#define STACK_SIDE_BYTES  (PROBE_STACK_DEPTH * sizeof(__u64))
#define RING_WAKEUP_BYTES (2 << 20)

/** Records are fetched by and by; the reader is woken only when the buffer fills up. */
static __always_inline __u64 wakeup_flag(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > RING_WAKEUP_BYTES ? BPF_RB_FORCE_WAKEUP
									       : BPF_RB_NO_WAKEUP;
}

/** @user_ip: the innermost user address, for programs without frame pointers. */
static __always_inline void take_stacks(void *ctx, struct sample_scratch *s, __u64 user_ip)
{
	long bytes = bpf_get_stack(ctx, s->frames, STACK_SIDE_BYTES, 0);
	__u32 offset;

	s->head.guest = (struct guest_sample){0};
	if (bytes < 0)
		bytes = 0;
	s->head.n_kernel = bytes / sizeof(__u64);
	offset = (bytes / sizeof(__u64)) & (2 * PROBE_STACK_DEPTH - 1);
	if (offset > PROBE_STACK_DEPTH)
		offset = PROBE_STACK_DEPTH;
	if (!user_stacks) {
		s->frames[offset] = user_ip;
		s->head.n_user = 1;
		return;
	}
	bytes = bpf_get_stack(ctx, &s->frames[offset], STACK_SIDE_BYTES, BPF_F_USER_STACK);
	if (bytes < 0)
		bytes = 0;
	s->head.n_user = bytes / sizeof(__u64);
}

static __always_inline void send_stacks(struct sample_scratch *s)
{
	__u64 frames = (__u64)s->head.n_kernel + s->head.n_user + s->head.guest.n_frames;
	__u64 size = sizeof(s->head) + frames * sizeof(__u64);

	if (size > sizeof(*s))
		size = sizeof(*s);
	if (bpf_ringbuf_output(&ring, s, size, wakeup_flag()))
		count_loss(&losses.ring);
}
