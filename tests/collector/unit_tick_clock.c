/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/machine/tick_clock.h, and of collector/inside/guest_ticks.h for KVM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/inside/guest_ticks.h"
#include "collector/inside/process_variable.h"
#include "collector/machine/tick_clock.h"
#include "common/clock.h"

#define GHZ 2.6

/* The clock as it truly is at a tick: 0.3 ppm of drift come and go. */
static double truth(double ticks)
{
	return 5e9 + ticks / GHZ + 300 * sin(ticks / 4e9);
}

static void the_truth_is_within_the_bounds(void **state)
{
	enum { N = 200 };
	struct tick_reading r[N];
	struct tick_line line;

	(void)state;
	srand(1);
	for (int i = 0; i < N; i++) {
		double ticks = 1e12 + i * 130e6, width = 40 + rand() % 200;

		r[i] = (struct tick_reading){(uint64_t)ticks, (uint64_t)(ticks + width),
			(uint64_t)truth(ticks + width * (rand() % 100) / 100)};
	}
	assert_int_equal(tick_clock_fit(r, N, &line), 0);
	assert_int_equal(line.readings, N);
	assert_true(fabs(line.ns_per_tick * GHZ - 1) < 1e-6);
	assert_true(line.high_ns - line.low_ns < 1000);
	for (int i = 0; i < N; i++) {
		double late = truth(1e12 + i * 130e6) -
			      (double)tick_line_ns(&line, (uint64_t)(1e12 + i * 130e6));

		assert_true(late >= (double)line.low_ns - 1 && late <= (double)line.high_ns + 1);
	}
}

static void this_machine_is_known_to_a_microsecond(void **state)
{
	struct tick_reading r[20];
	struct tick_line line;

	(void)state;
	for (int i = 0; i < 20; i++) {
		if (tick_clock_read(&r[i]) < 0)
			skip();
		usleep(2000);
	}
	assert_int_equal(tick_clock_fit(r, 20, &line), 0);
	printf("  CLOCK_MONOTONIC by the counter: %lld to %lld ns\n", (long long)line.low_ns,
		(long long)line.high_ns);
	assert_true(line.low_ns <= 0 && line.high_ns >= 0);
}

static void a_guests_counter_is_moved(void **state)
{
	struct tick_line line = {.ticks = 1000000, .at_ns = 500, .ns_per_tick = 0.5}, other = line;

	(void)state;
	assert_int_equal(tick_line_move(&line, 1, -999000), 0);
	assert_int_equal(tick_line_ns(&line, 1000), 500);
	assert_int_equal(tick_line_ns(&line, 1200), 600);
	assert_int_equal(tick_line_move(&other, 2, 10), 0);
	assert_int_equal(tick_line_ns(&other, 2000010), 500);
	assert_int_equal(tick_line_ns(&other, 2000210), 550);
	assert_int_equal(tick_line_move(&other, 1, -3000000), -ERANGE);
}

static void two_equal_readings_make_no_line(void **state)
{
	struct tick_reading r[] = {{1000, 1100, 5}, {1000, 1100, 5}};
	struct tick_line line;

	(void)state;
	assert_int_equal(tick_clock_fit(r, 2, &line), -ENODATA);
	assert_int_equal(tick_clock_fit(r, 1, &line), -ENODATA);
}

static void write_text(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* As Linux lays it out; the 10th vCPU comes after the 2nd. */
static void kvm_tells_offset_and_ratio_of_each_vcpu(void **state)
{
	char root[] = "/tmp/guestscope-kvm-XXXXXX", folder[256], command[300];
	struct guest_ticks found;
	struct error error = {0};

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(folder, sizeof(folder), "%s/77-12", root);
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(folder, sizeof(folder), "%s/77-12/vcpu10", root);
	assert_int_equal(mkdir(folder, 0700), 0);
	write_text(folder, "tsc-offset", "-5\n");
	write_text(folder, "tsc-scaling-ratio", "6442450944\n");
	write_text(folder, "tsc-scaling-ratio-frac-bits", "32\n");
	snprintf(folder, sizeof(folder), "%s/77-12/vcpu2", root);
	assert_int_equal(mkdir(folder, 0700), 0);
	write_text(folder, "tsc-offset", "-38095356603773\n");
	assert_int_equal(guest_ticks_kvm(root, 77, 0, &found, &error), 0);
	assert_true(found.offset == -38095356603773 && found.ratio == 1);
	assert_int_equal(guest_ticks_kvm(root, 77, 1, &found, &error), 0);
	assert_true(found.offset == -5 && found.ratio == 1.5);
	assert_int_equal(guest_ticks_kvm(root, 77, 2, &found, &error), -ENOENT);
	assert_int_equal(guest_ticks_kvm(root, 78, 0, &found, &error), -ENOENT);
	assert_null(strstr(error.text, "mount"));
	snprintf(command, sizeof(command), "%s/77-12/vcpu2/tsc-offset", root);
	unlink(command);
	assert_int_equal(guest_ticks_kvm(root, 77, 0, &found, &error), -ENOENT);
	snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0); /* a test's own folder: NOLINT(cert-env33-c) */
	assert_int_equal(guest_ticks_kvm(root, 77, 0, &found, &error), -ENOENT);
	assert_non_null(strstr(error.text, "mount -t debugfs"));
}

int64_t told[2] = {17, -123456789}; /* as QEMU's timers_state begins */

/* This program is position-independent, as QEMU is. */
static void an_emulators_variable_is_found_in_its_memory(void **state)
{
	struct guest_ticks found;
	struct error error = {0};
	uint64_t address = 0;

	(void)state;
	assert_int_equal(process_variable_find(getpid(), "told", &address), 0);
	assert_int_equal(address, (uintptr_t)told);
	assert_int_equal(guest_ticks_qemu(getpid(), address, &found, &error), 0);
	assert_true(found.offset == -123456789 && found.ratio == 1);
	assert_int_equal(process_variable_find(getpid(), "no_such_variable", &address), -ENOENT);
	assert_int_equal(guest_ticks_qemu_find(getpid(), &address, &error), -ENOENT);
	assert_non_null(strstr(error.text, "timers_state"));
	/* Nothing is there. */
	assert_true(guest_ticks_qemu(getpid(), 8, &found, &error) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_truth_is_within_the_bounds),
		cmocka_unit_test(this_machine_is_known_to_a_microsecond),
		cmocka_unit_test(a_guests_counter_is_moved),
		cmocka_unit_test(two_equal_readings_make_no_line),
		cmocka_unit_test(kvm_tells_offset_and_ratio_of_each_vcpu),
		cmocka_unit_test(an_emulators_variable_is_found_in_its_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
