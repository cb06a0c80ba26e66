/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_clock.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collector/run/run_guest.h"
#include "common/array.h"
#include "common/clock.h"

#define PAUSE_NS 50000000
#define READINGS_MAX                                                                               \
	100000 /* some 80 minutes; then every other one is dropped, and the pause doubles */

#define MOVED_TICKS_MAX 20000

#define KVM_FOLDER "/sys/kernel/debug/kvm"

static void thin_out(struct run_clock_state *c)
{
	for (size_t i = 0; 2 * i < c->n_readings; i++)
		c->readings[i] = c->readings[2 * i];
	c->n_readings = (c->n_readings + 1) / 2;
	c->pause_ns *= 2;
}

void run_clock_look(struct run *run)
{
	struct run_clock_state *c = &run->clock;
	struct tick_reading reading;
	uint64_t now = clock_ns();
	int r;

	if (!c->pause_ns)
		c->pause_ns = PAUSE_NS;
	if (run->finished || c->failed || (c->n_readings && now < c->next_ns))
		return;
	if (c->n_readings >= READINGS_MAX)
		thin_out(c);
	c->next_ns = now + c->pause_ns;
	r = tick_clock_read(&reading);
	if (r == -EAGAIN)
		return;
	if (r < 0 || ARRAY_ADD(c->readings, c->n_readings, reading) < 0)
		c->failed = true;
}

static int read_guest(struct run *run, unsigned lane, struct guest_ticks *ret, struct error *why)
{
	pid_t pid = run_guest_process(run);
	int r = 0;

	if (run->request->accel == ACCEL_KVM)
		return guest_ticks_kvm(KVM_FOLDER, pid, lane, ret, why);
	if (!run->clock.emulators)
		r = guest_ticks_qemu_find(pid, &run->clock.emulators, why);
	return r < 0 ? r : guest_ticks_qemu(pid, run->clock.emulators, ret, why);
}

/* QEMU moves its clock on by a few ticks where it would go back: two threads of its may read the processor's counter in
 * another order than they use it. More is a clock that was set. */
static bool note_move(struct run_clock_state *c, int64_t ticks)
{
	if (ticks > c->moved)
		c->moved = ticks;
	if (ticks < c->moved_back)
		c->moved_back = ticks;
	return c->moved - c->moved_back < MOVED_TICKS_MAX;
}

/* Under emulation two vCPUs that read the counter all the time make it run fast: each time that QEMU sees it go back it
 * moves it on for good (cpu_get_ticks() in softmmu/cpu-timers.c). */
static char *why_moved(const struct run *run)
{
	const struct run_clock_state *c = &run->clock;
	struct tick_line line;
	char *ret = NULL;

	if (run->request->accel == ACCEL_KVM || c->moved < MOVED_TICKS_MAX ||
		tick_clock_fit(c->readings, c->n_readings, &line) < 0)
		return strdup("the guest's clock was set while it ran");
	if (asprintf(&ret,
		    "QEMU advanced the guest's clock by %.3g ms too much, as it does when several emulated "
		    "vCPUs read it at the same time: times measured inside the guest are too long by that",
		    (double)c->moved * line.ns_per_tick / 1e6) < 0)
		return NULL;
	return ret;
}

void run_clock_guest(struct run *run)
{
	struct run_clock_state *c = &run->clock;

	run_clock_look(run);
	if (!run->request->ops->is_vm || c->trouble)
		return;
	if (!c->guests)
		c->guests = calloc(run->request->lanes, sizeof(*c->guests));
	for (unsigned lane = 0; c->guests && lane < run->request->lanes; lane++) {
		struct guest_ticks now;
		struct error why = {0};

		if (read_guest(run, lane, &now, &why) < 0) {
			c->trouble = strdup(why.text);
			return;
		}
		if (!c->guests_known)
			c->guests[lane] = now;
		if (now.ratio != c->guests[lane].ratio ||
			!note_move(c, now.offset - c->guests[lane].offset)) {
			c->trouble = why_moved(run);
			return;
		}
	}
	c->guests_known = c->guests != NULL;
}

static int line_of(const struct run *run, unsigned lane, struct tick_line *ret)
{
	const struct run_clock_state *c = &run->clock;
	int r = tick_clock_fit(c->readings, c->n_readings, ret);

	if (r < 0 || !run->request->ops->is_vm)
		return r;
	if (!c->guests_known || c->trouble)
		return -ENODATA;
	r = tick_line_move(ret, c->guests[lane].ratio, c->guests[lane].offset);
	/* A counter that has moved on shows a tick earlier. */
	ret->low_ns -= (int64_t)ceil((double)c->moved * ret->ns_per_tick);
	ret->high_ns += (int64_t)ceil(-(double)c->moved_back * ret->ns_per_tick);
	return r;
}

void run_clock_close(struct run *run)
{
	struct run_result *r = run->result;
	for (unsigned lane = 0; lane < run->request->lanes; lane++) {
		struct run_clock clock = {.lane = lane, .source = "host"};

		if (run->request->ops->is_vm)
			clock.source = run->request->accel == ACCEL_KVM ? "KVM" : "QEMU";
		if (line_of(run, lane, &clock.line) == 0)
			(void)ARRAY_ADD(r->clocks, r->n_clocks, clock);
	}
}
