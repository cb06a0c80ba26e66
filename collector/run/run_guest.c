/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_guest.h"

/* Looking into the guest of a run. What goes wrong here costs the guest's stacks, never the run. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "collector/inside/guest_kind.h"
#include "collector/inside/guest_layout.h"
#include "collector/inside/guest_registers.h"
#include "collector/probes/probe_guest.h"
#include "collector/probes/probe_set.h"
#include "collector/probes/vmx.h"
#include "collector/run/run_boot.h"
#include "collector/run/run_stacks.h"
#include "collector/run/run_unwind.h"
#include "collector/symbols/elf_match.h"
#include "collector/symbols/symbols.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "guests/inside.h"

/* Below this share something is wrong, not just a leaf without a frame here and there. */
#define SHARE_TO_SAY    0.95
#define SYMBOLS_MISFIT  0.50
#define SAMPLES_TO_TELL 50
#define MEMORY_TO_SAY   (16ULL << 20) /* that of a graphics card is less */
#define KERNEL_TO_TELL  10 /* symbols that fit know nearly all: few samples are enough to tell */

/* Before anything runs; for symbols that are no ELF file, and kernels that are none, samples have
 * to tell: say_symbols(). */
static void compare_symbols(struct run *run, const struct guest_inside *inside)
{
	if (inside->symbols && inside->kernel && strcmp(inside->symbols, inside->kernel) != 0 &&
		elf_same_build(inside->kernel, inside->symbols) == 0)
		run_warn(run,
			"%s is of another build than the guest's kernel %s: names of its functions "
			"will be wrong",
			inside->symbols, inside->kernel);
	if (inside->symbols &&
		elf_has_symbols(inside->symbols, symbols_servers(run->settings->names)) == 0)
		run_warn(run,
			"the guest's kernel %s has no symbols but those it exports: its other "
			"functions have no names; --symbols names a file with all of them (see "
			"docs/inside-guests.md)",
			inside->symbols);
}

/* Of what we started, or attached to: */

static struct guest_inside *take_inside(struct run *run)
{
	return run->request->attach ? TAKE_PTR(run->request->attach->inside)
				    : TAKE_PTR(run->guest->inside);
}

static const struct guest_inside *inside_of(const struct run *run)
{
	return run->request->attach ? run->request->attach->inside : run->guest->inside;
}

pid_t run_guest_process(const struct run *run)
{
	return run->request->attach ? run->request->attach->program_tgid : run->guest->pid;
}

static const char *version_of(const struct run *run)
{
	return run->request->attach ? run->request->attach->version : run->guest->note;
}

/* Of a machine of the user's own only files are known. */
static void find_kind(struct guest_inside *inside)
{
	struct guest_inside kind = guest_kind_of(inside->kernel, inside->symbols, inside->fixed);
	const char *symbols = guest_kind_symbols(inside->kernel, inside->symbols);

	if (symbols && !inside->symbols)
		inside->symbols = strdup(symbols);
	inside->subsystems = kind.subsystems;
	inside->kallsyms = kind.kallsyms;
	inside->randomised = kind.randomised;
	inside->one_ring = kind.one_ring;
	inside->root = kind.root;
}

static void say_left(struct run *run, uint64_t bytes)
{
	if (bytes <= MEMORY_TO_SAY || run->left_said)
		return;
	run->left_said = true;
	run_warn(run,
		"the guest's memory has more parts than can be followed: the smallest, of %llu MiB, "
		"are left out, and stacks may end there",
		(unsigned long long)(bytes >> 20));
}

int run_guest_prepare(struct run *run, struct probe_options *options, struct error *error)
{
	const struct attach *a = run->request->attach;
	struct error why = {0};
	int r;

	if (!options->oncpu || !run->settings->inside)
		return 0;
	if (a && a->no_inside)
		run_warn(run, "no stacks of the guest: %s", a->no_inside);
	if (!inside_of(run))
		return 0;
	if (!inside_of(run)->subsystems)
		find_kind(run->guest->inside);
	compare_symbols(run, inside_of(run));
	/* The table of subsystems is the user's to change: what is wrong there, he has to know. */
	r = guest_view_new(take_inside(run), run->settings->names, run->settings->work_dir,
		&run->result->view, error);
	if (r < 0)
		return r;
	options->guest_one_ring = guest_view_inside(run->result->view)->one_ring;
	if (run->request->accel == ACCEL_KVM) {
		options->guest = GUEST_KVM;
		run->registers_known = true;

		if (vmx_read_rip(run_guest_process(run), &run->vmx_fd, &why) < 0)
			run_warn(run, "no stacks of the guest: %s", why.text);
		return 0;
	}
	r = guest_registers_by_version(version_of(run), &run->known_layout, &why);
	if (r == -EOPNOTSUPP)
		run_warn(run, "no stacks of the guest: %s; everything else is measured as usual",
			why.text);
	else
		options->guest = GUEST_TCG;
	run->registers_known = options->guest != GUEST_TCG;
	if (a)
		say_left(run, a->memory_left);
	return 0;
}

bool run_guest_awaits_registers(const struct run *run)
{
	return run->result->view && !run->registers_known;
}

void run_guest_find_registers(struct run *run, bool last)
{
	const void *object;
	struct guest_tcg_layout layout;
	struct error why = {0};

	if (!run_guest_awaits_registers(run))
		return;
	object = probe_set_guest_object(run->probes);
	if (!object && !last)
		return;
	run->registers_known = true;
	if (object && guest_registers_by_reset(object, GUEST_OBJECT_BYTES, &layout) == 0) {
		probe_set_guest_layout(run->probes, &layout);
	} else if (run->known_layout.rip) {
		probe_set_guest_layout(run->probes, &run->known_layout);
	} else {
		(void)guest_registers_by_version(version_of(run), &layout, &why);
		run_warn(run,
			"no stacks of the guest: %s, and its memory did not tell; everything else "
			"is measured as usual",
			why.text);
	}
}

void run_guest_judge(struct run *run)
{
	struct profile *p = &run->result->profile;
	struct error why = {0};

	if (!run->result->view || guest_view_judge(run->result->view, &why) == 0)
		return;
	run_warn(run, "%s", why.text);
	for (size_t i = 0; i < p->n; i++) {
		p->entries[i]->n_guest = 0;
		p->entries[i]->guest_end = GUEST_END_UNKNOWN;
	}
	run->distrusted = true;
	run_boot_forget_samples(run);
}

bool run_guest_is_unplaced(const struct run *run)
{
	return run->result->view && guest_view_inside(run->result->view)->unplaced;
}

/* Once QEMU's monitor has answered, the machine is made. */
static void place_memory(struct run *run)
{
	struct guest_range ranges[GUEST_RANGES_MAX] = {0};
	struct guest_ram_block blocks[GUEST_RAM_BLOCKS];
	struct guest_root root;
	struct error why = {0};
	uint64_t bytes, left;
	size_t n = 0;
	int r;

	if (!run->lanes_known)
		return;
	run->memory_known = true;
	r = guest_layout_open(run_guest_process(run), &run->layout, &why);
	if (r == 0)
		r = guest_layout_read(run->layout, ranges, &n, &bytes, &left, &why);
	if (r == 0)
		r = guest_view_move_memory(run->result->view, run_guest_process(run), ranges, n,
			bytes, blocks, &n, &why);
	if (r < 0) {
		run_warn(run, "no stacks of the guest: %s", why.text);
		return;
	}
	probe_set_guest_ram(run->probes, blocks, n);
	if (guest_view_find_root(run->result->view, &root) == 0)
		probe_set_guest_root(run->probes, &root);
}

void run_guest_find_memory(struct run *run)
{
	struct guest_ram_block blocks[GUEST_RAM_BLOCKS];
	struct guest_root root;
	struct error error = {0};
	size_t n = 0;
	int r;

	if (run->memory_known || !run->result->view) {
		run->memory_known = true;
		return;
	}
	if (run_guest_is_unplaced(run)) {
		place_memory(run);
		return;
	}
	r = guest_view_open_memory(run->result->view, run_guest_process(run), blocks, &n, &error);
	if (r == -EAGAIN || r == -ESRCH)
		return;
	run->memory_known = true;
	if (run->request->attach)
		(void)guest_layout_open(run_guest_process(run), &run->layout, NULL);
	if (r < 0)
		run_warn(run, "no stacks of the guest: %s", error.text);
	else
		probe_set_guest_ram(run->probes, blocks, n);
	if (guest_view_find_root(run->result->view, &root) == 0)
		probe_set_guest_root(run->probes, &root);
}

/* A look that fails is followed by others. */
static void renew_memory(struct run *run)
{
	struct guest_range ranges[GUEST_RANGES_MAX] = {0};
	struct guest_ram_block blocks[GUEST_RAM_BLOCKS];
	const struct guest_inside *inside = guest_view_inside(run->result->view);
	struct error why = {0};
	uint64_t bytes, left;
	size_t n = 0;

	if (guest_layout_read(run->layout, ranges, &n, &bytes, &left, NULL) < 0)
		return;
	say_left(run, left);
	if (n == inside->n_ranges && memcmp(ranges, inside->ranges, n * sizeof(*ranges)) == 0)
		return;
	if (guest_view_move_memory(run->result->view, run_guest_process(run), ranges, n, bytes,
		    blocks, &n, &why) == 0)
		probe_set_guest_ram(run->probes, blocks, n);
}

void run_guest_watch_memory(struct run *run)
{
	if (run->layout && !run->finished && guest_layout_changed(run->layout))
		renew_memory(run);
}

void run_guest_sample(struct run *run, const struct record_sample *s, const uint64_t *frames)
{
	struct guest_facts facts;
	struct guest_root root;

	if (!run->result->view)
		return;
	guest_view_sample(
		run->result->view, s, frames, run->result->n_phases <= run_first_phase(run));
	if (run->finished ||
		!guest_view_find_facts(run->result->view, run_guest_process(run), &facts))
		return;
	if (facts.has_tasks)
		probe_set_guest_tasks(run->probes, &facts.tasks);
	if (facts.has_table)
		run_unwind_kernel_found(run, &facts.table);
	/* The kernel's symbols may be known since then. */
	if (guest_view_find_root(run->result->view, &root) == 0)
		probe_set_guest_root(run->probes, &root);
}

void run_guest_find_program(struct run *run)
{
	if (!run->result->view)
		return;
	if (!run->finished)
		probe_set_consume(run->probes); /* samples tell the address space */
	/* The time of a marker is when it is read: then nothing may keep us from it for longer. */
	if (guest_view_find_program(run->result->view,
		    run_may_wait(run) ? GUEST_SEARCH_CHANGED : GUEST_SEARCH_PROGRAM) == 0)
		run_unwind_guest(run);
}

#define LOOK_FIRST_MS 10

int run_guest_look(struct run *run)
{
	int64_t now = clock_ms();

	if (!(run->settings->own || run->settings->alone) || !run->result->view ||
		!run->result->has_boot || run->ended)
		return INT_MAX;
	if (!run->look_pause_ms) {
		run->look_pause_ms = LOOK_FIRST_MS;
		run->next_look_ms = now + LOOK_FIRST_MS;
	} else if (now >= run->next_look_ms) {
		run_guest_find_program(run);
		run->look_pause_ms *= 2;
		run->next_look_ms = clock_ms() + run->look_pause_ms;
	}
	return (int)(run->next_look_ms - now);
}

void run_guest_find_kernel(struct run *run)
{
	struct error error = {0};

	if (run->result->view)
		(void)guest_view_find_program(run->result->view, GUEST_SEARCH_ALL);
	if (run->result->view && guest_view_find_kernel(run->result->view, &error) < 0)
		run_warn(run, "%s: %s", run->request->ops->name, error.text);
}

void run_guest_detail(
	struct run *run, const struct profile_entry *e, char ret_detail[static DETAIL_SIZE])
{
	if (run->result->view)
		snprintf(ret_detail, DETAIL_SIZE, "%s", guest_view_subsystem(run->result->view, e));
}

/* "unwound to a root: 91.2 %; page not present 5.0 %, ..." */
static void say_ends(struct run *run, const struct guest_counts *c)
{
	char text[512] = "";
	size_t used = 0;

	for (unsigned end = 0; end < GUEST_ENDS; end++) {
		int n;

		if (end == GUEST_END_ROOT || end == GUEST_END_UNKNOWN || !c->ends[end])
			continue;
		n = snprintf(text + used, sizeof(text) - used, "%s %s %.1f %%", used ? "," : ":",
			guest_end_names[end], 100.0 * (double)c->ends[end] / (double)c->taken);
		if (n < 0 || (size_t)n >= sizeof(text) - used)
			break;
		used += (size_t)n;
	}
	run_warn(run, "%.1f %% of the guest's stacks reach a root; the others end early%s",
		100.0 * (double)c->ends[GUEST_END_ROOT] / (double)c->taken, text);
}

static void say_symbols(struct run *run, const struct guest_counts *c)
{
	const struct guest_inside *inside = guest_view_inside(run->result->view);
	double share = c->kernel ? (double)c->kernel_known / (double)c->kernel : 1;

	if (c->kernel < KERNEL_TO_TELL || share >= SYMBOLS_MISFIT)
		return;
	run_warn(run,
		"%s does not match the guest's kernel: %.1f %% of the samples in the kernel are "
		"in none of its functions",
		inside->symbols ? inside->symbols : "the table of symbols", 100 * (1 - share));
}

static void count_process(struct run_result *r, const struct profile_entry *e)
{
	struct guest_process *p;
	char name[GUEST_PROCESS_SIZE];
	size_t i = 0;

	if (!guest_view_process(r->view, e, name))
		return;
	while (i < r->n_guest_processes && strcmp(r->guest_processes[i].name, name) != 0)
		i++;
	if (i == r->n_guest_processes) {
		if (ARRAY_ADD(r->guest_processes, r->n_guest_processes, (struct guest_process){0}) <
			0)
			return;
		memcpy(r->guest_processes[i].name, name, sizeof(name));
	}
	p = &r->guest_processes[i];
	p->samples += e->count;
	p->user += e->guest_privilege == 3 ? e->count : 0;
}

void run_guest_close(struct run *run)
{
	struct run_result *r = run->result;
	struct guest_counts c = {0};
	bool kvm = run->request->accel == ACCEL_KVM;

	if (!r->view || run->distrusted)
		return;
	(void)guest_view_find_lines(r->view, &r->profile);
	for (size_t i = 0; i < r->profile.n; i++) {
		const struct profile_entry *e = r->profile.entries[i];

		if (e->kind == PROFILE_ONCPU && e->lane >= 0 && e->phase >= run_first_phase(run) &&
			(kvm ? profile_has_guest(e) : e->mode != SAMPLE_IRQ)) {
			guest_view_count(r->view, e, &c);
			run_stacks_count_guest(run, e);
			count_process(r, e);
		}
	}
	if (c.samples < SAMPLES_TO_TELL)
		return;
	if (!c.taken && run->known_layout.rip)
		run_warn(run, "no stacks of the guest: where this QEMU should keep its registers "
			      "is nothing that looks like them");
	else if (c.taken && (double)c.taken < SHARE_TO_SAY * (double)c.samples)
		run_warn(run, "the registers of the vCPU were found in %.1f %% of its samples only",
			100.0 * (double)c.taken / (double)c.samples);
	if (!c.taken)
		return;
	if (2 * c.ends[GUEST_END_FIVE_LEVEL] > c.taken) {
		run_warn(run,
			"no stacks of the guest: its page tables have five levels, which are not "
			"walked; give its processor four (QEMU's -cpu ...,la57=off)");
		return;
	}
	if ((double)c.ends[GUEST_END_ROOT] < SHARE_TO_SAY * (double)c.taken)
		say_ends(run, &c);
	say_symbols(run, &c);
}
