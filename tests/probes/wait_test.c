/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Promise of collector/probes/probe_wait.h: a program that ran when it was called has ended when it returns. The
 * program is one that takes some tens of milliseconds. Needs root and BTF.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/libbpf.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/probes/probe_wait.h"
#include "common/clock.h"
#include "slow.skel.h"

#define ROUNDS      5
#define LONG_NS     5000000ULL /* longer than a pause that is good enough by day */
#define PATIENCE_NS 20000000000ULL

/* Begun programs of @s, once there are more than @before. */
static uint32_t wait_begun(const struct slow_bpf *s, uint32_t before)
{
	uint64_t until = clock_ns() + PATIENCE_NS;
	uint32_t begun;

	while ((begun = __atomic_load_n(&s->bss->begun, __ATOMIC_SEQ_CST)) == before)
		assert_true(clock_ns() < until);
	return begun;
}

/* Or for as long as this process lives. */
static _Noreturn void call_for_ever(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		(void)getppid();
}

static void test_what_ran_has_ended(void **state)
{
	struct slow_bpf *s = slow_bpf__open();
	uint64_t longest = 0;
	pid_t child;

	(void)state;
	assert_non_null(s);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		call_for_ever();
	s->rodata->watched_tgid = (uint32_t)child;
	assert_int_equal(slow_bpf__load(s), 0);
	assert_int_equal(slow_bpf__attach(s), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t begun = wait_begun(s, __atomic_load_n(&s->bss->begun, __ATOMIC_SEQ_CST));
		uint64_t from = clock_ns();

		assert_int_equal(probe_wait_programs(), 0);
		assert_true(__atomic_load_n(&s->bss->ended, __ATOMIC_SEQ_CST) >= begun);
		if (clock_ns() - from > longest)
			longest = clock_ns() - from;
	}
	/* Or there was nothing to wait for. */
	assert_true(longest > LONG_NS);
	printf("waited for %.1f ms at most\n", (double)longest / 1e6);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	slow_bpf__destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_ran_has_ended),
	};

	if (geteuid() != 0) {
		puts("skipped: needs root, to load eBPF programs");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
