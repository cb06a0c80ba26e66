/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What tells the steps of a boot apart: records that boot.bpf.c and its neighbours send. */

#include "probes/task.bpf.h"

/* Set before loading, boot.bpf.c. */
extern const volatile bool watch_servers;

/**
 * Processes that serve the stack without being of it (a container engine's daemons), and all that
 * they start meanwhile. Key: tgid; value: 1 for those that ran before.
 */
struct server_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u32);
};

extern struct server_map servers SEC(".maps");

static __always_inline bool is_server(struct task_struct *task)
{
	__u32 tgid = task->tgid;

	return bpf_map_lookup_elem(&servers, &tgid) != NULL;
}

/* Set before loading, follow.bpf.c. */
extern const volatile char exec_path[PROBE_PATH_MAX];

static __always_inline bool is_exec_path(const char *path)
{
	char name[PROBE_PATH_MAX];
	long length = bpf_probe_read_kernel_str(name, sizeof(name), path);

	if (length <= 1)
		return false;
	for (int i = 0; i < PROBE_PATH_MAX; i++) {
		if (name[i] != exec_path[i])
			return false;
		if (!name[i])
			return true;
	}
	return false;
}

static __always_inline bool is_booting(void)
{
	return gate && phase_count == 1;
}

static __always_inline void boot_send(
	enum boot_event event, __u32 tgid, __u32 parent, const char *name, bool is_program)
{
	struct record_boot *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (!r) {
		count_loss(&losses.ring);
		return;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->type = RECORD_BOOT;
	r->event = event;
	r->tgid = tgid;
	r->parent = parent;
	r->time_ns = bpf_ktime_get_ns();
	r->is_program = is_program;
	bpf_probe_read_kernel(r->name, sizeof(r->name), name);
	/* At once: short-lived processes are to be looked at while they live, and what was seen
	 * once need not be watched any more. */
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
}

/** Which of the events that count once were seen. */
extern volatile __u32 boot_seen[BOOT_EVENTS];

/** @named: whose name the record gets. */
static __always_inline void boot_send_once(
	enum boot_event event, __u32 tgid, struct task_struct *named)
{
	if (boot_seen[event])
		return;
	boot_seen[event] = 1; /* two CPUs at once: the reader takes the earlier record */
	boot_send(event, tgid, named->tgid, named->comm, false);
}
