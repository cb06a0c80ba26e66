/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "collector/counters/counter_event.h"
#include "collector/doctor/doctor_internal.h"
#include "collector/machine/machine.h"
#include "collector/machine/machine_files.h"
#include "collector/machine/rights.h"
#include "collector/symbols/symbols.h"
#include "common/cleanup.h"

static void check_privileges(struct finding *f)
{
	char lacking[512];
	unsigned n_essential = rights_lacking(lacking, sizeof(lacking), true);

	if (!lacking[0]) {
		doctor_find(f, DOCTOR_OK, "all that are needed");
		return;
	}
	doctor_find(f, n_essential ? DOCTOR_MISSING : DOCTOR_LIMITED, "lacking: %s", lacking);
	doctor_fix(
		f, geteuid() == 0
			   ? "run outside of the container or service that took them away"
			   : "run as root: sudo collector ..., or see PRIVILEGES in collector(1)");
}

static void check_kernel(struct finding *f)
{
	struct utsname u;
	unsigned major = 0, minor = 0;

	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2) {
		doctor_find(f, DOCTOR_LIMITED, "version not known");
	} else if (major < 5 || (major == 5 && minor < 8)) {
		doctor_find(f, DOCTOR_MISSING, "%s has no BPF ring buffer", u.release);
		doctor_fix(f, "use Linux " MACHINE_OLDEST_KERNEL " or later");
	} else if (!machine_kernel_is_known()) {
		doctor_find(f, DOCTOR_LIMITED,
			"%s is older than Linux " MACHINE_OLDEST_KERNEL
			", the oldest that is known to work",
			u.release);
		doctor_fix(f, "see \"probes\" below; if they fail, use a later kernel");
	} else {
		doctor_find(f, DOCTOR_OK, "%s: BPF ring buffer and typed tracepoints", u.release);
	}
}

static void check_namespaces(struct finding *f)
{
	if (!machine_in_first_namespace(MACHINE_PID_NAMESPACE)) {
		doctor_find(f, DOCTOR_MISSING,
			"a PID namespace of its own, as in a container: processes have other "
			"numbers than the kernel's events");
		doctor_fix(f, "run on the host, or in a container made with --pid=host");
	} else if (!machine_in_first_namespace(MACHINE_TIME_NAMESPACE)) {
		doctor_find(f, DOCTOR_MISSING,
			"a time namespace of its own: clocks differ from those of the kernel's "
			"events");
		doctor_fix(f, "run outside of it");
	} else {
		doctor_find(f, DOCTOR_OK, "PIDs and times are those of the kernel's events");
	}
}

static void check_btf(struct finding *f)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0) {
		doctor_find(f, DOCTOR_OK, "/sys/kernel/btf/vmlinux");
		return;
	}
	doctor_find(
		f, DOCTOR_MISSING, "/sys/kernel/btf/vmlinux cannot be read: %s", strerror(errno));
	doctor_fix(f, "use a kernel built with CONFIG_DEBUG_INFO_BTF=y (distributions' are)");
}

/* CONFIG_BPF_JIT_ALWAYS_ON kernels have no switch; a file that says 0 means an interpreter. */
static void check_jit(struct finding *f)
{
	uint64_t value;

	if (read_u64_at(NULL, &value, "/proc/sys/net/core/bpf_jit_enable") == 0 && value == 0) {
		doctor_find(f, DOCTOR_LIMITED,
			"BPF programs are interpreted, at several times the cost");
		doctor_fix(f, "sysctl net.core.bpf_jit_enable=1");
	} else {
		doctor_find(f, DOCTOR_OK, "BPF programs are compiled");
	}
}

static void check_sampling(struct finding *f)
{
	const struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000,
		.disabled = 1,
	};
	_cleanup_close_ int fd = counter_event_open(&attr, &(struct counter_target){0}, -1);
	_cleanup_free_ char *rate =
		read_line_at(NULL, "/proc/sys/kernel/perf_event_max_sample_rate");
	_cleanup_free_ char *paranoid = read_line_at(NULL, "/proc/sys/kernel/perf_event_paranoid");

	if (fd == -EACCES || fd == -EPERM) {
		doctor_find(f, DOCTOR_MISSING, "forbidden (kernel.perf_event_paranoid is %s)",
			paranoid ? paranoid : "not known");
		doctor_fix(f, "run as root, or: sysctl kernel.perf_event_paranoid=-1");
	} else if (fd < 0) {
		doctor_find(f, DOCTOR_MISSING, "no sampling clock: %s", strerror(-fd));
		doctor_fix(f, "use a kernel built with CONFIG_PERF_EVENTS=y");
	} else if (rate && strtoul(rate, NULL, 10) < 1000) {
		doctor_find(f, DOCTOR_LIMITED, "at most %s samples a second", rate);
		doctor_fix(f, "sysctl kernel.perf_event_max_sample_rate=100000");
	} else {
		doctor_find(
			f, DOCTOR_OK, "cpu-clock, up to %s a second", rate ? rate : "any number");
	}
}

static void check_hardware_counters(struct finding *f)
{
	struct counter_event e = {0};
	struct error error = {0};

	if (counter_event_library(&error) < 0 || counter_event_encode("cycles", &e, &error) < 0) {
		doctor_find(f, DOCTOR_LIMITED, "%s", error.text);
		return;
	}
	counter_event_probe(&e);
	if (e.reason) {
		doctor_find(f, DOCTOR_LIMITED, "none: %s; software events stand in", e.reason);
		doctor_fix(f,
			"run on hardware, or give the virtual machine a PMU (QEMU: -accel kvm -cpu "
			"host,pmu=on)");
	} else {
		doctor_find(f, DOCTOR_OK, "cycles are counted%s%s", e.note ? ", " : "",
			e.note ? e.note : "");
	}
	counter_event_done(&e);
}

static void check_counter_names(struct finding *f)
{
	struct error error = {0};
	char units[512] = "";

	if (counter_event_library(&error) < 0) {
		doctor_find(f, DOCTOR_LIMITED, "%s", error.text);
		return;
	}
	for (int i = 0; i < PFM_PMU_MAX; i++) {
		pfm_pmu_info_t unit = {.size = sizeof(unit)};
		size_t n = strlen(units);

		if (pfm_get_pmu_info((pfm_pmu_t)i, &unit) == PFM_SUCCESS && unit.is_present)
			snprintf(units + n, sizeof(units) - n, "%s%s", n ? ", " : "", unit.name);
	}
	doctor_find(f, DOCTOR_OK, "libpfm4 has names for: %s (--list-counters)", units);
}

static void check_kernel_symbols(struct finding *f)
{
	struct symbols *s = NULL;
	struct error error = {0};

	if (symbols_new(&s, &error) == 0 && symbols_kernel_status(s, &error) == 0) {
		doctor_find(f, DOCTOR_OK, "/proc/kallsyms shows addresses");
	} else {
		doctor_find(f, DOCTOR_LIMITED, "%s", error.text);
		doctor_fix(
			f, "run as root, or with CAP_SYSLOG; with: sysctl kernel.kptr_restrict=1");
	}
	symbols_free(s);
}

static void check_schedstat(struct finding *f)
{
	_cleanup_free_ char *line = read_line_at(NULL, "/proc/self/schedstat");
	unsigned long long run, wait, slices;

	if (line && sscanf(line, "%llu %llu %llu", &run, &wait, &slices) == 3 && run > 0) {
		doctor_find(f, DOCTOR_OK, "the scheduler keeps clocks of its own for every thread");
		return;
	}
	doctor_find(f, DOCTOR_LIMITED,
		"/proc/PID/schedstat tells nothing: the books cannot be audited "
		"against the scheduler's clocks");
	doctor_fix(f, "use a kernel built with CONFIG_SCHED_INFO=y");
}

static void check_limits(struct finding *f)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max < 1024) {
		doctor_find(f, DOCTOR_LIMITED, "at most %llu open files",
			(unsigned long long)files.rlim_max);
		doctor_fix(f, "ulimit -n 4096");
	} else {
		doctor_find(f, DOCTOR_OK,
			"enough open files; locked memory is no limit from Linux 5.11 on");
	}
}

const struct doctor_row doctor_kernel_rows[] = {
	{"privileges", check_privileges, true},
	{"kernel", check_kernel, true},
	{"namespaces", check_namespaces, true},
	{"kernel types (BTF)", check_btf, true},
	{"BPF compiler", check_jit, false},
	{"sampling", check_sampling, false},
	{"kernel symbols", check_kernel_symbols, false},
	{"scheduler's clocks", check_schedstat, false},
	{"hardware counters", check_hardware_counters, false},
	{"names of counters", check_counter_names, false},
	{"limits", check_limits, false},
};

const size_t doctor_kernel_rows_n = ARRAY_SIZE(doctor_kernel_rows);
