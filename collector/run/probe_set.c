/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/probe_set.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "collector/machine/machine.h"
#include "collector/machine/machine_files.h"
#include "collector/machine/rights.h"
#include "collector/run/probe_boot.h"
#include "collector/run/probe_load.h"
#include "common/cleanup.h"
#include "probes/charge.h"
#include "probes/guestscope.skel.h"

/* A phase begins this much after its publication, so that no charge that spans it can miss it. */
#define PHASE_LEAD_NS 50000ULL
/* Clocks of two CPUs, and the order in which one does things, differ by less. */
#define PHASE_MARGIN_NS 1000ULL
#define NS_PER_S        1000000000ULL

struct probe_set {
	struct probe_load load;
	struct guestscope_bpf *bpf; /* load.bpf */
	struct ring_buffer *ring;
	struct probe_callbacks callbacks;
	unsigned lanes;
	uint64_t start_ns;
	uint64_t last_begin_ns; /* the last boundary that was published */
	unsigned n_phases;
	uint8_t phase_of_part[PROBE_PARTS_MAX];
	struct bpf_link **sample_links;
	int n_cpus;
	struct probe_boot *boot; /* or NULL */
};

uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void on_boot(struct probe_set *p, const struct record_boot *record)
{
	probe_boot_seen(p->boot, record->event);
	if (p->callbacks.boot)
		p->callbacks.boot(record, p->callbacks.userdata);
}

static int on_record(void *userdata, void *data, size_t size)
{
	struct probe_set *p = userdata;
	uint32_t type;

	if (size < sizeof(type))
		return 0;
	memcpy(&type, data, sizeof(type));
	if (type == RECORD_LANE && size >= sizeof(struct record_lane)) {
		p->callbacks.lane(data, p->callbacks.userdata);
	} else if (type == RECORD_ON && size >= sizeof(struct record_on)) {
		p->callbacks.on(data, p->callbacks.userdata);
	} else if (type == RECORD_BOOT && size >= sizeof(struct record_boot)) {
		on_boot(p, data);
	} else if (size >= sizeof(struct record_sample)) {
		const struct record_sample *record = data;
		const uint64_t *frames = (const uint64_t *)(record + 1);
		size_t n = (size_t)record->n_kernel + record->n_user + record->guest.n_frames;

		if (size < sizeof(*record) + n * sizeof(*frames))
			return 0;
		if (type == RECORD_SAMPLE)
			p->callbacks.sample(record, frames, p->callbacks.userdata);
		else if (type == RECORD_OFF)
			p->callbacks.off(record, frames, p->callbacks.userdata);
	}
	return 0;
}

static void close_samples(struct probe_set *p)
{
	for (int i = 0; p->sample_links && i < p->n_cpus; i++)
		bpf_link__destroy(p->sample_links[i]);
	free(p->sample_links);
	p->sample_links = NULL;
}

static int clock_error(int r, int cpu, struct error *error)
{
	_cleanup_free_ char *paranoid = read_line_at(NULL, "/proc/sys/kernel/perf_event_paranoid");

	if (r == -EACCES || r == -EPERM)
		return error_set(error, r,
			"the sampling clock is forbidden (kernel.perf_event_paranoid is %s%s): run "
			"as "
			"root or with CAP_PERFMON, outside of filters of system calls, or: sysctl "
			"kernel.perf_event_paranoid=-1",
			paranoid ? paranoid : "not known",
			rights_have_seccomp_filter() ? ", and there is a seccomp filter" : "");
	return error_set_errno(error, r, "cannot open the sampling clock of CPU %d", cpu);
}

static int attach_samples(struct probe_set *p, const struct probe_options *o, struct error *error)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		/* A period, not a frequency: there is nothing for the kernel to adjust at each
		   tick. */
		.sample_period = NS_PER_S / o->frequency_hz,
		.exclude_idle = 1,
		/* KVM on Intel: the guest's RIP, which the kernel then reads for us. */
		.sample_type = o->guest == GUEST_KVM ? PERF_SAMPLE_IP : 0,
	};
	struct bpf_program *program = probe_set_has(p, PROBE_PART_GUEST)
					      ? p->bpf->progs.on_sample_guest
					      : p->bpf->progs.on_sample;

	p->n_cpus = libbpf_num_possible_cpus();
	if (p->n_cpus < 1)
		return error_set(error, -EINVAL, "cannot tell the number of CPUs");
	p->sample_links = calloc((size_t)p->n_cpus, sizeof(struct bpf_link *));
	if (!p->sample_links)
		return -ENOMEM;
	for (int cpu = 0; cpu < p->n_cpus; cpu++) {
		int fd =
			(int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0) {
			if (errno == ENODEV || errno == ENXIO) /* offline */
				continue;
			return clock_error(-errno, cpu, error);
		}
		p->sample_links[cpu] = bpf_program__attach_perf_event(program, fd);
		if (!p->sample_links[cpu]) {
			int r = -errno;

			close(fd);
			return error_set_errno(error, r, "cannot attach to the sampling clock");
		}
	}
	return 0;
}

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
	struct error why = {0};
	int r;

	if (!(p->load.parts >> PROBE_PART_SAMPLING & 1))
		return 0;
	r = attach_samples(p, o, &why);
	if (r >= 0 || r == -ENOMEM)
		return r == -ENOMEM ? error_set_errno(error, r, "cannot take samples") : 0;
	close_samples(p);
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
	p->ring = ring_buffer__new(bpf_map__fd(p->bpf->maps.ring), on_record, p, NULL);
	if (!p->ring)
		return error_set_errno(error, -errno, "cannot map the ring buffer");
	return 0;
}

int probe_set_open(const struct probe_options *options, const struct probe_callbacks *callbacks,
	struct probe_set **ret, struct error *error)
{
	struct probe_set *p;
	int r;

	if (options->lanes > PROBE_LANES_MAX)
		return error_set_user(
			error, -EINVAL, "at most %d lanes can be watched", PROBE_LANES_MAX);
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->callbacks = *callbacks;
	p->lanes = options->lanes;
	r = open_all(p, options, error);
	if (r < 0) {
		probe_set_close(p);
		return r;
	}
	*ret = p;
	return 0;
}

static void read_thread_name(pid_t tgid, pid_t tid, char ret[static PROBE_NAME_SIZE])
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64];

	memset(ret, 0, PROBE_NAME_SIZE);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", tgid, tid);
	f = fopen(path, "re");
	if (f && fgets(ret, PROBE_NAME_SIZE, f))
		ret[strcspn(ret, "\n")] = '\0';
}

static int add_task(struct probe_set *p, pid_t tgid, pid_t tid, int lane, enum task_run run)
{
	uint32_t key = (uint32_t)tid;
	struct task_record record = {
		.lane = lane,
		.tgid = (uint32_t)tgid,
		.origin = (uint32_t)tgid,
		.run = run,
		.base_state = STATE_ONCPU,
	};

	read_thread_name(tgid, tid, record.name);
	if (bpf_map_update_elem(bpf_map__fd(p->bpf->maps.adopted), &key, &record, BPF_NOEXIST) == 0)
		__atomic_fetch_add(&p->bpf->bss->adopted_left, 1, __ATOMIC_SEQ_CST);
	else if (errno == E2BIG)
		__atomic_fetch_add(&p->bpf->bss->losses.tasks, 1, __ATOMIC_SEQ_CST);
	else if (errno != EEXIST)
		return -errno;
	return 0;
}

int probe_set_adopt(struct probe_set *p, const struct probe_adoption *thread)
{
	int lane = thread->lane >= 0 && (unsigned)thread->lane < p->lanes ? thread->lane
									  : PROBE_LANE_NONE;

	if (lane != PROBE_LANE_NONE) {
		struct lane_record *l = &p->bpf->bss->lanes[lane];

		l->members++;
		l->base_state = STATE_ONCPU;
		l->state = thread->state;
		l->detail.number = thread->detail;
	}
	return add_task(p, thread->tgid, thread->tid, lane, TASK_UNKNOWN);
}

int probe_set_follow(struct probe_set *p, pid_t pid)
{
	/* It is held, before its first instruction. */
	return add_task(p, pid, pid, PROBE_LANE_NONE, TASK_ASLEEP);
}

int probe_set_boot(struct probe_set *p, const struct probe_boot_plan *plan, struct error *error)
{
	return probe_boot_attach(p->bpf, plan, &p->boot, error);
}

void probe_set_guest_ram(struct probe_set *p, const struct guest_ram_block *blocks, size_t n)
{
	struct guestscope_bpf__bss *bss = p->bpf->bss;

	for (size_t i = 0; i < n && i < GUEST_RAM_BLOCKS; i++)
		memcpy((void *)&bss->guest_ram[i], &blocks[i], sizeof(blocks[i]));
	__atomic_store_n(&bss->guest_ram_count,
		(uint32_t)(n < GUEST_RAM_BLOCKS ? n : GUEST_RAM_BLOCKS), __ATOMIC_SEQ_CST);
}

void probe_set_guest_root(struct probe_set *p, const struct guest_root *root)
{
	memcpy((void *)&p->bpf->bss->guest_root, root, sizeof(*root));
}

const void *probe_set_guest_object(const struct probe_set *p)
{
	const struct guest_tcg_object *object = &p->bpf->bss->guest_tcg_object;

	return __atomic_load_n(&object->taken, __ATOMIC_SEQ_CST) ? object->bytes : NULL;
}

void probe_set_guest_layout(struct probe_set *p, const struct guest_tcg_layout *layout)
{
	struct guestscope_bpf__bss *bss = p->bpf->bss;

	memcpy((void *)&bss->guest_tcg_layout, layout, sizeof(*layout));
	__atomic_store_n(&bss->guest_tcg_known, 1, __ATOMIC_SEQ_CST);
}

uint64_t probe_set_start(struct probe_set *p)
{
	struct guestscope_bpf__bss *bss = p->bpf->bss;

	p->start_ns = clock_ns();
	p->last_begin_ns = p->start_ns;
	p->n_phases = 1;
	bss->phase_start_ns[0] = p->start_ns;
	for (unsigned i = 0; i < p->lanes; i++) {
		struct lane_record *l = &bss->lanes[i];

		l->since_ns = p->start_ns;
		if (l->members) /* adopted: its state is set */
			continue;
		l->state = STATE_BLOCKED;
		l->detail.number = PROBE_DETAIL(CAUSE_NOT_CREATED, 0, 0);
	}
	__atomic_store_n(&bss->gate, 1, __ATOMIC_SEQ_CST);
	return p->start_ns;
}

/* Begin a part of the books at @begin_ns. Returns whether every event from then on knows of it. */
static bool publish_part(struct probe_set *p, uint64_t begin_ns)
{
	uint32_t *count = &p->bpf->data->phase_count;

	__atomic_store_n(&p->bpf->bss->phase_start_ns[*count], begin_ns, __ATOMIC_SEQ_CST);
	__atomic_store_n(count, *count + 1, __ATOMIC_SEQ_CST);
	return clock_ns() + PHASE_MARGIN_NS < begin_ns;
}

uint64_t probe_set_phase(struct probe_set *p)
{
	uint32_t *count = &p->bpf->data->phase_count;
	uint64_t lead = PHASE_LEAD_NS, begin;
	bool in_time = false;

	if (p->n_phases >= PROBE_PHASES_MAX)
		return 0;
	/*
	 * If we were held up until the boundary lay in the past, some lanes may have crossed it and
	 * others charged time beyond it. Then it stays where it is and divides nothing: both its
	 * sides are the phase before, and another one is tried, further ahead.
	 */
	while (!in_time) {
		if (*count >= PROBE_PARTS_MAX)
			return 0;
		p->phase_of_part[*count] = (uint8_t)(p->n_phases - 1);
		begin = clock_ns() + lead;
		/* The one before may lie further ahead than this. */
		if (begin <= p->last_begin_ns)
			begin = p->last_begin_ns + 1;
		p->last_begin_ns = begin;
		in_time = publish_part(p, begin);
		lead *= 2;
	}
	p->phase_of_part[*count - 1] = (uint8_t)p->n_phases++;
	return begin;
}

int probe_set_fd(const struct probe_set *p)
{
	return ring_buffer__epoll_fd(p->ring);
}

void probe_set_consume(struct probe_set *p)
{
	ring_buffer__consume(p->ring);
}

/* Where nothing else adds any more. */
static void add_to_account(struct probe_set *p, const struct account_key *key, uint64_t ns)
{
	int map = bpf_map__fd(p->bpf->maps.accounts);
	struct account_value value = {0};

	bpf_map_lookup_elem(map, key, &value);
	value.ns += ns;
	value.count++;
	if (bpf_map_update_elem(map, key, &value, BPF_ANY) < 0)
		p->bpf->bss->losses.accounts++;
}

static void charge(struct probe_set *p, unsigned id, uint64_t ns)
{
	struct lane_record *l = &p->bpf->bss->lanes[id];
	struct account_key key = charge_account(id, l->phase, l->state, &l->detail);

	if (charge_has_account(&l->detail)) {
		add_to_account(p, &key, ns);
	} else {
		l->ns[l->phase][l->state] += ns;
		l->count[l->phase][l->state]++;
	}
}

/* The interval that is open at the end. */
static void charge_open_interval(struct probe_set *p, unsigned id, uint64_t end_ns)
{
	struct guestscope_bpf__bss *bss = p->bpf->bss;
	struct lane_record *l = &bss->lanes[id];

	while (l->since_ns < end_ns && l->phase < PROBE_PARTS_MAX) {
		uint32_t next = l->phase + 1;
		bool is_last = next >= p->bpf->data->phase_count;
		uint64_t until =
			charge_part_end(is_last ? NULL : &bss->phase_start_ns[next], end_ns);

		if (until > l->since_ns) {
			charge(p, id, until - l->since_ns);
			l->since_ns = until;
		}
		if (until < end_ns)
			l->phase = next;
	}
}

static void close_lane(struct probe_set *p, unsigned id, uint64_t end_ns)
{
	struct lane_record *l = &p->bpf->bss->lanes[id];

	if (l->state == STATE_BLOCKED && l->waking_ns > l->last_in_ns &&
		l->waking_ns > l->since_ns && l->waking_ns < end_ns) {
		charge_open_interval(p, id, l->waking_ns);
		l->state = STATE_WAKEUP;
		l->detail.number = 0;
	}
	charge_open_interval(p, id, end_ns);
}

/* Part @part of a lane's books belongs to @phase, which is that part or an earlier one. */
static void fold_part(struct lane_record *l, unsigned part, unsigned phase)
{
	if (part == phase)
		return;
	for (unsigned state = 0; state < STATE_COUNT; state++) {
		l->ns[phase][state] += l->ns[part][state];
		l->count[phase][state] += l->count[part][state];
		l->ns[part][state] = l->count[part][state] = 0;
	}
	l->switches[phase] += l->switches[part];
	l->switches[part] = 0;
	if (!l->first[phase].time_ns)
		l->first[phase] = l->first[part];
	if (l->last[part].time_ns)
		l->last[phase] = l->last[part];
	l->first[part] = l->last[part] = (struct audit_point){0};
}

/* The CPU time of a helper that is still in its own record; its open interval too. */
static void close_helper(struct probe_set *p, struct task_record *t, uint64_t end_ns)
{
	struct probe_detail who = charge_helper(t);
	struct account_key key;

	if (t->run == TASK_ON_CPU && t->in_ns && t->in_ns < end_ns)
		t->helper_ns += end_ns - t->in_ns;
	key = charge_account(PROBE_LANE_HELPER, t->helper_phase, STATE_ONCPU, &who);
	if (t->helper_ns)
		add_to_account(p, &key, t->helper_ns);
}

/* What was counted of threads that are still there. */
static void keep_events(struct probe_set *p, const struct task_record *t)
{
	for (unsigned i = 0; (unsigned)t->lane < p->lanes && i < EVENT_COUNT; i++)
		p->bpf->bss->lanes[t->lane].events[i] += charge_events(t, i);
}

static void close_tasks(struct probe_set *p, uint64_t end_ns)
{
	int tasks = bpf_map__fd(p->bpf->maps.tasks);
	uint64_t task, *previous = NULL;

	while (bpf_map_get_next_key(tasks, previous, &task) == 0) {
		struct task_record t;

		previous = &task;
		if (bpf_map_lookup_elem(tasks, &task, &t) < 0)
			continue;
		if (t.lane < 0)
			close_helper(p, &t, end_ns);
		else
			keep_events(p, &t);
	}
}

void probe_set_finish(struct probe_set *p, uint64_t end_ns)
{
	struct timespec pause = {.tv_nsec = 2000000};

	while (clock_ns() < end_ns)
		;
	__atomic_store_n(&p->bpf->bss->gate, 0, __ATOMIC_SEQ_CST);
	/* A program that passed the gate before it closed has ended long before this is over:
	 * programs cannot sleep. Detaching waits for a grace period as well. */
	nanosleep(&pause, NULL);
	probe_boot_detach(p->boot);
	p->boot = NULL;
	probe_load_detach(&p->load);
	ring_buffer__consume(p->ring);
	for (unsigned i = 0; i < p->lanes; i++) {
		close_lane(p, i, end_ns);
		for (unsigned part = 0; part < PROBE_PARTS_MAX; part++)
			fold_part(&p->bpf->bss->lanes[i], part, p->phase_of_part[part]);
	}
	close_tasks(p, end_ns);
}

bool probe_set_has(const struct probe_set *p, enum probe_part part)
{
	return p->load.parts >> part & 1;
}

const struct lane_record *probe_set_lane(const struct probe_set *p, unsigned lane)
{
	return &p->bpf->bss->lanes[lane];
}

int probe_set_accounts(const struct probe_set *p, struct counted_account **ret, size_t *ret_n)
{
	int map = bpf_map__fd(p->bpf->maps.accounts);
	size_t n = 0, most = bpf_map__max_entries(p->bpf->maps.accounts);
	struct counted_account *all = calloc(most, sizeof(*all));
	struct account_key key, *previous = NULL;

	if (!all)
		return -ENOMEM;
	while (n < most && bpf_map_get_next_key(map, previous, &key) == 0) {
		previous = &key;
		if (bpf_map_lookup_elem(map, &key, &all[n].value) != 0)
			continue;
		all[n].key = key;
		if (key.phase < PROBE_PARTS_MAX)
			all[n].key.phase = p->phase_of_part[key.phase];
		n++;
	}
	*ret = all;
	*ret_n = n;
	return 0;
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
	close_samples(p);
	probe_load_done(&p->load);
	free(p);
}
