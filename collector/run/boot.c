/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/boot.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/run/boot_internal.h"
#include "common/array.h"
#include "common/cleanup.h"

#define EVENTS_MAX  20000
#define SAMPLES_MAX 1000000
#define REAL_MODE   (1ULL << 20)
/* SeaBIOS keeps the last 16 MiB of low memory for its tables, and moves its own code below them. */
#define FIRMWARE_TOP (18ULL << 20)

int boot_new(const struct guest_boot *plan, struct boot **ret)
{
	struct boot *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->plan = plan;
	*ret = b;
	return 0;
}

void boot_free(struct boot *b)
{
	if (!b)
		return;
	free(b->events);
	free(b->firmware_ns);
	free(b);
}

void boot_mark(struct boot *b, enum boot_step step, enum mark_rank rank, uint64_t time_ns,
	const char *format, ...)
{
	struct boot_mark *m = &b->marks[step];
	va_list ap;

	if (rank < m->rank || (rank == m->rank && time_ns >= m->time_ns))
		return;
	m->rank = rank;
	m->time_ns = time_ns;
	va_start(ap, format);
	vsnprintf(m->source, sizeof(m->source), format, ap);
	va_end(ap);
}

/* Events */

static void keep_event(struct boot *b, const struct record_boot *record)
{
	if (b->n_events >= EVENTS_MAX || ARRAY_ADD(b->events, b->n_events, *record) < 0)
		return;
	b->events[b->n_events - 1].name[PROBE_NAME_SIZE - 1] = '\0';
}

/** What an event says: which step it ends, and whether the chain of processes needs it. */
static const struct {
	enum mark_rank rank; /* MARK_NONE: it ends no step by itself */
	enum boot_step ends;
	const char *source; /* the process's name follows */
	bool kept;
} meanings[BOOT_EVENTS] = {
	[BOOT_FORK] = {.kept = true},
	/* Without the entry: dynamic linking is then part of what follows. */
	[BOOT_EXEC] = {MARK_NEAR, BOOT_PROCESS_START, "exec of ", .kept = true},
	[BOOT_EXIT] = {.kept = true},
	[BOOT_ENTRY] = {MARK_EVENT, BOOT_PROCESS_START, "first code of "},
	[BOOT_GUEST] = {MARK_EVENT, BOOT_QEMU_SETUP, "first guest code, by "},
	[BOOT_CALLED] = {MARK_EVENT, BOOT_CLIENT, "first word to "},
};

void boot_event(struct boot *b, const struct record_boot *record)
{
	char name[PROBE_NAME_SIZE];

	if (record->event >= BOOT_EVENTS)
		return;
	memcpy(name, record->name, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	if (meanings[record->event].rank)
		boot_mark(b, meanings[record->event].ends, meanings[record->event].rank,
			record->time_ns, "%s%s", meanings[record->event].source, name);
	if (meanings[record->event].kept)
		keep_event(b, record);
}

/* The console */

static void end_line(struct boot *b, uint64_t time_ns)
{
	b->line[b->line_length] = '\0';
	b->line_length = 0;
	for (size_t i = 0; i < b->plan->n_lines; i++) {
		const struct guest_boot_line *line = &b->plan->lines[i];

		if (strstr(b->line, line->text))
			boot_mark(b, line->ends, MARK_CONSOLE, time_ns, "console: %s", line->text);
	}
}

void boot_console(struct boot *b, const char *data, size_t n, uint64_t time_ns)
{
	for (size_t i = 0; i < n && b->plan->n_lines; i++) {
		if (data[i] == '\n')
			end_line(b, time_ns);
		else if (data[i] && b->line_length < sizeof(b->line) - 1)
			b->line[b->line_length++] = data[i];
	}
}

/* Samples */

/* The firmware runs below 1 MiB, and without paging at the end of the memory below 4 GiB, where
 * SeaBIOS moves itself. Kernels lie between. */
static bool in_firmware(
	const struct record_sample *s, uint64_t rip, const struct guest_inside *inside)
{
	uint64_t low_bytes = inside && inside->n_ranges ? inside->ranges[0].size : 0;

	if (rip < REAL_MODE)
		return true;
	return s->guest.end == GUEST_END_PAGING_OFF && low_bytes > FIRMWARE_TOP &&
	       rip >= low_bytes - FIRMWARE_TOP;
}

static void keep_firmware(struct boot *b, uint64_t time_ns)
{
	if (b->n_firmware < SAMPLES_MAX)
		(void)ARRAY_ADD(b->firmware_ns, b->n_firmware, time_ns);
}

static void take_first(uint64_t *first_ns, uint64_t time_ns)
{
	if (!*first_ns || time_ns < *first_ns)
		*first_ns = time_ns;
}

void boot_sample(struct boot *b, const struct record_sample *s, uint64_t rip,
	const struct guest_inside *inside)
{
	boot_mark(b, BOOT_QEMU_SETUP, MARK_SAMPLE, s->time_ns, "first sample of the guest");
	if (in_firmware(s, rip, inside)) {
		keep_firmware(b, s->time_ns);
		return;
	}
	take_first(&b->first_kernel_ns, s->time_ns);
	if (s->guest.privilege == 3)
		take_first(&b->first_user_ns, s->time_ns);
}

void boot_forget_samples(struct boot *b)
{
	b->n_firmware = 0;
	b->first_kernel_ns = b->first_user_ns = 0;
	for (size_t i = 0; i < BOOT_STEP_COUNT; i++)
		if (b->marks[i].rank == MARK_SAMPLE)
			b->marks[i].rank = MARK_NONE;
}

/* A kernel calls the firmware later, too, and starts its other processors in real mode: the border
 * is where the kernel is seen first. */
static void mark_samples(struct boot *b)
{
	uint64_t last_ns = 0;

	for (size_t i = 0; i < b->n_firmware; i++)
		if (b->firmware_ns[i] < b->first_kernel_ns && b->firmware_ns[i] > last_ns)
			last_ns = b->firmware_ns[i];
	if (last_ns)
		boot_mark(b, BOOT_FIRMWARE, MARK_SAMPLE,
			last_ns + (b->first_kernel_ns - last_ns) / 2, "first sample in the kernel");
	if (b->first_user_ns)
		boot_mark(
			b, BOOT_KERNEL, MARK_SAMPLE, b->first_user_ns, "first sample in user mode");
}

/* The steps */

/* Marks that run against the order of the steps cannot both be right: the worse one goes. */
static void drop_contradictions(struct boot *b, uint64_t start_ns, uint64_t end_ns)
{
	enum boot_step kept[BOOT_STEP_COUNT];
	size_t n = 0;

	for (size_t i = 0; i + 1 < b->plan->n_steps; i++) {
		struct boot_mark *m = &b->marks[b->plan->steps[i]];

		if (m->time_ns < start_ns || m->time_ns > end_ns)
			m->rank = MARK_NONE;
		while (m->rank && n && b->marks[kept[n - 1]].time_ns > m->time_ns) {
			if (b->marks[kept[n - 1]].rank > m->rank)
				m->rank = MARK_NONE;
			else
				b->marks[kept[--n]].rank = MARK_NONE;
		}
		if (m->rank)
			kept[n++] = b->plan->steps[i];
	}
}

static void add_name(char *name, const char *more)
{
	size_t used = strlen(name);

	snprintf(name + used, BOOT_TEXT_SIZE - used, "%s%s", used ? BOOT_STEP_JOIN : "", more);
}

static const char *const end_sources[] = {
	[BOOT_ENDS_BY_MARKER] = "first marker",
	[BOOT_ENDS_BY_EXEC] = "exec of the program",
	[BOOT_ENDS_BY_ANSWER] = "the server answers",
};

void boot_close(struct boot *b, uint64_t start_ns, uint64_t end_ns, enum boot_end by,
	struct boot_timeline *ret)
{
	const struct guest_boot *plan = b->plan;
	size_t n_steps = by == BOOT_ENDS_BY_EXEC ? plan->n_steps - 1 : plan->n_steps;
	uint64_t from_ns = start_ns;

	*ret = (struct boot_timeline){0};
	mark_samples(b);
	if (plan->monitor)
		boot_chain_mark(b);
	drop_contradictions(b, start_ns, end_ns);
	for (size_t i = 0; i < n_steps; i++) {
		const struct boot_mark *m = &b->marks[plan->steps[i]];
		struct boot_time *t = &ret->steps[ret->n];
		bool last = i + 1 == n_steps;

		add_name(t->name, boot_step_table[plan->steps[i]].name);
		if (!last && !m->rank)
			continue;
		t->start_ns = from_ns;
		t->end_ns = from_ns = last ? end_ns : m->time_ns;
		snprintf(t->source, sizeof(t->source), "%s", last ? end_sources[by] : m->source);
		ret->n++;
	}
}
