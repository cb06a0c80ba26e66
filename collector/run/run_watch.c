/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_watch.h"

/* From the stack's start to its end: what it says, and why it ended. */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/probes/probe_set.h"
#include "collector/run/run_boot.h"
#include "collector/run/run_client.h"
#include "collector/run/run_clock.h"
#include "collector/run/run_console.h"
#include "collector/run/run_guest.h"
#include "collector/run/run_markers.h"
#include "collector/run/run_output.h"
#include "collector/run/run_processes.h"
#include "collector/run/run_program.h"
#include "collector/run/run_sched.h"
#include "common/cleanup.h"
#include "common/clock.h"

#define POLL_MS            100
#define POLL_EARLY_MS      2    /* until the vCPUs and where their registers are kept are known */
#define REPORT_GRACE_S     60   /* for the program's report after its last phase */
#define FAREWELL_MS        5000 /* from its last word to the stack's own end */
#define NS_PER_S           1000000000ULL
#define BOOT_TIMES         10 /* a boot that takes so many times the longest has hung ... */
#define BOOT_LEAST_NS      (20 * NS_PER_S) /* ... where it has taken as long as this */
#define CLIENT_AT          4               /* among what is polled */
#define CONSOLE_PIPE_BYTES (1 << 20)

/** Returns false at the end of the output. Of a flood it takes no more than a pipe holds; of what is
 * slow to search less, as there are other things to heed, but for what is left of it (@last). */
static bool read_console(struct run *run, bool last)
{
	uint64_t until_ns = last ? UINT64_MAX : clock_ns() + POLL_MS * 1000000ULL;
	char buffer[16384];

	run_program_look(run);
	for (size_t taken = 0; taken < CONSOLE_PIPE_BYTES && clock_ns() < until_ns;) {
		ssize_t n = read(run->guest->console_fd, buffer, sizeof(buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		if (n == 0)
			return false;
		taken += (size_t)n;
		run_boot_console(run, buffer, (size_t)n);
		run_output_push(run, buffer, (size_t)n);
	}
	return true;
}

/* The loop */

/* The hypervisor's own word on which thread is which vCPU; it also pins them. */
static void ask_lanes(struct run *run)
{
	struct guest_lane lanes[PROBE_LANES_MAX];
	struct error error = {0};
	int n;

	if (run->lanes_known || !run->guest->ops->lanes) {
		run->lanes_known = true;
		return;
	}
	n = run->guest->ops->lanes(run->guest, lanes, PROBE_LANES_MAX, &error);
	if (n == -EAGAIN)
		return;
	run->lanes_known = true;
	probe_set_consume(run->probes); /* they were recorded before QMP could name them */
	if (n < 0) {
		run_warn(run,
			"%s: the vCPU threads could not be asked for: %s; they were known, and "
			"pinned, by their names",
			run->guest->ops->name, error.text);
		return;
	}
	for (int i = 0; i < n; i++) {
		struct lane_thread *t;

		if (lanes[i].lane >= run->request->lanes)
			continue;
		t = &run->threads[lanes[i].lane];
		if (!t->tid)
			run_warn(run, "vCPU %u was not seen to start", lanes[i].lane);
		else if (t->tid != lanes[i].tid)
			run_warn(run, "vCPU %u is thread %d by QMP, but %d by its name",
				lanes[i].lane, lanes[i].tid, t->tid);
	}
}

static const char *current_phase(const struct run *run)
{
	return run->result->phases[run->result->n_phases - 1].name;
}

/* The program has said all it will: what is left is to end. */
static void await_end(struct run *run)
{
	if (run->ended && !run->said_bye) {
		run->said_bye = true;
		run->bye_ns = clock_ns();
	}
}

uint64_t run_boot_limit_ns(uint64_t longest_boot_ns)
{
	if (longest_boot_ns > UINT64_MAX / BOOT_TIMES)
		return UINT64_MAX;
	return longest_boot_ns * BOOT_TIMES > BOOT_LEAST_NS ? longest_boot_ns * BOOT_TIMES
							    : BOOT_LEAST_NS;
}

/* Emulated guests hang at times as they boot; the others' boots tell it long before --timeout. */
static bool boot_hangs(struct run *run, uint64_t now)
{
	const struct run_request *q = run->request;
	struct run_result *r = run->result;
	char words[CONSOLE_WORDS_SIZE];

	if (r->has_boot || run->ended || !q->longest_boot_ns ||
		now - r->start_ns < run_boot_limit_ns(q->longest_boot_ns))
		return false;
	run_console_last_words(&run->console, words);
	run_fail(run, "the guest hangs: it has not booted after %.0f s, where others took %.2g s%s",
		(double)(now - r->start_ns) / 1e9, (double)q->longest_boot_ns / 1e9, words);
	return true;
}

/** Returns false when the run is over. */
static bool check_time(struct run *run)
{
	uint64_t now = clock_ns(), limit;

	if (*run->settings->interrupted) {
		run->result->interrupted = true;
		run_fail(run, "interrupted in phase %s", current_phase(run));
		return false;
	}
	if (boot_hangs(run, now))
		return false;
	/* A guest powers itself off after its last word, and says how that went: let it. */
	if (run->said_bye && now > run->bye_ns + FAREWELL_MS * 1000000ULL)
		return false;
	limit = run->ended ? run->result->end_ns + REPORT_GRACE_S * NS_PER_S
			   : run->result->start_ns + run->settings->timeout_s * NS_PER_S;
	if (now < limit)
		return true;
	if (run->ended) {
		run_warn(run, "the program did not finish its report within %d s", REPORT_GRACE_S);
	} else if (run->settings->client) {
		run_client_fail_late(run);
	} else {
		char words[CONSOLE_WORDS_SIZE];

		run_console_last_words(&run->console, words);
		run_fail(run, "no end after %u s, in phase %s%s%s", run->settings->timeout_s,
			current_phase(run),
			run->output_ended ? "; the program closed its output" : "", words);
	}
	return false;
}

/* A guest's firmware takes a tenth of a second: its stacks must not wait for as long. */
static bool is_early(const struct run *run)
{
	return !run->lanes_known || (run_guest_awaits_registers(run) && !run->result->has_boot);
}

static void say_no_phase(struct run *run)
{
	char words[CONSOLE_WORDS_SIZE];

	run_console_last_words(&run->console, words);
	run_fail(run,
		"the machine ended before any phase began: --phase NAME=REGEX has to match a line of its "
		"console%s",
		words);
}

/* A machine that is alone ends with its guest, before its process, or at the phase "end". */
static bool is_over(struct run *run, bool process_ended)
{
	const struct guest *g = run->guest;
	bool shut_down;

	if (!run->settings->alone)
		return process_ended;
	shut_down =
		!process_ended && !run->ended && g->ops->shut_down && g->ops->shut_down(run->guest);
	if (shut_down)
		run->output_ended = !read_console(run, true); /* its last words */
	if (shut_down || process_ended)
		run_end_phases(run);
	if (shut_down && !run->ended)
		say_no_phase(run);
	return shut_down || process_ended || run->ended;
}

/*
 * The run is over when the stack's first process has ended: not when its output has, which the
 * program may close before, or hand to a process that outlives it.
 */
void run_watch(struct run *run)
{
	struct guest *g = run->guest;

	for (;;) {
		struct pollfd fds[CLIENT_AT + CLIENT_FDS] = {
			{.fd = run->output_ended ? -1 : g->console_fd, .events = POLLIN},
			{.fd = run->finished ? -1 : probe_set_fd(run->probes), .events = POLLIN},
			{.fd = g->pidfd, .events = POLLIN},
			{.fd = run->settings->alone ? g->event_fd : -1, .events = POLLIN},
		};
		int timeout = is_early(run) ? POLL_EARLY_MS : POLL_MS, look = run_guest_look(run);
		int client = run_client_watch(run, &fds[CLIENT_AT]), glance = run_sched_glance(run);

		if (look < timeout)
			timeout = look;
		if (client < timeout)
			timeout = client;
		if (glance < timeout)
			timeout = glance;
		if (poll(fds, ARRAY_SIZE(fds), timeout) < 0 && errno != EINTR)
			return;
		/* What it said before it ended is in the pipe. */
		if (!run->output_ended && (fds[0].revents || fds[2].revents))
			run->output_ended = !read_console(run, fds[2].revents);
		run_program_look(run);
		run_clock_look(run);
		if (!run_client_turn(run, &fds[CLIENT_AT]) || is_over(run, fds[2].revents))
			return;
		if (run->output_ended)
			await_end(run);
		if (!run->finished)
			probe_set_consume(run->probes);
		if (run->program_begun && !run->finished)
			run_renew_maps(run);
		run_guest_find_registers(run, false);
		if (run->begun)
			run_guest_find_memory(run);
		run_guest_watch_memory(run);
		/* Waits for QEMU's answer; until it has made the memory there is none. */
		if (run->memory_known || run_guest_is_unplaced(run))
			ask_lanes(run);
		if (run->ended && run->settings->boot_only)
			return;
		if (!check_time(run))
			return;
	}
}

void run_explain_end(struct run *run)
{
	struct guest *g = run->guest;
	struct error error = {0};
	char words[CONSOLE_WORDS_SIZE];

	run_output_end(run);
	if (run->result->interrupted || run->result->error[0])
		return;
	if (run->settings->client) {
		run_client_explain(run);
		return;
	}
	if (run->ended && run->settings->boot_only) /* its end was ours */
		return;
	if ((g->ops->verdict &&
		    g->ops->verdict(g, run->console.text, run->console.length, &error) < 0) ||
		run_program_verdict(run, &error) < 0) {
		run_fail(run, "%s", error.text);
		return;
	}
	run_console_last_words(&run->console, words);
	if (run->ended) {
		if (run->program_status)
			run_fail(run, "the program ended with status %llu%s",
				(unsigned long long)run->program_status, words);
		return;
	}
	if (g->reaped && WIFSIGNALED(g->wait_status))
		run_fail(run, "%s was killed by signal %d (%s) in phase %s", g->argv[0],
			WTERMSIG(g->wait_status), strsignal(WTERMSIG(g->wait_status)),
			current_phase(run));
	else if (g->reaped && WIFEXITED(g->wait_status))
		run_fail(run, "%s ended with status %d in phase %s, before the program's end%s",
			g->argv[0], WEXITSTATUS(g->wait_status), current_phase(run), words);
	else
		run_fail(run, "%s did not end", g->argv[0]);
}
