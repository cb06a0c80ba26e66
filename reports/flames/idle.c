/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/flames/idle.h"

#include <string.h>

#include "common/cleanup.h"

static bool has(
	const struct stack_frame *parts, size_t n, const char *const *symbols, size_t n_symbols)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n_symbols; k++)
			if (strcmp(parts[i].symbol, symbols[k]) == 0)
				return true;
	return false;
}

/* Off the CPU, the innermost function is the scheduler's. */
static bool is_asleep(const struct stack_frame *parts, size_t n)
{
	return n > 0 && strcmp(parts[0].symbol, "__schedule") == 0;
}

bool idle_is_helper(const struct stack_frame *parts, size_t n)
{
	/* They wait for events, for a time, or for work that somebody gives them: the kernel's functions, QEMU's, Go's. */
	static const char *const waits[] = {"do_sys_poll", "do_select", "ep_poll", "do_epoll_wait",
		"hrtimer_nanosleep", "do_sigtimedwait", "qemu_event_wait", "worker_thread",
		"runtime.stopm", "runtime.sysmon"};

	return is_asleep(parts, n) && has(parts, n, waits, ARRAY_SIZE(waits));
}

bool idle_is_halted(const struct stack_frame *parts, size_t n)
{
	static const char *const halts[] = {
		"kvm_vcpu_block", "kvm_vcpu_halt", "qemu_wait_io_event"};
	/* After the wait QEMU takes its lock again: that is no halt. */
	static const char *const locks[] = {"__lll_lock_wait", "pthread_mutex_lock"};

	return is_asleep(parts, n) && has(parts, n, halts, ARRAY_SIZE(halts)) &&
	       !has(parts, n, locks, ARRAY_SIZE(locks));
}
