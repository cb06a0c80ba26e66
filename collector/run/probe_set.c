/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/probe_set.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
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
#include "collector/run/probe_boot.h"
#include "common/cleanup.h"
#include "probes/guestscope.skel.h"

/* A phase begins this much after its publication, so that no charge that spans it can miss it. */
#define PHASE_LEAD_NS 50000ULL
#define NS_PER_S      1000000000ULL

struct probe_set {
	struct guestscope_bpf *bpf;
	struct ring_buffer *ring;
	struct probe_callbacks callbacks;
	unsigned lanes;
	uint64_t start_ns;
	struct bpf_link **sample_links;
	int n_cpus;
	bool has_kvm_events;
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

/* sched_switch got the previous task's state as an argument in 5.18; ask the kernel's own types. */
static bool switch_has_state_argument(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool has = false;
	int id;

	if (!btf)
		return false;
	id = btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);
	if (id > 0) {
		const struct btf_type *t = btf__type_by_id(btf, (uint32_t)id);

		t = btf__type_by_id(btf, t->type); /* pointer */
		t = btf__type_by_id(btf, t->type); /* function: context and the arguments */
		has = btf_is_func_proto(t) && btf_vlen(t) >= 5;
	}
	btf__free(btf);
	return has;
}

static uint32_t processor_isa(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/cpuinfo", "re");
	char line[4096];

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "flags", 5) == 0)
			return strstr(line, " svm") ? ISA_SVM : ISA_VMX;
	return ISA_VMX;
}

static void set_knobs(struct probe_set *p, const struct probe_options *o)
{
	struct guestscope_bpf__rodata *knobs = p->bpf->rodata;

	knobs->lane_count = o->lanes;
	snprintf((char *)knobs->lane_prefix, sizeof(knobs->lane_prefix), "%s", o->lane_prefix);
	knobs->lane_prefix_length = (uint32_t)strlen(o->lane_prefix);
	if (o->exec_path)
		snprintf((char *)knobs->exec_path, sizeof(knobs->exec_path), "%s", o->exec_path);
	knobs->watch_throttling = o->throttling;
	knobs->watch_offcpu = o->offcpu;
	knobs->watch_servers = o->servers;
	knobs->user_stacks = o->user_stacks;
	knobs->state_is_argument = switch_has_state_argument();
	knobs->kvm_isa = processor_isa();
	knobs->guest_source = o->guest;
	memcpy((void *)&knobs->guest_tcg_layout, &o->guest_layout, sizeof(o->guest_layout));
}

/* @btf, or @module, which builds on it. Neither: libbpf will tell better what is missing. */
static bool kernel_has_event(const struct btf *btf, const struct btf *module, const char *event)
{
	const struct btf *types = module ? module : btf;
	char name[128];

	snprintf(name, sizeof(name), "btf_trace_%s", event);
	return !types || btf__find_by_name_kind(types, name, BTF_KIND_TYPEDEF) > 0;
}

/* One without the others would charge time to a state that has no end. */
static bool has_kvm_events(const struct btf *btf, const struct btf *module)
{
	static const char *const events[] = {"kvm_entry", "kvm_exit", "kvm_userspace_exit"};

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (!kernel_has_event(btf, module, events[i]))
			return false;
	return true;
}

/* Programs that this run does not need, or whose event this kernel does not have, stay out. KVM's
 * events are those of a module in most kernels. */
static void choose_programs(struct probe_set *p, const struct probe_options *o)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct btf *kvm = btf && o->kvm ? btf__load_module_btf("kvm", btf) : NULL;
	struct bpf_program *program;

	p->has_kvm_events = o->kvm && has_kvm_events(btf, kvm);
	bpf_object__for_each_program(program, p->bpf->obj)
	{
		const char *section = bpf_program__section_name(program);
		const char *event = strchr(section, '/') ? strchr(section, '/') + 1 : "";
		bool load = true;

		if (strncmp(event, "sys_", 4) == 0)
			load = o->exact_split;
		else if (strncmp(event, "kvm_", 4) == 0)
			load = p->has_kvm_events && kernel_has_event(btf, kvm, event);
		else if (strcmp(section, "perf_event") == 0)
			load = o->oncpu;
		else if (strncmp(bpf_program__name(program), "on_boot_", 8) == 0)
			load = o->boot;
		else if (strncmp(section, "tp_btf/", 7) == 0)
			load = kernel_has_event(btf, NULL, event);
		if (strcmp(section, "uprobe") == 0)
			bpf_program__set_autoattach(program, false);
		bpf_program__set_autoload(program, load);
	}
	btf__free(kvm);
	btf__free(btf);
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
	};

	p->n_cpus = libbpf_num_possible_cpus();
	if (p->n_cpus < 1)
		return error_set(error, -EINVAL, "cannot tell the number of CPUs");
	p->sample_links = calloc((size_t)p->n_cpus, sizeof(*p->sample_links));
	if (!p->sample_links)
		return -ENOMEM;
	for (int cpu = 0; cpu < p->n_cpus; cpu++) {
		int fd =
			(int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0) {
			if (errno == ENODEV || errno == ENXIO) /* offline */
				continue;
			return error_set_errno(
				error, -errno, "cannot open the sampling clock of CPU %d", cpu);
		}
		p->sample_links[cpu] = bpf_program__attach_perf_event(p->bpf->progs.on_sample, fd);
		if (!p->sample_links[cpu]) {
			int r = -errno;

			close(fd);
			return error_set_errno(error, r, "cannot attach to the sampling clock");
		}
	}
	return 0;
}

static int load_error(int r, struct error *error)
{
	if (r == -EPERM || r == -EACCES)
		return error_set(error, -EPERM,
			"not allowed to load eBPF programs: run as root (sudo), or with "
			"CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE");
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return error_set(error, -ENOENT,
			"this kernel has no BTF (/sys/kernel/btf/vmlinux): a kernel built with "
			"CONFIG_DEBUG_INFO_BTF is needed, as every distribution's is since 2021");
	return error_set_errno(error, r, "cannot load the eBPF programs");
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

int probe_set_open(const struct probe_options *options, const struct probe_callbacks *callbacks,
	struct probe_set **ret, struct error *error)
{
	struct probe_set *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	if (options->lanes > PROBE_LANES_MAX) {
		free(p);
		return error_set_user(
			error, -EINVAL, "at most %d lanes can be watched", PROBE_LANES_MAX);
	}
	p->callbacks = *callbacks;
	p->lanes = options->lanes;
	r = check_namespaces(error);
	if (r < 0)
		goto fail;
	p->bpf = guestscope_bpf__open();
	if (!p->bpf) {
		r = error_set_errno(error, -errno, "cannot open the eBPF programs");
		goto fail;
	}
	set_knobs(p, options);
	choose_programs(p, options);
	r = guestscope_bpf__load(p->bpf);
	if (r < 0) {
		r = load_error(r, error);
		goto fail;
	}
	if (options->oncpu) {
		bpf_program__set_autoattach(p->bpf->progs.on_sample, false);
		r = attach_samples(p, options, error);
		if (r < 0)
			goto fail;
	}
	r = guestscope_bpf__attach(p->bpf);
	if (r < 0) {
		r = error_set_errno(error, r, "cannot attach the eBPF programs");
		goto fail;
	}
	p->ring = ring_buffer__new(bpf_map__fd(p->bpf->maps.ring), on_record, p, NULL);
	if (!p->ring) {
		r = error_set_errno(error, -errno, "cannot map the ring buffer");
		goto fail;
	}
	*ret = p;
	return 0;
fail:
	probe_set_close(p);
	return r;
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
		.run = run,
		.base_state = STATE_ONCPU,
	};

	read_thread_name(tgid, tid, record.name);
	if (bpf_map_update_elem(bpf_map__fd(p->bpf->maps.tasks), &key, &record, BPF_NOEXIST) < 0)
		return errno == EEXIST ? 0 : -errno;
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

bool probe_set_guest_known(const struct probe_set *p, unsigned lane)
{
	return p->bpf->bss->guest_tcg_vcpus[lane].env != 0;
}

uint64_t probe_set_start(struct probe_set *p)
{
	struct guestscope_bpf__bss *bss = p->bpf->bss;

	p->start_ns = clock_ns();
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

uint64_t probe_set_phase(struct probe_set *p)
{
	struct guestscope_bpf__bss *bss = p->bpf->bss;
	uint32_t *count = &p->bpf->data->phase_count;
	uint64_t begin;

	if (*count >= PROBE_PHASES_MAX)
		return 0;
	/* Announced first, then placed, and placed again if we were held up until it lay in the
	 * past. */
	__atomic_store_n(&bss->phase_start_ns[*count], UINT64_MAX, __ATOMIC_SEQ_CST);
	__atomic_store_n(count, *count + 1, __ATOMIC_SEQ_CST);
	do {
		begin = clock_ns() + PHASE_LEAD_NS;
		__atomic_store_n(&bss->phase_start_ns[*count - 1], begin, __ATOMIC_SEQ_CST);
	} while (clock_ns() >= begin);
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

/* User space's twin of lane_charge() in probes/lane.bpf.h, for the interval that is open at the
 * end. */
static void charge_open_interval(struct probe_set *p, unsigned id, uint64_t end_ns)
{
	struct guestscope_bpf__bss *bss = p->bpf->bss;
	struct lane_record *l = &bss->lanes[id];
	uint64_t from = l->since_ns;

	while (from < end_ns && l->phase < PROBE_PHASES_MAX) {
		uint32_t next = l->phase + 1;
		uint64_t until = end_ns;

		if (next < p->bpf->data->phase_count && bss->phase_start_ns[next] < end_ns)
			until = bss->phase_start_ns[next];
		if (until > from) {
			if (l->detail.number == 0) {
				l->ns[l->phase][l->state] += until - from;
				l->count[l->phase][l->state]++;
			} else {
				struct account_key key = {.lane = (uint16_t)id,
					.phase = (uint8_t)l->phase,
					.state = (uint8_t)l->state,
					.detail = l->detail};
				struct account_value value = {0};
				int map = bpf_map__fd(p->bpf->maps.accounts);

				bpf_map_lookup_elem(map, &key, &value);
				value.ns += until - from;
				value.count++;
				if (bpf_map_update_elem(map, &key, &value, BPF_ANY) < 0)
					bss->losses.accounts++;
			}
			from = until;
		}
		if (from < end_ns)
			l->phase = next;
	}
	l->since_ns = from;
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

/* Helpers' CPU time that is still in their own records; their open interval too. */
static void close_helpers(struct probe_set *p, uint64_t end_ns)
{
	int tasks = bpf_map__fd(p->bpf->maps.tasks), map = bpf_map__fd(p->bpf->maps.accounts);
	uint32_t pid, *previous = NULL;

	while (bpf_map_get_next_key(tasks, previous, &pid) == 0) {
		struct account_key key = {.lane = PROBE_LANE_HELPER, .state = STATE_ONCPU};
		struct account_value value = {0};
		struct task_record t;

		previous = &pid;
		if (bpf_map_lookup_elem(tasks, &pid, &t) < 0 || t.lane >= 0)
			continue;
		if (t.run == TASK_ON_CPU && t.in_ns && t.in_ns < end_ns)
			t.helper_ns += end_ns - t.in_ns;
		if (!t.helper_ns)
			continue;
		key.phase = (uint8_t)t.helper_phase;
		memcpy(key.detail.name, t.name, sizeof(key.detail.name));
		bpf_map_lookup_elem(map, &key, &value);
		value.ns += t.helper_ns;
		value.count++;
		if (bpf_map_update_elem(map, &key, &value, BPF_ANY) < 0)
			p->bpf->bss->losses.accounts++;
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
	guestscope_bpf__detach(p->bpf);
	ring_buffer__consume(p->ring);
	for (unsigned i = 0; i < p->lanes; i++)
		close_lane(p, i, end_ns);
	close_helpers(p, end_ns);
}

bool probe_set_has_kvm_events(const struct probe_set *p)
{
	return p->has_kvm_events;
}

const struct lane_record *probe_set_lane(const struct probe_set *p, unsigned lane)
{
	return &p->bpf->bss->lanes[lane];
}

int probe_set_accounts(struct probe_set *p,
	void (*each)(
		const struct account_key *key, const struct account_value *value, void *userdata),
	void *userdata)
{
	int map = bpf_map__fd(p->bpf->maps.accounts);
	struct account_key key, *previous = NULL;

	while (bpf_map_get_next_key(map, previous, &key) == 0) {
		struct account_value value;

		if (bpf_map_lookup_elem(map, &key, &value) == 0)
			each(&key, &value, userdata);
		previous = &key;
	}
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
	for (int i = 0; p->sample_links && i < p->n_cpus; i++)
		bpf_link__destroy(p->sample_links[i]);
	free(p->sample_links);
	guestscope_bpf__destroy(p->bpf);
	free(p);
}
