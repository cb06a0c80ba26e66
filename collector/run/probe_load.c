/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/probe_load.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/run/probe_refusal.h"
#include "collector/run/vmx.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "probes/guestscope.skel.h"

/* How a part's programs are known, and what a run is without it. The first row that fits holds. */
static const struct part_row {
	enum probe_part part;
	const char *section; /* the beginning of it, or NULL */
	const char *name;    /* the beginning of it, or NULL */
	const char *cost;
} part_rows[PROBE_PARTS] = {
	{PROBE_PART_SYSCALLS, "tp_btf/sys_", NULL,
		"user and kernel time are told apart by samples instead of by events"},
	{PROBE_PART_KVM, "tp_btf/kvm_", NULL,
		"guest, kernel and vmm are told apart by samples, and there are no reasons of "
		"exits"},
	{PROBE_PART_GUEST, NULL, "on_sample_guest", "there are no stacks of the guest"},
	{PROBE_PART_SAMPLING, NULL, "on_sample", "there are no on-CPU samples"},
	{PROBE_PART_BOOT, NULL, "on_boot_", "the boot is not taken apart"},
	{PROBE_PART_BOOKS, NULL, NULL, NULL},
};

static const struct part_row *row_of(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program),
		   *name = bpf_program__name(program);
	const struct part_row *row = part_rows;

	while ((row->section && strncmp(section, row->section, strlen(row->section)) != 0) ||
		(row->name && strncmp(name, row->name, strlen(row->name)) != 0))
		row++;
	return row;
}

/* Which part @program is of. */
static enum probe_part probe_part_of(const struct bpf_program *program)
{
	return row_of(program)->part;
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

static void set_knobs(struct guestscope_bpf *bpf, const struct probe_options *o)
{
	struct guestscope_bpf__rodata *knobs = bpf->rodata;

	knobs->lane_count = o->lanes;
	snprintf((char *)knobs->lane_prefix, sizeof(knobs->lane_prefix), "%s", o->lane_prefix);
	knobs->lane_prefix_length = (uint32_t)strlen(o->lane_prefix);
	if (o->exec_path)
		snprintf((char *)knobs->exec_path, sizeof(knobs->exec_path), "%s", o->exec_path);
	knobs->collector_tgid = (uint32_t)getpid();
	knobs->watch_throttling = o->throttling;
	knobs->watch_offcpu = o->offcpu;
	knobs->watch_servers = o->servers;
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
	       (unsigned)o->boot << PROBE_PART_BOOT;
}

/* Programs of no part in @l->parts, or whose event this kernel does not have, stay out. KVM's
 * events are those of a module in most kernels. */
static void choose_programs(struct probe_load *l)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct btf *kvm =
		btf && l->parts >> PROBE_PART_KVM & 1 ? btf__load_module_btf("kvm", btf) : NULL;
	bool guest = l->parts >> PROBE_PART_GUEST & 1;
	struct bpf_program *program;

	if (!has_kvm_events(btf, kvm))
		l->parts &= ~(1U << PROBE_PART_KVM);
	bpf_object__for_each_program(program, l->bpf->obj)
	{
		const char *section = bpf_program__section_name(program);
		enum probe_part part = probe_part_of(program);
		bool load = l->parts >> part & 1;

		if (part == PROBE_PART_SAMPLING && guest)
			load = false; /* the other one takes the stacks of the host, too */
		if (load && strncmp(section, "tp_btf/", 7) == 0)
			load = kernel_has_event(
				btf, part == PROBE_PART_KVM ? kvm : NULL, section + 7);
		bpf_program__set_autoload(program, load);
	}
	btf__free(kvm);
	btf__free(btf);
}

static int attach(struct probe_load *l, struct refusal_of *of)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, l->bpf->obj)
	{
		struct bpf_link *link;

		if (!bpf_program__autoload(program) ||
			strncmp(bpf_program__section_name(program), "tp_btf/", 7) != 0)
			continue;
		if (ARRAY_MORE(l->links, l->n_links, 1) < 0)
			return -ENOMEM;
		link = bpf_program__attach(program);
		if (!link) {
			snprintf(
				of->program, sizeof(of->program), "%s", bpf_program__name(program));
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

/* The row of the program that failed; NULL: not even libbpf's words tell of one. */
static const struct part_row *row_of_failure(
	const struct probe_load *l, struct refusal_of *of, struct refusal_words *words)
{
	struct bpf_program *program;

	if (!of->program[0])
		snprintf(of->program, sizeof(of->program), "%s", refusal_program(words));
	program = l->bpf ? bpf_object__find_program_by_name(l->bpf->obj, of->program) : NULL;
	return program ? row_of(program) : NULL;
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
	const struct part_row *row, const struct error *why, probe_warn_t warn, void *userdata)
{
	char sentence[sizeof(why->text) + 128];

	snprintf(sentence, sizeof(sentence), "%s: %s", row->cost, why->text);
	if (warn)
		warn(sentence, userdata);
}

static int load_parts(const struct probe_options *o, struct probe_load *l,
	struct refusal_words *words, probe_warn_t warn, void *userdata, struct error *error)
{
	unsigned left_out = 0;

	for (;;) {
		const struct part_row *row;
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
		row = row_of_failure(l, &of, words);
		/* Else all programs would fail, and this is only the first. */
		q = r == -ENOMEM ? r : refusal_of_machine(error);
		if (q < 0) {
			probe_load_done(l);
			return q;
		}
		refusal_explain(words, r, &of, o->log_dir, &why);
		probe_load_done(l);
		if (!row || row->part == PROBE_PART_BOOKS || left_out >> row->part & 1)
			return error_set(error, r, "%s", why.text);
		left_out |= 1U << row->part;
		tell_cost(row, &why, warn, userdata);
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
