/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/probes/probe_set.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "collector/machine/machine.h"
#include "collector/probes/probe_boot.h"
#include "collector/probes/probe_set_internal.h"
#include "collector/probes/probe_timeline.h"

/* What the kernel's events say of processes and times has to mean the same to us. */
static int check_namespaces(struct error *error)
{
	if (!machine_in_first_namespace(MACHINE_PID_NAMESPACE))
		return error_set(error, -EPERM,
			"the collector is in a PID namespace of its own, as in a container, where "
			"processes have other numbers than the kernel's events: run it on the "
			"host, or in a container made with --pid=host");
	if (!machine_in_first_namespace(MACHINE_TIME_NAMESPACE))
		return error_set(error, -EPERM,
			"the collector is in a time namespace of its own, where clocks differ from "
			"those of the kernel's events: run it outside of it");
	return 0;
}

/* Where the clocks cannot be had, the rest of the run can. */
static int sample_or_warn(struct probe_set *p, const struct probe_options *o, struct error *error)
{
	struct bpf_program *program = probe_set_has(p, PROBE_PART_GUEST)
					      ? p->bpf->progs.on_sample_guest
					      : p->bpf->progs.on_sample;
	struct error why = {0};
	int r;

	if (!probe_set_has(p, PROBE_PART_SAMPLING))
		return 0;
	r = probe_clocks_open(&p->clocks, program, o->frequency_hz, o->guest == GUEST_KVM, &why);
	if (r >= 0 || r == -ENOMEM)
		return r == -ENOMEM ? error_set_errno(error, r, "cannot take samples") : 0;
	probe_clocks_close(&p->clocks);
	p->load.parts &= ~(1U << PROBE_PART_SAMPLING | 1U << PROBE_PART_GUEST);
	if (p->callbacks.warn) {
		error_prefix(&why, r, "there are no on-CPU samples");
		p->callbacks.warn(why.text, p->callbacks.userdata);
	}
	return 0;
}

static int open_all(struct probe_set *p, const struct probe_options *options, struct error *error)
{
	int r = check_namespaces(error);

	if (r < 0)
		return r;
	r = probe_load(options, &p->load, p->callbacks.warn, p->callbacks.userdata, error);
	if (r < 0)
		return r;
	p->bpf = p->load.bpf;
	r = sample_or_warn(p, options, error);
	if (r < 0)
		return r;
	r = probe_unwind_open(p);
	if (r < 0)
		return error_set_errno(error, r, "cannot map the unwind tables");
	p->ring = ring_buffer__new(bpf_map__fd(p->bpf->maps.ring), probe_on_record, p, NULL);
	if (!p->ring)
		return error_set_errno(error, -errno, "cannot map the ring buffer");
	r = probe_timeline_open(p, options);
	return r < 0 ? error_set_errno(error, r, "cannot map the timeline's ring buffer") : 0;
}

/* By name, and by CPU. */
static unsigned n_lanes(const struct probe_options *o)
{
	return o->program && o->lane_cpus ? 2 * o->lanes : o->lanes;
}

int probe_set_open(const struct probe_options *options, const struct probe_callbacks *callbacks,
	struct probe_set **ret, struct error *error)
{
	struct probe_set *p;
	int r;

	if (options->lanes > PROBE_LANES_MAX)
		return error_set_user(
			error, -EINVAL, "at most %u lanes can be watched here", PROBE_LANES_MAX);
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->callbacks = *callbacks;
	p->lanes = n_lanes(options);
	r = open_all(p, options, error);
	if (r < 0) {
		probe_set_close(p);
		return r;
	}
	*ret = p;
	return 0;
}

int probe_set_boot(struct probe_set *p, const struct probe_boot_plan *plan, struct error *error)
{
	return probe_boot_attach(p->bpf, plan, &p->boot, error);
}

int probe_set_fd(const struct probe_set *p)
{
	return ring_buffer__epoll_fd(p->ring);
}

struct probe_program probe_set_program(const struct probe_set *p)
{
	const struct guestscope_bpf__bss *bss = p->bpf->bss;

	return (struct probe_program){
		.begin_ns = bss->program_begin_ns,
		.end_ns = bss->program_end_ns,
		.tgid = (pid_t)bss->program_tgid,
	};
}

void probe_set_consume(struct probe_set *p)
{
	ring_buffer__consume(p->ring);
	if (p->timeline)
		probe_timeline_turn(p);
}

bool probe_set_has(const struct probe_set *p, enum probe_part part)
{
	return p->load.parts >> part & 1;
}

struct probe_losses probe_set_losses(const struct probe_set *p)
{
	return p->bpf->bss->losses;
}

void probe_set_close(struct probe_set *p)
{
	if (!p)
		return;
	probe_boot_detach(p->boot);
	ring_buffer__free(p->ring);
	probe_clocks_close(&p->clocks);
	probe_unwind_close(p);
	timeline_free(p->timeline);
	probe_load_done(&p->load);
	free(p);
}
