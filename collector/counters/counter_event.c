/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/counters/counter_event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

int counter_event_library(struct error *error)
{
	static bool ready;
	pfm_err_t r;

	if (ready)
		return 0;
	r = pfm_initialize();
	if (r != PFM_SUCCESS)
		return error_set(error, -EIO, "libpfm4 cannot be used: %s", pfm_strerror(r));
	ready = true;
	return 0;
}

int counter_event_open(
	const struct perf_event_attr *attr, const struct counter_target *target, int leader)
{
	struct perf_event_attr copy = *attr; /* the kernel writes to it when the size is wrong */
	long fd;

	copy.inherit = target->tree;
	fd = syscall(SYS_perf_event_open, &copy, target->tid, target->tree ? target->cpu : -1,
		leader, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

bool counter_event_is_software(const struct counter_event *e)
{
	return e->attr.type == PERF_TYPE_SOFTWARE || e->attr.type == PERF_TYPE_TRACEPOINT;
}

void counter_event_done(struct counter_event *e)
{
	free(e->name);
	*e = (struct counter_event){0};
}

int counter_event_encode(const char *name, struct counter_event *ret, struct error *error)
{
	struct counter_event e = {.name = strdup(name)};
	pfm_perf_encode_arg_t argument = {.attr = &e.attr, .size = sizeof(argument)};
	pfm_err_t r;

	if (!e.name)
		return -ENOMEM;
	/* All levels, the guest's too: a lane's cycles are its own wherever they were spent. */
	r = pfm_get_os_event_encoding(
		name, PFM_PLM0 | PFM_PLM3 | PFM_PLMH, PFM_OS_PERF_EVENT, &argument);
	if (r != PFM_SUCCESS) {
		counter_event_done(&e);
		return error_set_user(error, r == PFM_ERR_NOMEM ? -ENOMEM : -EINVAL,
			"--counters: '%s': %s (--list-counters shows what there is)", name,
			pfm_strerror(r));
	}
	e.attr.size = sizeof(e.attr);
	e.attr.read_format =
		PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	*ret = e;
	return 0;
}

/* Does the kernel offer any hardware counter? */
static bool has_hardware(void)
{
	const struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	_cleanup_close_ int fd = counter_event_open(&attr, &(struct counter_target){0}, -1);

	return fd >= 0;
}

static const char *reason_of(int code)
{
	switch (code) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
	case -EOPNOTSUPP:
		return has_hardware() ? "this processor or kernel does not have it"
				      : "this machine has no hardware counters (no PMU, or its "
					"hypervisor hides it)";
	case -EACCES:
	case -EPERM:
		return "not permitted (run as root, or lower kernel.perf_event_paranoid)";
	case -EINVAL:
		return "this kernel does not count it for a single thread";
	case -EMFILE:
	case -ENFILE:
		return "too many open files";
	default:
		return "the kernel refuses it";
	}
}

static const char note_user_only[] = "user mode only (kernel.perf_event_paranoid)";

/* What may be tried instead: each one changes @attr, and says so if the count is another then. */
static bool without_hypervisor_bit(struct perf_event_attr *attr, const char **ret_note)
{
	(void)ret_note;
	if (!attr->exclude_hv)
		return false;
	attr->exclude_hv = 0;
	return true;
}

static bool without_guest_bits(struct perf_event_attr *attr, const char **ret_note)
{
	(void)ret_note;
	if (!attr->exclude_guest && !attr->exclude_host)
		return false;
	attr->exclude_guest = attr->exclude_host = 0;
	return true;
}

/* These happen in the kernel only: without it they would count nothing, and say 0. */
static bool is_kernel_only(const struct perf_event_attr *attr)
{
	return attr->type == PERF_TYPE_TRACEPOINT ||
	       (attr->type == PERF_TYPE_SOFTWARE &&
		       (attr->config == PERF_COUNT_SW_CONTEXT_SWITCHES ||
			       attr->config == PERF_COUNT_SW_CPU_MIGRATIONS ||
			       attr->config == PERF_COUNT_SW_CGROUP_SWITCHES));
}

static bool user_mode_only(struct perf_event_attr *attr, const char **ret_note)
{
	if (attr->exclude_kernel || attr->exclude_user || is_kernel_only(attr))
		return false;
	attr->exclude_kernel = attr->exclude_hv = 1;
	*ret_note = note_user_only;
	return true;
}

static const struct {
	int code; /* the refusal that it answers */
	bool (*change)(struct perf_event_attr *attr, const char **ret_note);
} fallbacks[] = {
	{-EINVAL, without_hypervisor_bit},
	{-EINVAL, without_guest_bits},
	{-EACCES, user_mode_only},
	{-EPERM, user_mode_only},
};

void counter_event_probe(struct counter_event *e)
{
	struct perf_event_attr attr = e->attr;
	const char *note = NULL;
	int fd;

	attr.disabled = 1;
	fd = counter_event_open(&attr, &(struct counter_target){0}, -1);
	for (size_t i = 0; fd < 0 && i < ARRAY_SIZE(fallbacks); i++)
		if (fd == fallbacks[i].code && fallbacks[i].change(&attr, &note))
			fd = counter_event_open(&attr, &(struct counter_target){0}, -1);
	if (fd < 0) {
		e->reason = reason_of(fd);
		return;
	}
	close_safe(fd);
	attr.disabled = e->attr.disabled;
	e->attr = attr;
	e->reason = NULL;
	e->note = note;
}
