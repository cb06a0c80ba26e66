/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/probes/probe_wait.h"

#include <errno.h>
#include <stdint.h>

#include <bpf/bpf.h>

#include "common/cleanup.h"

/*
 * An update of a map of maps returns to user space only after a grace period of RCU, so that nobody uses what was there
 * before (since Linux 4.19, maybe_wait_bpf_programs() in kernel/bpf/syscall.c). membarrier() does the same, but not
 * where a CPU is free of ticks (nohz_full).
 */
int probe_wait_programs(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, options);
	_cleanup_close_ int inner = -EBADF, outer = -EBADF;
	uint32_t zero = 0;

	inner = bpf_map_create(
		BPF_MAP_TYPE_ARRAY, "gs_wait_in", sizeof(zero), sizeof(zero), 1, NULL);
	if (inner < 0)
		return -errno;
	options.inner_map_fd = (uint32_t)inner;
	outer = bpf_map_create(
		BPF_MAP_TYPE_ARRAY_OF_MAPS, "gs_wait", sizeof(zero), sizeof(zero), 1, &options);
	if (outer < 0)
		return -errno;
	if (bpf_map_update_elem(outer, &zero, &inner, BPF_ANY) < 0)
		return -errno;
	return 0;
}
