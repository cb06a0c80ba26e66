/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "collector/doctor/doctor_internal.h"
#include "collector/machine/machine.h"
#include "collector/probes/probe_boot.h"
#include "collector/probes/probe_refusal.h"
#include "collector/probes/probe_set.h"
#include "common/cleanup.h"
#include "common/version.h"

/* Names of the parts that are tried, for the reader. */
static const struct {
	enum probe_part part;
	const char *name;
} parts[] = {
	{PROBE_PART_BOOKS, "the scheduler's events"},
	{PROBE_PART_SYSCALLS, "system calls"},
	{PROBE_PART_KVM, "entries and exits of vCPUs"},
	{PROBE_PART_SAMPLING, "sampling"},
	{PROBE_PART_GUEST, "stacks of guests"},
	{PROBE_PART_EXITS, "stacks at exits"},
	{PROBE_PART_BOOT, "the steps of the boot"},
};

static void on_warning(const char *sentence, void *userdata)
{
	struct finding *f = userdata;
	size_t n = strlen(f->text);

	snprintf(f->text + n, sizeof(f->text) - n, "%s%s", n ? "; " : "", sentence);
}

static void find_parts(struct finding *f, const struct probe_set *probes)
{
	char names[256] = "";

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		size_t n = strlen(names);

		if (probe_set_has(probes, parts[i].part))
			snprintf(
				names + n, sizeof(names) - n, "%s%s", n ? ", " : "", parts[i].name);
	}
	doctor_find(f, DOCTOR_OK, "loaded and attached (compiled by %s): %s",
		version_probes_compiler, names);
}

/* The very programs of a run, behind their closed gate: nothing is recorded. The breakpoints of the
 * boot are put where this process began, which it does not do again. */
static void try_probes(struct finding *f, const struct probe_options *options)
{
	const struct probe_callbacks callbacks = {.warn = on_warning, .userdata = f};
	const struct probe_boot_plan plan = {.pid = getpid(), .program = "/proc/self/exe"};
	struct probe_set *probes = NULL;
	struct error error = {0};

	if (probe_set_open(options, &callbacks, &probes, &error) < 0) {
		doctor_find(f, DOCTOR_MISSING, "%s", error.text);
		return;
	}
	if (probe_set_has(probes, PROBE_PART_BOOT) && probe_set_boot(probes, &plan, &error) < 0)
		on_warning(error.text, f);
	if (f->text[0])
		f->status = DOCTOR_LIMITED;
	else
		find_parts(f, probes);
	probe_set_close(probes);
}

static void check_probes(struct finding *f)
{
	const struct probe_options options = {
		.lanes = 1,
		.lane_prefix = "CPU ",
		.exec_path = "/proc/self/exe",
		.exact_split = true,
		.throttling = true,
		.oncpu = true,
		.offcpu = true,
		.user_stacks = true,
		.boot = true,
		.servers = true,
		.timeline = TIMELINE_BUDGET,
		.frequency_hz = 49,
		.guest = GUEST_TCG,
	};

	try_probes(f, &options);
}

static void check_kvm_probes(struct finding *f)
{
	const struct probe_options options = {
		.lanes = 1,
		.lane_prefix = "CPU ",
		.kvm = true,
		.oncpu = true,
		.exits = true,
		.timeline = TIMELINE_BUDGET,
		.frequency_hz = 49,
		.guest = GUEST_KVM,
	};

	if (access("/dev/kvm", F_OK) < 0) {
		doctor_find(f, DOCTOR_LIMITED, "not tried: there is no /dev/kvm");
		doctor_fix(f, "see \"KVM\" below");
		return;
	}
	try_probes(f, &options);
}

/* What forbids every eBPF program. */
static void check_bpf(struct finding *f)
{
	struct error error = {0};

	if (refusal_of_machine(&error) < 0)
		doctor_find(f, DOCTOR_MISSING, "%s", error.text);
	else
		doctor_find(f, DOCTOR_OK, "bpf() works");
}

const struct doctor_row doctor_probe_rows[] = {
	{"BPF", check_bpf, true},
	{"probes", check_probes, true},
	{"probes for KVM", check_kvm_probes, false},
};

const size_t doctor_probe_rows_n = ARRAY_SIZE(doctor_probe_rows);
