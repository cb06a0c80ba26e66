/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/probes/probe_clocks.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "collector/machine/machine_files.h"
#include "collector/machine/rights.h"
#include "common/cleanup.h"

#define NS_PER_S 1000000000ULL

void probe_clocks_close(struct probe_clocks *c)
{
	for (int cpu = 0; c->links && cpu < c->n; cpu++)
		bpf_link__destroy(c->links[cpu]);
	free(c->links);
	*c = (struct probe_clocks){0};
}

static int clock_error(int r, int cpu, struct error *error)
{
	_cleanup_free_ char *paranoid = read_line_at(NULL, "/proc/sys/kernel/perf_event_paranoid");

	if (r == -EACCES || r == -EPERM)
		return error_set(error, r,
			"the sampling clock is forbidden (kernel.perf_event_paranoid is %s%s): run "
			"as root or with CAP_PERFMON, outside of filters of system calls, or: "
			"sysctl kernel.perf_event_paranoid=-1",
			paranoid ? paranoid : "not known",
			rights_have_seccomp_filter() ? ", and there is a seccomp filter" : "");
	return error_set_errno(error, r, "cannot open the sampling clock of CPU %d", cpu);
}

static int start(struct probe_clocks *c, int cpu, struct bpf_program *program,
	struct perf_event_attr *attr, struct error *error)
{
	int fd = (int)syscall(SYS_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC), r;

	if (fd < 0 && (errno == ENODEV || errno == ENXIO)) /* offline */
		return 0;
	if (fd < 0)
		return clock_error(-errno, cpu, error);
	c->links[cpu] = bpf_program__attach_perf_event(program, fd);
	if (c->links[cpu])
		return 0;
	r = -errno;
	close(fd);
	return error_set_errno(error, r, "cannot attach to the sampling clock");
}

int probe_clocks_open(struct probe_clocks *c, struct bpf_program *program, unsigned hz,
	bool guest_ip, struct error *error)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		/* A period, not a frequency: there is nothing for the kernel to adjust at each
		   tick. */
		.sample_period = NS_PER_S / hz,
		.exclude_idle = 1,
		.sample_type = guest_ip ? PERF_SAMPLE_IP : 0,
	};
	int r = 0;

	c->n = libbpf_num_possible_cpus();
	if (c->n < 1)
		return error_set(error, -EINVAL, "cannot tell the number of CPUs");
	c->links = calloc((size_t)c->n, sizeof(struct bpf_link *));
	if (!c->links)
		return error_no_memory(error);
	for (int cpu = 0; cpu < c->n && r == 0; cpu++)
		r = start(c, cpu, program, &attr, error);
	return r;
}
