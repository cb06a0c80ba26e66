/* SPDX-License-Identifier: GPL-2.0-or-later */

/* An eBPF program that takes some tens of milliseconds: each system call of one process runs it until it is over. */

/* clang-format off */
#include "probes/kernel_types.h"
#include <bpf/bpf_helpers.h>
/* clang-format on */

char LICENSE[] SEC("license") = "GPL";

const volatile __u32 watched_tgid = 0;
volatile __u32 begun = 0, ended = 0;

static long turn(__u32 i, void *context)
{
	(void)i;
	(void)context;
	return 0;
}

SEC("raw_tp/sys_enter")
int slow(void *ctx)
{
	__u32 none = 0;

	(void)ctx;
	if (bpf_get_current_pid_tgid() >> 32 != watched_tgid)
		return 0;
	__sync_fetch_and_add(&begun, 1);
	bpf_loop(1 << 23, turn, &none, 0);
	__sync_fetch_and_add(&ended, 1);
	return 0;
}
