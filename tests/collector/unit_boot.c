/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/run/boot.h: steps without a gap, from evidence that comes in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "collector/run/boot.h"
#include "common/cleanup.h"

#define START 1000000ULL
#define END   9000000ULL
#define RAM   (512ULL << 20)

static const struct guest_boot_line lines[] = {
	{BOOT_KERNEL, "guest: init"}, {BOOT_INIT, "guest: program"}};

static const struct guest_boot machine = {
	.steps = {BOOT_PROCESS_START, BOOT_QEMU_SETUP, BOOT_FIRMWARE, BOOT_KERNEL, BOOT_INIT,
		BOOT_PROGRAM},
	.n_steps = 6,
	.lines = lines,
	.n_lines = ARRAY_SIZE(lines),
};

static const struct guest_boot container = {
	.steps = {BOOT_CLIENT, BOOT_DAEMON, BOOT_MONITOR, BOOT_RUNTIME_CREATE, BOOT_START_REQUEST,
		BOOT_RUNTIME_START, BOOT_PROGRAM},
	.n_steps = 7,
	.monitor = "containerd-shim",
};

static const struct guest_inside inside = {.ranges = {{0, RAM, 0}}, .n_ranges = 1};

static struct boot *new_boot(const struct guest_boot *plan)
{
	struct boot *b = NULL;

	assert_int_equal(boot_new(plan, &b), 0);
	return b;
}

static void event(struct boot *b, enum boot_event what, uint32_t tgid, uint32_t parent,
	uint64_t time_ns, const char *name)
{
	struct record_boot r = {.type = RECORD_BOOT,
		.event = what,
		.tgid = tgid,
		.parent = parent,
		.time_ns = time_ns,
		.is_program = strcmp(name, "mandelbrot") == 0};

	snprintf(r.name, sizeof(r.name), "%s", name);
	boot_event(b, &r);
}

static void say(struct boot *b, const char *text, uint64_t time_ns)
{
	boot_console(b, text, strlen(text), time_ns);
}

static void sample(struct boot *b, uint64_t rip, uint64_t time_ns)
{
	struct record_sample s = {.time_ns = time_ns, .guest.n_frames = 1};

	/* Without paging below 4 GiB, in 64-bit mode above; user code in the lower half. */
	s.guest.end = rip < 0x100000000ULL ? GUEST_END_PAGING_OFF : GUEST_END_ROOT;
	s.guest.privilege = rip >= 0x100000000ULL && rip < 0x800000000000ULL ? 3 : 0;
	boot_sample(b, &s, rip, &inside);
}

/** Close, and check what holds always. The names of the steps, joined by "|". */
static const char *close_boot(struct boot *b, struct boot_timeline *t)
{
	static char names[1024];
	uint64_t at = START;

	boot_close(b, START, END, false, t);
	names[0] = '\0';
	for (size_t i = 0; i < t->n; i++) {
		assert_int_equal(t->steps[i].start_ns, at);
		assert_true(t->steps[i].end_ns >= at);
		at = t->steps[i].end_ns;
		assert_true(t->steps[i].source[0]);
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? "|" : "",
			t->steps[i].name);
	}
	assert_int_equal(at, END);
	boot_free(b);
	return names;
}

static void a_machine_has_all_its_steps(void **state)
{
	struct boot *b = new_boot(&machine);
	struct boot_timeline t;

	(void)state;
	event(b, BOOT_EXEC, 10, 0, 1100000, "qemu-system-x86");
	event(b, BOOT_ENTRY, 10, 10, 1200000, "qemu-system-x86");
	event(b, BOOT_GUEST, 10, 10, 2000000, "CPU 0/TCG");
	sample(b, 0xfff0, 2100000);
	sample(b, RAM - 4096, 2800000);
	sample(b, RAM - (17ULL << 20), 2900000); /* where SeaBIOS moves itself */
	sample(b, 0x100000, 3100000);
	sample(b, 0x99000, 4000000); /* the second processor starts in real mode */
	say(b, "guest: init\n", 5000000);
	say(b, "guest: program\n", 6000000);
	assert_string_equal(
		close_boot(b, &t), "process start|QEMU set-up|firmware|kernel|init|program");
	assert_int_equal(t.steps[0].end_ns, 1200000);
	assert_int_equal(t.steps[1].end_ns, 2000000);
	assert_int_equal(t.steps[2].end_ns, 3000000); /* between the two samples */
	assert_int_equal(t.steps[3].end_ns, 5000000);
	assert_int_equal(t.steps[4].end_ns, 6000000);
	assert_string_equal(t.steps[0].source, "first code of qemu-system-x86");
	assert_string_equal(t.steps[3].source, "console: guest: init");
}

/* A program that is watched from its exec on has no part in the boot. */
static void an_exec_ends_the_boot_without_the_program(void **state)
{
	struct boot *b = new_boot(&machine);
	struct boot_timeline t;

	(void)state;
	event(b, BOOT_ENTRY, 10, 10, 1200000, "qemu-system-x86");
	boot_close(b, START, END, true, &t);
	boot_free(b);
	assert_true(t.n >= 1);
	assert_string_equal(t.steps[0].name, "process start");
	for (size_t i = 0; i < t.n; i++)
		assert_null(strstr(t.steps[i].name, "program"));
	assert_int_equal(t.steps[t.n - 1].end_ns, END);
	assert_string_equal(t.steps[t.n - 1].source, "exec of the program");
}

static void without_any_evidence_the_boot_is_one_step(void **state)
{
	struct boot_timeline t;

	(void)state;
	assert_string_equal(close_boot(new_boot(&machine), &t),
		"process start + QEMU set-up + firmware + kernel + init + program");
	assert_int_equal(t.n, 1);
}

static void a_step_without_an_end_goes_with_the_next(void **state)
{
	struct boot *b = new_boot(&machine);
	struct boot_timeline t;

	(void)state;
	event(b, BOOT_ENTRY, 10, 10, 1200000, "qemu-system-x86");
	event(b, BOOT_GUEST, 10, 10, 2000000, "CPU 0/KVM");
	say(b, "guest: init\n", 5000000);
	assert_string_equal(
		close_boot(b, &t), "process start|QEMU set-up|firmware + kernel|init + program");
}

static void samples_in_user_mode_end_the_kernel_where_no_line_does(void **state)
{
	struct boot *b = new_boot(&machine);
	struct boot_timeline t;

	(void)state;
	sample(b, 0x7f0000001000, 5100000);
	sample(b, 0xffffffff81000000, 4100000);
	sample(b, 0x7f0000001000, 5000000);
	sample(b, 0xf0000, 3900000);
	assert_string_equal(
		close_boot(b, &t), "process start + QEMU set-up|firmware|kernel|init + program");
	assert_int_equal(t.steps[1].end_ns, 4000000);
	assert_int_equal(t.steps[2].end_ns, 5000000);
	assert_string_equal(t.steps[2].source, "first sample in user mode");
}

static void of_marks_that_contradict_each_other_the_better_one_stays(void **state)
{
	struct boot *b = new_boot(&machine);
	struct boot_timeline t;

	(void)state;
	event(b, BOOT_GUEST, 10, 10, 4000000, "CPU 0/TCG");
	sample(b, 0xf0000, 2000000); /* before the guest's first code: that cannot be */
	sample(b, 0x100000, 2100000);
	say(b, "guest: init\n", 5000000);
	assert_string_equal(
		close_boot(b, &t), "process start + QEMU set-up|firmware + kernel|init + program");
	assert_int_equal(t.steps[0].end_ns, 4000000);
}

static void marks_outside_of_the_boot_count_for_nothing(void **state)
{
	struct boot *b = new_boot(&machine);
	struct boot_timeline t;

	(void)state;
	event(b, BOOT_ENTRY, 10, 10, START - 1, "qemu-system-x86");
	event(b, BOOT_GUEST, 10, 10, END + 1, "CPU 0/TCG");
	close_boot(b, &t);
	assert_int_equal(t.n, 1);
}

static void lines_may_come_in_pieces_and_among_others(void **state)
{
	struct boot *b = new_boot(&machine);
	struct boot_timeline t;

	(void)state;
	say(b, "noise\r\n[ 0.1] gue", 2000000);
	say(b, "st: in", 3000000);
	say(b, "it (8.0 ms)\nmore\nguest: program", 4000000);
	say(b, "\n", 5000000);
	say(b, "guest: init\n", 6000000); /* once is enough: the first counts */
	close_boot(b, &t);
	assert_int_equal(t.steps[0].end_ns, 4000000);
	assert_int_equal(t.steps[1].end_ns, 5000000);
}

static void a_line_without_end_does_no_harm(void **state)
{
	struct boot *b = new_boot(&machine);
	struct boot_timeline t;

	(void)state;
	for (int i = 0; i < 1000; i++)
		say(b, "guest: in guest: in guest: in guest: in", 2000000);
	say(b, "\nguest: init\n", 3000000);
	close_boot(b, &t);
	assert_int_equal(t.steps[0].end_ns, 3000000);
}

/* dockerd 1, containerd 2; the container's processes from 20 on. */
static void docker_boots(struct boot *b)
{
	event(b, BOOT_EXEC, 10, 0, 1100000, "docker");
	event(b, BOOT_CALLED, 10, 1, 1500000, "dockerd");
	event(b, BOOT_FORK, 20, 2, 2000000, "containerd");
	event(b, BOOT_EXEC, 20, 0, 2100000, "containerd-shim");
	event(b, BOOT_FORK, 21, 20, 2200000, "containerd-shim");
	event(b, BOOT_EXEC, 21, 0, 2300000, "containerd-shim");
	event(b, BOOT_EXIT, 20, 0, 2400000, "containerd-shim");
	event(b, BOOT_FORK, 22, 21, 2900000, "containerd-shim");
	event(b, BOOT_EXEC, 22, 0, 3000000, "runc");
	event(b, BOOT_FORK, 23, 22, 3100000, "runc");
	event(b, BOOT_EXEC, 23, 0, 3200000, "exe");
	event(b, BOOT_FORK, 24, 23, 3300000, "runc:[0:PARENT]");
	event(b, BOOT_FORK, 25, 24, 3400000, "runc:[1:CHILD]");
	event(b, BOOT_EXIT, 22, 0, 4000000, "runc");
	event(b, BOOT_FORK, 30, 21, 4400000, "containerd-shim");
	event(b, BOOT_EXEC, 30, 0, 4500000, "runc");
	event(b, BOOT_EXEC, 25, 0, 5000000, "mandelbrot");
}

static void assert_docker(const struct boot_timeline *t)
{
	static const uint64_t ends[] = {1500000, 2100000, 3000000, 4000000, 4500000, 5000000, END};

	assert_int_equal(t->n, ARRAY_SIZE(ends));
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		assert_int_equal(t->steps[i].end_ns, ends[i]);
}

static void a_container_has_all_its_steps(void **state)
{
	struct boot *b = new_boot(&container);
	struct boot_timeline t;

	(void)state;
	docker_boots(b);
	assert_string_equal(close_boot(b, &t), "client|daemon|monitor|runtime create|start request|"
					       "runtime start|program");
	assert_docker(&t);
	assert_string_equal(t.steps[1].source, "exec of containerd-shim");
	assert_string_equal(t.steps[3].source, "end of runc (create)");
	assert_string_equal(t.steps[5].source, "exec of mandelbrot");
}

static void other_containers_of_the_same_daemon_are_not_ours(void **state)
{
	struct boot *b = new_boot(&container);
	struct boot_timeline t;

	(void)state;
	/* Another one starts a little earlier, and a health check runs meanwhile. */
	event(b, BOOT_FORK, 40, 2, 1600000, "containerd");
	event(b, BOOT_EXEC, 40, 0, 1700000, "containerd-shim");
	event(b, BOOT_FORK, 41, 40, 1750000, "containerd-shim");
	event(b, BOOT_EXEC, 41, 0, 1800000, "containerd-shim");
	event(b, BOOT_FORK, 42, 41, 1850000, "containerd-shim");
	event(b, BOOT_EXEC, 42, 0, 1900000, "runc");
	docker_boots(b);
	event(b, BOOT_EXIT, 42, 0, 3900000, "runc");
	event(b, BOOT_FORK, 43, 41, 4100000, "containerd-shim");
	event(b, BOOT_EXEC, 43, 0, 4200000, "runc");
	close_boot(b, &t);
	assert_docker(&t);
}

static void events_may_come_in_any_order(void **state)
{
	struct boot_timeline t;
	struct boot *b = new_boot(&container);

	(void)state;
	event(b, BOOT_EXEC, 25, 0, 5000000, "mandelbrot");
	event(b, BOOT_EXIT, 22, 0, 4000000, "runc");
	event(b, BOOT_FORK, 24, 23, 3300000, "runc:[0:PARENT]");
	event(b, BOOT_FORK, 25, 24, 3400000, "runc:[1:CHILD]");
	event(b, BOOT_EXEC, 30, 0, 4500000, "runc");
	event(b, BOOT_FORK, 30, 21, 4400000, "containerd-shim");
	event(b, BOOT_FORK, 23, 22, 3100000, "runc");
	event(b, BOOT_EXEC, 22, 0, 3000000, "runc");
	event(b, BOOT_FORK, 22, 21, 2900000, "containerd-shim");
	event(b, BOOT_EXEC, 21, 0, 2300000, "containerd-shim");
	event(b, BOOT_FORK, 21, 20, 2200000, "containerd-shim");
	event(b, BOOT_EXEC, 20, 0, 2100000, "containerd-shim");
	event(b, BOOT_FORK, 20, 2, 2000000, "containerd");
	event(b, BOOT_CALLED, 10, 1, 1600000, "dockerd");
	event(b, BOOT_CALLED, 10, 1, 1500000, "dockerd");
	close_boot(b, &t);
	assert_docker(&t);
}

static void a_chain_that_was_not_seen_whole_gives_fewer_steps(void **state)
{
	struct boot *b = new_boot(&container);
	struct boot_timeline t;

	(void)state;
	event(b, BOOT_CALLED, 10, 1, 1500000, "dockerd");
	event(b, BOOT_EXEC, 25, 0, 5000000, "mandelbrot");
	assert_string_equal(close_boot(b, &t),
		"client|daemon + monitor + runtime create + start request + runtime start|program");
}

static void a_chain_that_bites_its_tail_ends(void **state)
{
	struct boot *b = new_boot(&container);
	struct boot_timeline t;

	(void)state;
	event(b, BOOT_FORK, 25, 24, 2000000, "a");
	event(b, BOOT_FORK, 24, 25, 2000000, "b");
	event(b, BOOT_EXEC, 25, 0, 5000000, "mandelbrot");
	close_boot(b, &t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_has_all_its_steps),
		cmocka_unit_test(an_exec_ends_the_boot_without_the_program),
		cmocka_unit_test(without_any_evidence_the_boot_is_one_step),
		cmocka_unit_test(a_step_without_an_end_goes_with_the_next),
		cmocka_unit_test(samples_in_user_mode_end_the_kernel_where_no_line_does),
		cmocka_unit_test(of_marks_that_contradict_each_other_the_better_one_stays),
		cmocka_unit_test(marks_outside_of_the_boot_count_for_nothing),
		cmocka_unit_test(lines_may_come_in_pieces_and_among_others),
		cmocka_unit_test(a_line_without_end_does_no_harm),
		cmocka_unit_test(a_container_has_all_its_steps),
		cmocka_unit_test(other_containers_of_the_same_daemon_are_not_ours),
		cmocka_unit_test(events_may_come_in_any_order),
		cmocka_unit_test(a_chain_that_was_not_seen_whole_gives_fewer_steps),
		cmocka_unit_test(a_chain_that_bites_its_tail_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
