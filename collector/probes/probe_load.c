/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/probes/probe_load.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/probes/probe_refusal.h"
#include "collector/probes/vmx.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/text_file.h"
#include "probes/guestscope.skel.h"

/* What a run is without a part of the programs. */
static const char *const costs[PROBE_PARTS] = {
	[PROBE_PART_SYSCALLS] =
		"user and kernel time are told apart by samples instead of by events",
	[PROBE_PART_KVM] =
		("guest, kernel and vmm are told apart by samples, and there are no reasons "
		 "of exits"),
	[PROBE_PART_SAMPLING] = "there are no on-CPU samples",
	[PROBE_PART_GUEST] = "there are no stacks of the guest",
	[PROBE_PART_BOOT] = "the boot is not taken apart",
	[PROBE_PART_EXITS] = "there is no flame graph of exits",
	[PROBE_PART_QUEUES] = ("it is not known which vCPUs waited for the host while threads "
			       "waited for them"),
};

#define N_PROGRAMS (sizeof(((struct guestscope_bpf *)0)->progs) / sizeof(struct bpf_program *))

/* Which of the skeleton's programs @name is. */
#define PROGRAM(name)                                                                              \
	(offsetof(struct guestscope_bpf, progs.name) - offsetof(struct guestscope_bpf, progs)) /   \
		sizeof(struct bpf_program *)

/* Of which part each program is; those that are not named here are PROBE_PART_BOOKS. */
static const enum probe_part parts[N_PROGRAMS] = {
	[PROGRAM(on_sys_enter)] = PROBE_PART_SYSCALLS,
	[PROGRAM(on_sys_exit)] = PROBE_PART_SYSCALLS,
	[PROGRAM(on_kvm_entry)] = PROBE_PART_KVM,
	[PROGRAM(on_kvm_exit)] = PROBE_PART_KVM,
	[PROGRAM(on_kvm_vcpu_wakeup)] = PROBE_PART_KVM,
	[PROGRAM(on_kvm_userspace_exit)] = PROBE_PART_KVM,
	[PROGRAM(on_sample)] = PROBE_PART_SAMPLING,
	[PROGRAM(on_sample_guest)] = PROBE_PART_GUEST,
	[PROGRAM(on_kvm_exit_stack)] = PROBE_PART_EXITS,
	[PROGRAM(on_kvm_entry_stack)] = PROBE_PART_EXITS,
	[PROGRAM(on_queue_switch)] = PROBE_PART_QUEUES,
	[PROGRAM(on_boot_fork)] = PROBE_PART_BOOT,
	[PROGRAM(on_boot_exec)] = PROBE_PART_BOOT,
	[PROGRAM(on_boot_exit)] = PROBE_PART_BOOT,
	[PROGRAM(on_boot_entry)] = PROBE_PART_BOOT,
	[PROGRAM(on_boot_cpu_exec)] = PROBE_PART_BOOT,
};

static struct bpf_program **programs_of(struct guestscope_bpf *bpf)
{
	return (struct bpf_program **)&bpf->progs;
}

/* The tracepoint that @program is for, or NULL: it is for none, and attached elsewhere. */
static const char *tracepoint_of(const struct bpf_program *program)
{
	const char *slash = strchr(bpf_program__section_name(program), '/');

	return bpf_program__expected_attach_type(program) == BPF_TRACE_RAW_TP && slash ? slash + 1
										       : NULL;
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
	_cleanup_free_ char *flags = file_value("flags", "/proc/cpuinfo");

	return has_word(flags, "svm") ? ISA_SVM : ISA_VMX;
}

/* Which lane each CPU is, where lanes are CPUs. */
static void set_cpus(struct guestscope_bpf__rodata *knobs, const struct probe_options *o)
{
	unsigned first = o->program ? o->lanes : 0;

	knobs->lanes_are_cpus = o->lane_cpus != NULL;
	for (unsigned cpu = 0; cpu < PROBE_CPUS_MAX; cpu++)
		knobs->lane_of_cpu[cpu] = PROBE_LANE_NONE;
	for (unsigned i = 0; knobs->lanes_are_cpus && i < o->lanes; i++)
		if (o->lane_cpus[i] >= 0 && o->lane_cpus[i] < PROBE_CPUS_MAX)
			knobs->lane_of_cpu[o->lane_cpus[i]] = (int16_t)(first + i);
}

static void set_knobs(struct guestscope_bpf *bpf, const struct probe_options *o)
{
	struct guestscope_bpf__rodata *knobs = bpf->rodata;

	knobs->lane_count = o->lanes;
	snprintf((char *)knobs->lane_prefix, sizeof(knobs->lane_prefix), "%s", o->lane_prefix);
	knobs->lane_prefix_length = (uint32_t)strlen(o->lane_prefix);
	if (o->exec_path)
		snprintf((char *)knobs->exec_path, sizeof(knobs->exec_path), "%s", o->exec_path);
	knobs->watch_program = o->program;
	knobs->program_serves = o->program_serves;
	set_cpus(knobs, o);
	if (!knobs->lanes_are_cpus)
		(void)bpf_map__set_max_entries(bpf->maps.threads, 1);
	if (o->unwind_rows)
		(void)bpf_map__set_max_entries(bpf->maps.unwind_rows, (uint32_t)o->unwind_rows);
	knobs->collector_tgid = (uint32_t)getpid();
	knobs->watch_throttling = o->throttling;
	knobs->watch_offcpu = o->offcpu;
	knobs->watch_servers = o->servers;
	knobs->lanes_are_vcpus = o->vcpus;
	knobs->watch_timeline = o->timeline != TIMELINE_NONE;
	if (!knobs->watch_timeline)
		(void)bpf_map__set_max_entries(bpf->maps.timeline_ring, (uint32_t)getpagesize());
	knobs->user_stacks = o->user_stacks;
	knobs->state_is_argument = switch_has_state_argument();
	knobs->kvm_isa = processor_isa();
	knobs->guest_source = o->guest;
	knobs->guest_one_ring = o->guest_one_ring;
	knobs->kvm_keeps_cr3 = vmx_keeps_cr3();
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

static unsigned parts_asked_for(const struct probe_options *o)
{
	return 1U << PROBE_PART_BOOKS | (unsigned)o->exact_split << PROBE_PART_SYSCALLS |
	       (unsigned)o->kvm << PROBE_PART_KVM | (unsigned)o->oncpu << PROBE_PART_SAMPLING |
	       (unsigned)(o->oncpu && o->guest != GUEST_NONE) << PROBE_PART_GUEST |
	       (unsigned)(o->oncpu && o->guest != GUEST_NONE) << PROBE_PART_QUEUES |
	       (unsigned)o->boot << PROBE_PART_BOOT |
	       (unsigned)(o->exits && o->kvm && o->guest == GUEST_KVM) << PROBE_PART_EXITS;
}

/* Programs of no part in @l->parts, or whose event this kernel does not have, stay out. KVM's
 * events are those of a module in most kernels. */
static void choose_programs(struct probe_load *l)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const unsigned of_kvm = 1U << PROBE_PART_KVM | 1U << PROBE_PART_EXITS;
	struct btf *kvm = btf && l->parts & of_kvm ? btf__load_module_btf("kvm", btf) : NULL;
	struct bpf_program **programs = programs_of(l->bpf);

	if (!has_kvm_events(btf, kvm))
		l->parts &= ~of_kvm;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *event = tracepoint_of(programs[i]);
		bool load = l->parts >> parts[i] & 1;

		if (load && event)
			load = kernel_has_event(btf, of_kvm >> parts[i] & 1 ? kvm : NULL, event);
		bpf_program__set_autoload(programs[i], load);
	}
	if (l->parts >> PROBE_PART_GUEST & 1) /* which takes the stacks of the host, too */
		bpf_program__set_autoload(l->bpf->progs.on_sample, false);
	btf__free(kvm);
	btf__free(btf);
}

static int attach(struct probe_load *l, struct refusal_of *of)
{
	struct bpf_program **programs = programs_of(l->bpf);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct bpf_link *link;

		if (!bpf_program__autoload(programs[i]) || !tracepoint_of(programs[i]))
			continue;
		if (ARRAY_MORE(l->links, l->n_links, 1) < 0)
			return -ENOMEM;
		link = bpf_program__attach(programs[i]);
		if (!link) {
			snprintf(of->program, sizeof(of->program), "%s",
				bpf_program__name(programs[i]));
			return -errno;
		}
		l->links[l->n_links++] = link;
	}
	return 0;
}

/* Once, with l->parts. */
static int try_parts(struct probe_load *l, const struct probe_options *o, struct refusal_of *of)
{
	int r;

	*of = (struct refusal_of){.doing = "open"};
	l->bpf = guestscope_bpf__open();
	if (!l->bpf)
		return -errno;
	set_knobs(l->bpf, o);
	choose_programs(l);
	of->doing = "load";
	r = guestscope_bpf__load(l->bpf);
	if (r < 0)
		return r;
	of->doing = "attach";
	return attach(l, of);
}

/* The part of the program that failed; PROBE_PART_BOOKS also where it is not known which did. */
static enum probe_part part_of_failure(
	const struct probe_load *l, struct refusal_of *of, struct refusal_words *words)
{
	if (!of->program[0])
		snprintf(of->program, sizeof(of->program), "%s", refusal_program(words));
	for (size_t i = 0; l->bpf && i < ARRAY_SIZE(parts); i++)
		if (strcmp(bpf_program__name(programs_of(l->bpf)[i]), of->program) == 0)
			return parts[i];
	return PROBE_PART_BOOKS;
}

static void warn_of_kvm(const struct probe_load *l, unsigned left_out,
	const struct probe_options *o, probe_warn_t warn, void *userdata)
{
	unsigned missing = parts_asked_for(o) & ~left_out & ~l->parts;

	if (warn && missing >> PROBE_PART_KVM & 1)
		warn("guest, kernel and vmm are told apart by samples, and there are no reasons of "
		     "exits: this kernel does not report KVM's entries and exits (without "
		     "/sys/kernel/btf/kvm their types are not known)",
			userdata);
}

static void tell_cost(
	enum probe_part part, const struct error *why, probe_warn_t warn, void *userdata)
{
	char sentence[sizeof(why->text) + 128];

	snprintf(sentence, sizeof(sentence), "%s: %s", costs[part], why->text);
	if (warn)
		warn(sentence, userdata);
}

static int load_parts(const struct probe_options *o, struct probe_load *l,
	struct refusal_words *words, probe_warn_t warn, void *userdata, struct error *error)
{
	unsigned left_out = 0;

	for (;;) {
		enum probe_part part;
		struct refusal_of of;
		struct error why = {0};
		int r, q;

		*l = (struct probe_load){.parts = parts_asked_for(o) & ~left_out};
		refusal_forget(words);
		r = try_parts(l, o, &of);
		if (r >= 0) {
			warn_of_kvm(l, left_out, o, warn, userdata);
			return 0;
		}
		part = part_of_failure(l, &of, words);
		/* Else all programs would fail, and this is only the first. */
		q = r == -ENOMEM ? r : refusal_of_machine(error);
		if (q < 0) {
			probe_load_done(l);
			return q;
		}
		refusal_explain(words, r, &of, o->log_dir, &why);
		probe_load_done(l);
		if (part == PROBE_PART_BOOKS || left_out >> part & 1)
			return error_set(error, r, "%s", why.text);
		left_out |= 1U << part;
		tell_cost(part, &why, warn, userdata);
	}
}

int probe_load(const struct probe_options *options, struct probe_load *ret, probe_warn_t warn,
	void *userdata, struct error *error)
{
	struct refusal_words *words = refusal_listen();
	int r;

	if (!words)
		return -ENOMEM;
	r = load_parts(options, ret, words, warn, userdata, error);
	refusal_done(words);
	return r;
}

void probe_load_detach(struct probe_load *l)
{
	for (size_t i = 0; i < l->n_links; i++)
		bpf_link__destroy(l->links[i]);
	l->n_links = 0;
}

void probe_load_done(struct probe_load *l)
{
	probe_load_detach(l);
	free(l->links);
	guestscope_bpf__destroy(l->bpf);
	*l = (struct probe_load){0};
}
