/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Promises of collector/books/books.h: what events did not tell apart is split by samples without
 * losing or making a nanosecond, and what is missing from wall time is shown. The lanes and
 * accounts that the probes would give are made here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "collector/books/books.h"
#include "common/cleanup.h"

#define LANES        4
#define ACCOUNTS_MAX 16

/* What the probes counted. */
static struct lane_record lanes[LANES];
static struct counted_account counted[ACCOUNTS_MAX];
static size_t n_counted;

static int start_empty(void **state)
{
	(void)state;
	memset(lanes, 0, sizeof(lanes));
	memset(counted, 0, sizeof(counted));
	n_counted = 0;
	return 0;
}

static void count(unsigned lane, unsigned phase, unsigned state, uint64_t number, uint64_t ns)
{
	counted[n_counted].key = (struct account_key){
		.lane = (uint16_t)lane,
		.phase = (uint8_t)phase,
		.state = (uint8_t)state,
		.detail.number = number,
	};
	counted[n_counted++].value = (struct account_value){.ns = ns, .count = 1};
}

/** @n samples of a lane and phase; the system call is the share's number, see classify(). */
static void sample(struct profile *p, int lane, unsigned phase, int share, uint64_t n)
{
	const struct profile_entry key = {
		.kind = PROFILE_ONCPU,
		.lane = lane,
		.phase = phase,
		.mode = SAMPLE_KERNEL,
		.state = STATE_ONCPU,
		.syscall = share,
	};

	profile_add(p, &key, NULL, NULL, n * 1001001, n);
}

/* Even shares are the kernel's, by their number; odd ones all the program's; or the guest's. */
static unsigned classify(
	const struct profile_entry *e, char ret_detail[static DETAIL_SIZE], void *userdata)
{
	assert_ptr_equal(userdata, lanes);
	if (e->mode == SAMPLE_GUEST) {
		snprintf(ret_detail, DETAIL_SIZE, "part %d", e->syscall);
		return STATE_GUEST;
	}
	if (e->syscall % 2)
		return STATE_USER;
	snprintf(ret_detail, DETAIL_SIZE, "call %d", e->syscall);
	return STATE_KERNEL;
}

/** Phases of 1 ms from 1000 on. */
static const struct phase phases[] = {
	{"boot", 1000, 1001000},
	{"render", 1001000, 2001000},
	{"encode", 2001000, 3001000},
};

static struct books close_books(const struct profile *p, unsigned n_phases, unsigned n_lanes)
{
	struct books b = {0};

	assert_int_equal(books_close(&b,
				 &(struct books_input){
					 .lanes = lanes,
					 .n_lanes = n_lanes,
					 .accounts = counted,
					 .n_accounts = n_counted,
					 .phases = phases,
					 .n_phases = n_phases,
					 .profile = p,
					 .classify = classify,
					 .unsampled = STATE_USER,
					 .userdata = lanes,
				 }),
		0);
	return b;
}

static const struct account *find(
	const struct books *b, unsigned phase, int lane, unsigned state, const char *detail)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct account *a = &b->accounts[i];

		if (a->phase == phase && a->lane == lane && a->state == state &&
			strcmp(a->detail, detail) == 0)
			return a;
	}
	return NULL;
}

static uint64_t sum_of(const struct books *b, unsigned phase, int lane)
{
	uint64_t ns = 0;

	for (unsigned s = 0; s < STATE_COUNT; s++)
		ns += books_state_ns(b, phase, lane, s);
	return ns;
}

static void states_by_events_are_taken_as_they_are(void **state)
{
	struct profile p = {0};
	struct books b;

	(void)state;
	lanes[0].ns[0][STATE_WAKEUP] = 300;
	lanes[0].count[0][STATE_WAKEUP] = 3;
	lanes[0].ns[0][STATE_GUEST] = 999700;
	b = close_books(&p, 1, 1);
	assert_int_equal(b.n, 2);
	assert_int_equal(find(&b, 0, 0, STATE_WAKEUP, "")->ns, 300);
	assert_int_equal(find(&b, 0, 0, STATE_WAKEUP, "")->count, 3);
	assert_true(find(&b, 0, 0, STATE_WAKEUP, "")->exact);
	assert_int_equal(b.residual_ns, 0);
	assert_true(b.worst_residual == 0);
	books_done(&b);
}

static void details_get_their_words_and_helpers_their_names(void **state)
{
	struct profile p = {0};
	struct books b;

	(void)state;
	count(0, 0, STATE_BLOCKED, PROBE_DETAIL(CAUSE_SYSCALL, 230, 0), 400);
	count(0, 0, STATE_PREEMPTED, 0, 600);
	memcpy(counted[1].key.detail.name, "competitor", 11);
	count(PROBE_LANE_HELPER, 0, STATE_ONCPU, 0, 700);
	memcpy(counted[2].key.detail.name, "qemu-system-x86", 16);
	b = close_books(&p, 1, 1);
	assert_int_equal(find(&b, 0, 0, STATE_BLOCKED, "clock_nanosleep")->ns, 400);
	assert_int_equal(find(&b, 0, 0, STATE_PREEMPTED, "competitor")->ns, 600);
	assert_int_equal(find(&b, 0, PROBE_LANE_NONE, STATE_ONCPU, "qemu-system-x86")->ns, 700);
	assert_int_equal(b.residual_ns, 1000000 - 1000);
	books_done(&b);
}

static void only_strangers_are_neighbours(void **state)
{
	static const char takers[] = {TAKER_OTHER, TAKER_LANE, TAKER_HELPER, TAKER_COLLECTOR};
	struct profile p = {0};
	struct books b;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		count(0, 1, STATE_PREEMPTED, 0, 100 << i);
		memcpy(counted[i].key.detail.name, "worker/1", 9);
		counted[i].key.detail.name[PROBE_NAME_SIZE - 1] = takers[i];
	}
	count(0, 0, STATE_PREEMPTED, 0, 5000);
	count(0, 1, STATE_BLOCKED, PROBE_DETAIL(CAUSE_STOPPED, 0, 0), 7000);
	b = close_books(&p, 2, 1);
	assert_int_equal(books_strangers_ns(&b, 1), 100);
	assert_int_equal(books_strangers_ns(&b, 0), 5100);
	books_done(&b);
}

static void numbers_with_the_same_words_are_one_account(void **state)
{
	struct profile p = {0};
	struct books b;

	(void)state;
	count(0, 0, STATE_BLOCKED, PROBE_DETAIL(CAUSE_STOPPED, 0, 0), 1);
	count(0, 0, STATE_BLOCKED, PROBE_DETAIL(CAUSE_STOPPED, 7, 7), 2);
	count(0, 1, STATE_BLOCKED, PROBE_DETAIL(CAUSE_STOPPED, 0, 0), 4);
	count(1, 0, STATE_BLOCKED, PROBE_DETAIL(CAUSE_STOPPED, 0, 0), 8);
	b = close_books(&p, 2, 2);
	assert_int_equal(b.n, 3);
	assert_int_equal(find(&b, 0, 0, STATE_BLOCKED, "stopped")->ns, 3);
	assert_int_equal(find(&b, 0, 0, STATE_BLOCKED, "stopped")->count, 2);
	assert_int_equal(find(&b, 1, 0, STATE_BLOCKED, "stopped")->ns, 4);
	assert_int_equal(find(&b, 0, 1, STATE_BLOCKED, "stopped")->ns, 8);
	books_done(&b);
}

static void on_cpu_time_is_split_in_proportion_to_the_samples(void **state)
{
	struct profile p = {0};
	const struct account *user, *kernel;
	struct books b;

	(void)state;
	lanes[0].ns[0][STATE_ONCPU] = 1000000;
	sample(&p, 0, 0, 1, 700);
	sample(&p, 0, 0, 3, 50); /* the program's too */
	sample(&p, 0, 0, 2, 250);
	b = close_books(&p, 1, 1);
	assert_int_equal(b.n, 2);
	user = find(&b, 0, 0, STATE_USER, "");
	kernel = find(&b, 0, 0, STATE_KERNEL, "call 2");
	assert_int_equal(user->ns, 750000);
	assert_int_equal(kernel->ns, 250000);
	assert_false(user->exact || kernel->exact);
	assert_int_equal(user->samples, 1000);
	assert_int_equal(kernel->samples, 1000);
	assert_int_equal(b.residual_ns, 0);
	books_done(&b);
	profile_done(&p);
}

/* Every whole from nothing to a year, over awkward numbers of samples. */
static void split_parts_sum_to_the_whole_to_the_nanosecond(void **state)
{
	static const uint64_t wholes[] = {
		1, 2, 3, 6, 7, 999, 1000003, 123456789012345, 365ULL * 86400 * 1000000000};
	static const uint64_t weights[][3] = {{1, 1, 1}, {1, 2, 3}, {7, 11, 13},
		{1, 1000000, 999983}, {3, 5, UINT32_MAX}, {1, UINT64_MAX / 4, UINT64_MAX / 3}};

	(void)state;
	for (size_t w = 0; w < ARRAY_SIZE(wholes); w++) {
		for (size_t s = 0; s < ARRAY_SIZE(weights); s++) {
			uint64_t samples = weights[s][0] + weights[s][1] + weights[s][2];
			struct profile p = {0};
			struct books b;

			start_empty(state);
			lanes[0].ns[0][STATE_ONCPU] = wholes[w];
			for (int i = 0; i < 3; i++)
				sample(&p, 0, 0, 2 * i, weights[s][i]);
			b = close_books(&p, 1, 1);
			assert_true(sum_of(&b, 0, 0) == wholes[w]);
			for (size_t i = 0; i < b.n; i++) {
				const struct account *a = &b.accounts[i];
				long double fair;
				int sampled = (a->detail[5] - '0') / 2;

				assert_true(a->ns <= wholes[w]); /* never below 0 */
				fair = (long double)wholes[w] * weights[s][sampled] / samples;
				assert_true(fabsl(fair - a->ns) <= 1.01L);
			}
			books_done(&b);
			profile_done(&p);
		}
	}
}

static void without_samples_all_is_in_the_state_for_that(void **state)
{
	struct profile p = {0};
	const struct account *a;
	struct books b;

	(void)state;
	lanes[0].ns[0][STATE_ONCPU] = 1000000;
	lanes[0].count[0][STATE_ONCPU] = 5;
	b = close_books(&p, 1, 1);
	assert_int_equal(b.n, 1);
	a = find(&b, 0, 0, STATE_USER, "");
	assert_int_equal(a->ns, 1000000);
	assert_int_equal(a->samples, 0);
	assert_false(a->exact);
	books_done(&b);
}

static void a_phase_without_samples_takes_those_of_the_lanes_other_phases(void **state)
{
	struct profile p = {0};
	struct books b;

	(void)state;
	lanes[0].ns[1][STATE_ONCPU] = 1000;
	lanes[1].ns[1][STATE_ONCPU] = 1000;
	sample(&p, 0, 0, 2, 30);
	sample(&p, 0, 2, 1, 10);
	sample(&p, 1, 1, 1, 5);
	b = close_books(&p, 3, 2);
	assert_int_equal(find(&b, 1, 0, STATE_KERNEL, "call 2")->ns, 750);
	assert_int_equal(find(&b, 1, 0, STATE_USER, "")->ns, 250);
	assert_int_equal(find(&b, 1, 0, STATE_USER, "")->samples, 40);
	assert_int_equal(find(&b, 1, 1, STATE_USER, "")->ns, 1000);
	assert_int_equal(find(&b, 1, 1, STATE_USER, "")->samples, 5);
	books_done(&b);
	profile_done(&p);
}

/* An interrupt is in the books by its events; so is what a lane does in a state that is known. */
static void samples_of_what_events_tell_do_not_count(void **state)
{
	struct profile_entry key = {
		.kind = PROFILE_ONCPU, .mode = SAMPLE_IRQ, .state = STATE_ONCPU, .syscall = 2};
	struct profile p = {0};
	struct books b;

	(void)state;
	lanes[0].ns[0][STATE_ONCPU] = 1000;
	profile_add(&p, &key, NULL, NULL, 1, 100);
	key.mode = SAMPLE_KERNEL;
	key.state = STATE_KERNEL;
	profile_add(&p, &key, NULL, NULL, 1, 100);
	key.state = STATE_ONCPU;
	key.kind = PROFILE_OFFCPU;
	profile_add(&p, &key, NULL, NULL, 1, 100);
	sample(&p, 1, 0, 2, 100);
	sample(&p, 0, 0, 1, 1);
	b = close_books(&p, 1, 1);
	assert_int_equal(b.n, 1);
	assert_int_equal(find(&b, 0, 0, STATE_USER, "")->samples, 1);
	books_done(&b);
	profile_done(&p);
}

/* Under KVM the guest's time is known by events; the sample comes when the guest was left already. */
static void time_of_a_guest_is_split_whenever_its_samples_come(void **state)
{
	static const unsigned states[] = {STATE_GUEST, STATE_KERNEL, STATE_IRQ};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct profile_entry key = {.kind = PROFILE_ONCPU,
			.mode = SAMPLE_GUEST,
			.state = states[i],
			.syscall = 1};
		struct profile p = {0};
		struct books b;

		lanes[0].ns[0][STATE_GUEST] = 1000;
		lanes[0].ns[0][STATE_KERNEL] = 500;
		profile_add(&p, &key, NULL, NULL, 1, 30);
		key.syscall = 2;
		profile_add(&p, &key, NULL, NULL, 1, 10);
		b = close_books(&p, 1, 1);
		assert_int_equal(b.n, 3);
		assert_int_equal(find(&b, 0, 0, STATE_GUEST, "part 1")->ns, 750);
		assert_int_equal(find(&b, 0, 0, STATE_GUEST, "part 2")->ns, 250);
		assert_int_equal(find(&b, 0, 0, STATE_KERNEL, "")->ns, 500);
		books_done(&b);
		profile_done(&p);
	}
}

static void exact_and_split_time_of_the_same_words_stay_apart(void **state)
{
	struct profile p = {0};
	struct books b;

	(void)state;
	lanes[0].ns[0][STATE_USER] = 10;
	lanes[0].ns[0][STATE_ONCPU] = 20;
	b = close_books(&p, 1, 1);
	assert_int_equal(b.n, 2);
	assert_int_equal(books_state_ns(&b, 0, 0, STATE_USER), 30);
	books_done(&b);
}

static void the_residual_shows_what_is_missing_and_what_is_too_much(void **state)
{
	struct profile p = {0};
	struct books b;

	(void)state;
	lanes[0].ns[0][STATE_GUEST] = 999000;  /* 1000 too few */
	lanes[1].ns[0][STATE_GUEST] = 1002000; /* 2000 too many */
	lanes[0].ns[1][STATE_GUEST] = 1000000;
	lanes[1].ns[1][STATE_GUEST] = 1000000;
	b = close_books(&p, 2, 2);
	assert_int_equal(b.residual_ns, 3000);
	assert_true(fabs(b.worst_residual - 0.002) < 1e-9);
	books_done(&b);
}

static void helpers_are_beside_the_lanes(void **state)
{
	struct profile p = {0};
	struct books b;

	(void)state;
	lanes[0].ns[0][STATE_GUEST] = 1000000;
	count(PROBE_LANE_HELPER, 0, STATE_ONCPU, 0, 5000);
	memcpy(counted[0].key.detail.name, "dockerd", 8);
	b = close_books(&p, 1, 1);
	assert_int_equal(b.residual_ns, 0);
	assert_int_equal(books_state_ns(&b, 0, PROBE_LANE_NONE, STATE_ONCPU), 5000);
	books_done(&b);
}

static void what_is_after_the_last_phase_is_left_out(void **state)
{
	struct profile p = {0};
	struct books b;

	(void)state;
	count(0, 1, STATE_BLOCKED, PROBE_DETAIL(CAUSE_EXITED, 0, 0), 400);
	lanes[0].ns[1][STATE_GUEST] = 77;
	b = close_books(&p, 1, 1);
	assert_int_equal(b.n, 0);
	books_done(&b);
}

static void cpu_time_is_all_that_held_a_cpu(void **state)
{
	struct profile p = {0};
	struct books b;

	(void)state;
	for (unsigned s = STATE_ONCPU; s < STATE_COUNT; s++)
		lanes[0].ns[0][s] = 1U << s;
	count(0, 0, STATE_BLOCKED, PROBE_DETAIL(CAUSE_HALT_POLL, 0, 0), 1U << 20);
	count(0, 0, STATE_BLOCKED, PROBE_DETAIL(CAUSE_HALT, 0, 0), 1U << 21);
	b = close_books(&p, 1, 1);
	assert_int_equal(books_cpu_ns(&b, 0, 0),
		1U << STATE_ONCPU | 1U << STATE_GUEST | 1U << STATE_USER | 1U << STATE_VMM |
			1U << STATE_KERNEL | 1U << STATE_IRQ | 1U << 20);
	assert_int_equal(books_cpu_ns(&b, 1, 0), 0);
	assert_int_equal(books_cpu_ns(&b, 0, 1), 0);
	books_done(&b);
}

static void many_accounts_fit(void **state)
{
	struct profile p = {0};
	struct books b;

	(void)state;
	lanes[0].ns[0][STATE_ONCPU] = 1000000;
	for (int i = 0; i < 1000; i++)
		sample(&p, 0, 0, 2 * i, 1);
	b = close_books(&p, 1, 1);
	assert_int_equal(b.n, 1000);
	assert_int_equal(sum_of(&b, 0, 0), 1000000);
	books_done(&b);
	assert_null(b.accounts);
	profile_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(states_by_events_are_taken_as_they_are, start_empty),
		cmocka_unit_test_setup(
			details_get_their_words_and_helpers_their_names, start_empty),
		cmocka_unit_test_setup(only_strangers_are_neighbours, start_empty),
		cmocka_unit_test_setup(numbers_with_the_same_words_are_one_account, start_empty),
		cmocka_unit_test_setup(
			on_cpu_time_is_split_in_proportion_to_the_samples, start_empty),
		cmocka_unit_test_setup(split_parts_sum_to_the_whole_to_the_nanosecond, start_empty),
		cmocka_unit_test_setup(without_samples_all_is_in_the_state_for_that, start_empty),
		cmocka_unit_test_setup(
			a_phase_without_samples_takes_those_of_the_lanes_other_phases, start_empty),
		cmocka_unit_test_setup(samples_of_what_events_tell_do_not_count, start_empty),
		cmocka_unit_test_setup(
			time_of_a_guest_is_split_whenever_its_samples_come, start_empty),
		cmocka_unit_test_setup(
			exact_and_split_time_of_the_same_words_stay_apart, start_empty),
		cmocka_unit_test_setup(
			the_residual_shows_what_is_missing_and_what_is_too_much, start_empty),
		cmocka_unit_test_setup(helpers_are_beside_the_lanes, start_empty),
		cmocka_unit_test_setup(what_is_after_the_last_phase_is_left_out, start_empty),
		cmocka_unit_test_setup(cpu_time_is_all_that_held_a_cpu, start_empty),
		cmocka_unit_test_setup(many_accounts_fit, start_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
