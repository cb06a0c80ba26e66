/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/books/queue_book.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/books/queue_book.h"

#define PERIOD_NS 1000000

static void idle_vcpus_that_are_blocked_are_told_from_those_that_poll(void **state)
{
	struct queue_book b = {0};
	/* Four vCPUs: two run, two have nothing to run, of which one is blocked; one thread waits. */
	const struct guest_queues q = {
		.cpus = 4, .own = 1, .waiting = 1, .idle = 2, .running = 2, .halted = 1};

	(void)state;
	queue_book_add(&b, 1, 0, 5000, &q, PERIOD_NS);
	assert_int_equal(b.n, 1);
	assert_true(b.slices[0].lost_ns == PERIOD_NS / 2.0);
	assert_true(b.slices[0].lost_blocked_ns == PERIOD_NS / 4.0);
	queue_book_done(&b);
}

static void a_run_queue_that_could_not_be_read_is_no_idle_vcpu(void **state)
{
	struct queue_book b = {0};
	const struct guest_queues q = {.cpus = 2, .waiting = 3, .running = 2, .unread = 1};

	(void)state;
	queue_book_add(&b, 1, 0, 5000, &q, PERIOD_NS);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.ticks, 1);
	assert_int_equal(b.lost, 1);
	queue_book_done(&b);
}

static void what_finds_no_room_is_counted(void **state)
{
	struct queue_book b = {0};
	const struct guest_queues q = {.cpus = 1, .running = 1};
	const uint64_t more = 100;

	(void)state;
	for (uint32_t lane = 0; lane < (uint32_t)QUEUE_SLICES_MAX * 64 + more; lane++)
		queue_book_add(&b, 1, lane, 5000, &q, PERIOD_NS);
	assert_int_equal(b.n, (size_t)QUEUE_SLICES_MAX * 64);
	assert_int_equal(b.lost, more);
	queue_book_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_vcpus_that_are_blocked_are_told_from_those_that_poll),
		cmocka_unit_test(a_run_queue_that_could_not_be_read_is_no_idle_vcpu),
		cmocka_unit_test(what_finds_no_room_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
