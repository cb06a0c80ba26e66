/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/attach_state.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/proc.h"
#include "common/text_file.h"
#include "probes/wait.h"

static unsigned wait_on_fd(pid_t tgid, unsigned long fd)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%lu", tgid, fd);
	if (stat(path, &st) < 0)
		return WAIT_PLAIN;
	return wait_of_mode(st.st_mode);
}

struct call {
	long nr; /* negative: in none */
	unsigned long first, second;
};

static bool read_call(const struct probe_adoption *t, struct call *ret)
{
	char text[256];

	*ret = (struct call){.nr = -1};
	return file_read_start(text, sizeof(text), "/proc/%d/task/%d/syscall", t->tgid, t->tid) >=
		       0 &&
	       sscanf(text, "%ld %lx %lx", &ret->nr, &ret->first, &ret->second) >= 1;
}

static uint64_t sleep_cause(const struct probe_adoption *t)
{
	struct call call;

	if (!read_call(t, &call))
		return 0;
	return wait_detail(call.nr, call.second,
		wait_is_on_fd(call.nr) ? wait_on_fd(t->tgid, call.first) : WAIT_PLAIN);
}

void attach_guess_vcpu(struct probe_adoption *thread)
{
	struct proc_variables v;
	struct call call;

	if (thread->state == STATE_BLOCKED && read_call(thread, &call) &&
		proc_read_variables(thread->tgid, &v) == 0)
		thread->detail = wait_of_vcpu(thread->detail, call.first, v.data, v.brk);
}

bool attach_guess_state(struct probe_adoption *thread, int *ret_cpu)
{
	static const struct {
		char letter;
		uint64_t detail;
	} causes[] = {
		{'T', PROBE_DETAIL(CAUSE_STOPPED, 0, 0)},
		{'t', PROBE_DETAIL(CAUSE_TRACED, 0, 0)},
	};
	struct proc_stat s;
	char letter;

	if (proc_read_stat(thread->tid, &s) < 0 || strchr("ZX", s.state))
		return false;
	letter = s.state;
	*ret_cpu = s.cpu;
	thread->state = letter == 'R' ? STATE_ONCPU : STATE_BLOCKED;
	thread->detail = 0;
	if (letter == 'R')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		if (causes[i].letter == letter) {
			thread->detail = causes[i].detail;
			return true;
		}
	}
	thread->detail = sleep_cause(thread);
	return true;
}
