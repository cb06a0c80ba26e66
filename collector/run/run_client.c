/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_client.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/run/run_console.h"
#include "collector/run/run_markers.h"
#include "collector/run/run_output.h"
#include "collector/run/run_program.h"
#include "collector/run/run_threads.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "guests/guest_program.h"
#include "guests/process/command.h"

#define ANSWER_POLL_MS 10
/* A server may listen here and there, one after the other. */
#define UNREACHABLE_MS 3000
/* Of a flood no more is taken at once than a pipe holds: there are other things to heed. */
#define OUTPUT_TAKEN_MAX (1 << 20)

int run_client_prepare(struct run *run, struct error *error)
{
	struct run_client *c = &run->client;
	int r;

	if (!run->settings->client)
		return 0;
	r = guest_client_argv(&run->guest->spec, run->settings->client, &c->argv);
	if (r < 0)
		return error_set_errno(error, r, "the client");
	return run_console_open(run, &c->console, "client", error);
}

static bool is_awaited(const struct run *run)
{
	return run->settings->client && !run->client.child.pid && !run->ended;
}

int run_client_watch(const struct run *run, struct pollfd ret[CLIENT_FDS])
{
	const struct child *child = &run->client.child;
	bool runs = child->pid && !run->client.reaped;

	ret[0] = (struct pollfd){
		.fd = runs && !run->client.output_ended ? child->console_fd : -1, .events = POLLIN};
	ret[1] = (struct pollfd){.fd = runs ? child->pidfd : -1, .events = POLLIN};
	return is_awaited(run) ? ANSWER_POLL_MS : INT_MAX;
}

static void begin_run(struct run *run)
{
	struct run_client *c = &run->client;
	struct run_result *r = run->result;
	int q;

	if (!run_open_phase(run, PROGRAM_PHASE, 0))
		return;
	/* A phase begins a moment after it was published, and the client not before it. */
	while (clock_ns() < r->phases[r->n_phases - 1].start_ns)
		;
	run_mark_threads(run, r->phases[r->n_phases - 1].start_ns);
	q = spawn_release(&c->child.hold_fd);
	if (q < 0)
		run_fail(run, "the client %s cannot be started: %s", c->argv[0], strerror(-q));
	run_look_at_phase(run);
}

/* It waits before its exec, so that nothing but that is left to do when its time has come. */
static void start(struct run *run)
{
	const struct placement *where = run->request->placement;
	struct run_client *c = &run->client;
	struct spawn s = {.argv = c->argv};
	struct error error = {0};

	if (run->settings->boot_only) {
		(void)run_open_phase(run, PROGRAM_PHASE, 0);
		return;
	}
	if (where && where->helper_cpus) {
		s.cpus = where->helper_cpus;
		s.n_cpus = where->n_helper_cpus;
	}
	if (spawn_held(&s, &c->child, &error) < 0)
		run_fail(run, "the client: %s", error.text);
	else
		begin_run(run);
}

static void look_for_answer(struct run *run)
{
	struct run_client *c = &run->client;
	struct error error = {0};
	int r;

	/* The probes see it begin; in a virtual machine the vCPUs have to be known, which takes the same
	 * socket. */
	if (run->request->ops->is_vm ? !run->lanes_known : !run->program_begun)
		return;
	r = run->guest->ops->answers(run->guest, &error);
	if (r == 1)
		start(run);
	if (r >= 0) {
		c->unreachable_ms = 0;
		return;
	}
	if (r == -EADDRNOTAVAIL && !c->unreachable_ms)
		c->unreachable_ms = clock_ms();
	if (r != -EADDRNOTAVAIL || clock_ms() - c->unreachable_ms > UNREACHABLE_MS)
		run_fail(run, "%s", error.text);
}

static void read_output(struct run *run)
{
	struct run_client *c = &run->client;
	char buffer[16384];

	for (size_t taken = 0; taken < OUTPUT_TAKEN_MAX;) {
		ssize_t n = read(c->child.console_fd, buffer, sizeof(buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || (n < 0 && errno != EAGAIN))
			c->output_ended = true;
		if (n <= 0)
			return;
		taken += (size_t)n;
		run_output_push_client(run, buffer, (size_t)n);
	}
}

bool run_client_turn(struct run *run, const struct pollfd fds[CLIENT_FDS])
{
	struct run_client *c = &run->client;

	if (!run->settings->client)
		return true;
	if (is_awaited(run))
		look_for_answer(run);
	/* What it said before it ended is in the pipe. */
	if (fds[0].revents || (fds[1].revents && !c->output_ended))
		read_output(run);
	if (fds[1].revents)
		run_end_phases(run);
	return run->result->ok && !run->ended;
}

bool run_client_stop(struct run *run)
{
	struct run_client *c = &run->client;
	const struct guest_ops *ops = run->guest->ops;

	if (c->child.pid && !c->reaped) {
		if (spawn_reap(c->child.pid, c->child.pidfd, 0, &c->wait_status) < 0)
			(void)spawn_kill(c->child.pid, c->child.pidfd, &c->wait_status);
		c->reaped = true;
	}
	return !run->settings->client || (ops->ask_end && ops->ask_end(run->guest));
}

static void explain_client(struct run *run)
{
	const struct run_client *c = &run->client;
	int signal = WIFSIGNALED(c->wait_status) ? WTERMSIG(c->wait_status) : 0;
	struct error error = {0};
	char words[CONSOLE_WORDS_SIZE];

	run_console_last_words(&c->console, words);
	if (signal)
		run_fail(run, "the client was ended by signal %d (%s)%s", signal, strsignal(signal),
			words);
	else if (WEXITSTATUS(c->wait_status))
		run_fail(run, "the client ended with status %d%s", WEXITSTATUS(c->wait_status),
			words);
	else if (run_program_verdict(run, &error) < 0)
		run_fail(run, "%s", error.text);
}

void run_client_explain(struct run *run)
{
	struct guest *g = run->guest;
	struct error error = {0};
	char when[64] = "while the client ran", words[CONSOLE_WORDS_SIZE];

	if (run->ended) {
		if (!run->settings->boot_only)
			explain_client(run);
		return;
	}
	if (!run->client.child.pid)
		snprintf(when, sizeof(when), "before it answered at port %u", run->settings->port);
	if (g->ops->verdict(g, run->console.text, run->console.length, &error) < 0) {
		run_fail(run, "the server ended %s: %s", when, error.text);
		return;
	}
	run_console_last_words(&run->console, words);
	run_fail(run, "the server ended %s%s", when, words);
}

void run_client_fail_late(struct run *run)
{
	bool started = run->client.child.pid;
	char words[CONSOLE_WORDS_SIZE];

	run_console_last_words(started ? &run->client.console : &run->console, words);
	if (started)
		run_fail(run, "the client did not end: %u s were over%s", run->settings->timeout_s,
			words);
	else
		run_fail(run, "the server did not answer at port %u within %u s%s",
			run->settings->port, run->settings->timeout_s, words);
}

void run_client_done(struct run *run)
{
	struct run_client *c = &run->client;

	close_safe(c->child.hold_fd);
	close_safe(c->child.console_fd);
	close_safe(c->child.pidfd);
	strv_free(c->argv);
	run_console_close(run, &c->console);
}
