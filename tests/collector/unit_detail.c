/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/books/detail.h: every number that a probe can send has words, and no other
 * one does harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/books/detail.h"
#include "common/cleanup.h"

/* What probes/irq.bpf.c sends: the highest bit keeps interrupt 0 from looking like no detail. */
#define IRQ_DETAIL(kind, number) (1ULL << 63 | (uint64_t)(kind) << 32 | (number))

static const char *text(unsigned state, uint64_t number)
{
	static char ret[DETAIL_SIZE];
	const struct probe_detail detail = {.number = number};

	memset(ret, 'x', sizeof(ret));
	detail_text(state, &detail, ret);
	assert_non_null(memchr(ret, '\0', sizeof(ret)));
	return ret;
}

static const char *blocked(unsigned cause, unsigned nr, unsigned sub)
{
	return text(STATE_BLOCKED, PROBE_DETAIL(cause, nr, sub));
}

static void no_detail_has_no_words(void **state)
{
	(void)state;
	for (unsigned s = 0; s < STATE_COUNT; s++)
		assert_string_equal(text(s, 0), "");
}

static void every_cause_has_words(void **state)
{
	static const char *const expected[] = {
		[CAUSE_STOPPED] = "stopped",
		[CAUSE_TRACED] = "traced",
		[CAUSE_FAULT] = "fault",
		[CAUSE_NOT_CREATED] = "not created",
		[CAUSE_EXITED] = "exited",
		[CAUSE_HALT] = "halt",
		[CAUSE_HALT_POLL] = "halt polling",
		[CAUSE_FROZEN] = "frozen",
	};

	(void)state;
	for (unsigned cause = CAUSE_STOPPED; cause <= CAUSE_FROZEN; cause++)
		assert_string_equal(blocked(cause, 0, 0), expected[cause]);
}

static void system_calls_have_their_names(void **state)
{
	(void)state;
	assert_string_equal(blocked(CAUSE_SYSCALL, 0, 0), "read");
	assert_string_equal(blocked(CAUSE_SYSCALL, 35, 0), "nanosleep");
	assert_string_equal(blocked(CAUSE_SYSCALL, 230, 0), "clock_nanosleep");
	assert_string_equal(
		text(STATE_KERNEL, PROBE_DETAIL(CAUSE_SYSCALL, 202, WAIT_PLAIN)), "futex");
}

static void what_a_system_call_waits_on_is_told(void **state)
{
	static const char *const expected[] = {
		[WAIT_PLAIN] = "read",
		[WAIT_FUTEX_LOCK] = "read lock",
		[WAIT_FUTEX_CONDITION] = "read condition",
		[WAIT_PIPE] = "read pipe",
		[WAIT_SOCKET] = "read socket",
		[WAIT_FILE] = "read file",
		[WAIT_CHARDEV] = "read device",
		[WAIT_OTHER_FD] = "read other",
	};

	(void)state;
	for (unsigned wait = 0; wait < ARRAY_SIZE(expected); wait++)
		assert_string_equal(blocked(CAUSE_SYSCALL, 0, wait), expected[wait]);
	assert_string_equal(blocked(CAUSE_SYSCALL, 202, WAIT_FUTEX_LOCK), "futex lock");
}

static void every_vector_has_words(void **state)
{
	(void)state;
	for (unsigned vector = 0; vector < VECTOR_COUNT; vector++) {
		const char *words = text(STATE_IRQ, IRQ_DETAIL(IRQ_VECTOR, vector));

		assert_true(words[0] != '\0');
		assert_null(strpbrk(words, "0123456789"));
	}
	assert_string_equal(
		text(STATE_IRQ, IRQ_DETAIL(IRQ_VECTOR, VECTOR_LOCAL_TIMER)), "local timer");
}

/* The kernel's own list (enum in include/linux/interrupt.h) is in the order of /proc/softirqs. */
static void softirqs_have_the_kernels_names(void **state)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/softirqs", "re");
	char line[8192], name[32], expected[64];
	unsigned number = 0;

	(void)state;
	assert_string_equal(text(STATE_IRQ, IRQ_DETAIL(IRQ_SOFT, 3)), "softirq net_rx");
	if (!f || !fgets(line, sizeof(line), f))
		skip();
	for (; fgets(line, sizeof(line), f); number++) {
		assert_int_equal(sscanf(line, " %31[A-Z_]", name), 1);
		for (char *c = name; *c; c++)
			*c |= *c == '_' ? 0 : 0x20;
		snprintf(expected, sizeof(expected), "softirq %s", name);
		assert_string_equal(text(STATE_IRQ, IRQ_DETAIL(IRQ_SOFT, number)), expected);
	}
	assert_int_equal(number, 10);
}

static void devices_have_their_numbers(void **state)
{
	(void)state;
	assert_string_equal(text(STATE_IRQ, IRQ_DETAIL(IRQ_HARD, 987654)), "irq 987654");
	assert_int_equal(strncmp(text(STATE_IRQ, IRQ_DETAIL(IRQ_HARD, 0)), "irq 0", 5), 0);
}

static void exits_have_the_names_of_their_processor(void **state)
{
	(void)state;
	assert_string_equal(blocked(CAUSE_VMEXIT, 0x078, ISA_SVM), "exit HLT");
	assert_string_equal(blocked(CAUSE_VMEXIT, 12, ISA_VMX), "exit HLT");
	assert_string_equal(blocked(CAUSE_VMEXIT, 0x060, ISA_SVM), "exit external interrupt");
	assert_string_equal(blocked(CAUSE_VMEXIT, 1, ISA_VMX), "exit external interrupt");
	assert_string_equal(blocked(CAUSE_VMEXIT, 0x400, ISA_SVM), "exit nested page fault");
	assert_string_equal(blocked(CAUSE_VMEXIT, 48, ISA_VMX), "exit EPT violation");
	assert_string_equal(blocked(CAUSE_VMEXIT, 0xffff, ISA_SVM), "exit 0xffff");
	assert_string_equal(
		text(STATE_KERNEL, PROBE_DETAIL(CAUSE_VMEXIT, 10, ISA_VMX)), "exit CPUID");
}

static void who_ran_instead_is_named_whole(void **state)
{
	struct probe_detail detail;
	char ret[DETAIL_SIZE];

	(void)state;
	memcpy(detail.name, "competitor\0\0\0\0\0", sizeof(detail.name));
	detail_text(STATE_PREEMPTED, &detail, ret);
	assert_string_equal(ret, "competitor");
	/* A thread's name has 15 bytes at most; what is behind it is of what kind the thread is. */
	memcpy(detail.name, "0123456789abcde", sizeof(detail.name));
	detail.name[PROBE_NAME_SIZE - 1] = TAKER_HELPER;
	detail_text(STATE_PREEMPTED, &detail, ret);
	assert_string_equal(ret, "0123456789abcde");
	assert_string_equal(detail_taker(PROBE_DETAIL_TAKER(&detail)), "helper");
	assert_string_equal(detail_taker(TAKER_COUNT), "other");
}

/* Every bit alone, pairs of them, and all: whatever the number, there is an end to the text. */
static void no_number_overflows_the_text(void **state)
{
	(void)state;
	for (unsigned s = 0; s < STATE_COUNT + 2; s++) {
		if (s == STATE_IRQ) /* reads a file each time */
			continue;
		for (unsigned i = 0; i < 64; i++)
			for (unsigned j = 0; j < 64; j++)
				text(s, 1ULL << i | 1ULL << j);
		for (unsigned cause = 0; cause < 256; cause++)
			text(s, (uint64_t)cause << 56 | 0xffffffffffffff);
	}
	for (unsigned i = 0; i < 64; i++)
		text(STATE_IRQ, 1ULL << i);
	text(STATE_IRQ, UINT64_MAX);
}

static void unknown_numbers_are_shown_as_numbers(void **state)
{
	(void)state;
	assert_string_equal(text(STATE_IRQ, IRQ_DETAIL(IRQ_SOFT, 77)), "softirq 77");
	assert_string_equal(text(STATE_IRQ, IRQ_DETAIL(IRQ_VECTOR, 77)), "vector 77");
	assert_string_equal(blocked(CAUSE_SYSCALL, 999, 0), "syscall_999");
	assert_string_equal(blocked(CAUSE_SYSCALL, 0, 99), "read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_detail_has_no_words),
		cmocka_unit_test(every_cause_has_words),
		cmocka_unit_test(system_calls_have_their_names),
		cmocka_unit_test(what_a_system_call_waits_on_is_told),
		cmocka_unit_test(every_vector_has_words),
		cmocka_unit_test(softirqs_have_the_kernels_names),
		cmocka_unit_test(devices_have_their_numbers),
		cmocka_unit_test(exits_have_the_names_of_their_processor),
		cmocka_unit_test(who_ran_instead_is_named_whole),
		cmocka_unit_test(no_number_overflows_the_text),
		cmocka_unit_test(unknown_numbers_are_shown_as_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
