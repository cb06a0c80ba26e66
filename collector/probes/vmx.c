/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/probes/vmx.h"

#include <bpf/btf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

#define MODULE "/sys/module/kvm_intel"

bool vmx_keeps_cr3(void)
{
	_cleanup_fclose_ FILE *f = fopen(MODULE "/parameters/ept", "re");

	return f && fgetc(f) == 'N';
}

/* Samples have it since the kernel has this function. */
static bool samples_tell_rip(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool tell = btf && btf__find_by_name_kind(btf, "bpf_cast_to_kern_ctx", BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return tell;
}

static int event_id(unsigned long long *ret)
{
	static const char *const paths[] = {"/sys/kernel/tracing/events/kvm/kvm_exit/id",
		"/sys/kernel/debug/tracing/events/kvm/kvm_exit/id"};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		_cleanup_fclose_ FILE *f = fopen(paths[i], "re");

		if (f && fscanf(f, "%llu", ret) == 1)
			return 0;
	}
	return -ENOENT;
}

int vmx_read_rip(pid_t pid, int *ret_fd, struct error *error)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .inherit = 1};
	unsigned long long id;
	int fd;

	if (access(MODULE, F_OK) < 0 || samples_tell_rip()) {
		*ret_fd = -1;
		return 0;
	}
	if (event_id(&id) < 0)
		return error_set(error, -ENOENT,
			"before Linux 6.3 KVM on Intel needs the event kvm_exit for them, which is "
			"not there: mount -t tracefs none /sys/kernel/tracing");
	attr.config = id;
	fd = (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, -errno, "the event kvm_exit");
	*ret_fd = fd;
	return 0;
}
