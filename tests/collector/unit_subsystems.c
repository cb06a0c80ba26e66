/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/inside/subsystems.h, and what the tables in guests/subsystems say of
 * well-known functions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/inside/subsystems.h"
#include "common/cleanup.h"
#include "tests/collector/temporary.h"

/* Names are interned by the caller: a literal is, within one test. */
static void assert_subsystem(
	struct subsystems *t, const char *name, const char *subsystem, bool weak)
{
	for (int again = 0; again < 2; again++) { /* the second time out of its memory */
		bool is_weak = !weak;
		const char *found = subsystems_find(t, name, &is_weak);

		if (!subsystem) {
			assert_null(found);
			continue;
		}
		assert_non_null(found);
		assert_string_equal(found, subsystem);
		assert_int_equal(is_weak, weak);
	}
}

static struct subsystems *load(const char *text)
{
	struct subsystems *t = NULL;
	struct error error = {0};

	write_text("own.txt", text);
	assert_int_equal(subsystems_load("own", &t, &error), 0);
	return t;
}

static void the_first_line_that_fits_decides(void **state)
{
	struct subsystems *t = load("# a comment\n"
				    "idle  cpu_idle*  # another\r\n"
				    "\n"
				    "  scheduler\tcpu_*\n"
				    "?application mem*\n"
				    "memory memory_*\n"
				    "@root start?\n"
				    "I/O operator new\n");

	(void)state;
	assert_subsystem(t, "cpu_idle_poll", "idle", false);
	assert_subsystem(t, "cpu_switch", "scheduler", false);
	assert_subsystem(t, "memory_map", "application", true);
	assert_subsystem(t, "operator new", "I/O", false);
	assert_subsystem(t, "start1", NULL, false);
	assert_subsystem(t, "other", NULL, false);
	assert_true(subsystems_is_root(t, "start1"));
	assert_false(subsystems_is_root(t, "start"));
	assert_false(subsystems_is_root(t, "cpu_switch"));
	subsystems_free(t);
}

static void many_names_are_remembered(void **state)
{
	struct subsystems *t = load("a a*\nb b*\n");
	static char names[5000][8];
	bool weak;

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 5000; i++) {
			snprintf(names[i], sizeof(names[i]), "%c%d", "abc"[i % 3], i);
			if (i % 3 == 2)
				assert_null(subsystems_find(t, names[i], &weak));
			else
				assert_string_equal(
					subsystems_find(t, names[i], &weak), i % 3 ? "b" : "a");
		}
	subsystems_free(t);
}

static void a_line_without_a_pattern_is_named(void **state)
{
	static const char *const texts[] = {
		"a a*\nscheduler\n", "a a*\n? x\n", "a a*\nidle   # none\n"};
	struct subsystems *t = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct error error = {0};

		write_text("own.txt", texts[i]);
		assert_int_equal(subsystems_load("own", &t, &error), -EINVAL);
		assert_non_null(strstr(error.text, "own, line 2"));
	}
}

static void a_table_that_is_not_there_is_told(void **state)
{
	struct subsystems *t = NULL;
	struct error error = {0};

	(void)state;
	assert_int_equal(subsystems_load("nobody", &t, &error), -ENOENT);
	assert_non_null(strstr(error.text, "nobody"));
}

static void the_tables_know_their_kernels(void **state)
{
	static const struct {
		const char *table, *name, *subsystem;
		bool weak;
	} known[] = {
		{"osv", "sched::cpu::reschedule_from_interrupt", "scheduler", false},
		{"osv", "sched::cpu::do_idle", "idle", false},
		{"osv", "sched::timer_base::cancel", "timer", false},
		{"osv", "mmu::vm_fault", "memory", false},
		{"osv", "memory::page_range_allocator::alloc<true>", "memory", false},
		{"osv", "lockfree::mutex::lock", "locking", false},
		{"osv", "virtio::blk::make_request", "I/O", false},
		{"osv", "sin", "application", true},
		{"linux", "__schedule", "scheduler", false},
		{"linux", "clear_page_erms", "memory", false},
		{"linux", "hrtimer_interrupt", "timer", false},
		{"linux", "default_idle_call", "idle", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct subsystems *t = NULL;

		assert_int_equal(subsystems_load(known[i].table, &t, NULL), 0);
		assert_subsystem(t, known[i].name, known[i].subsystem, known[i].weak);
		subsystems_free(t);
	}
}

static int make_folder(void **state)
{
	return temporary_make(state) < 0 ? -1 : setenv("GUESTSCOPE_SUBSYSTEMS", temporary_dir, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_that_fits_decides),
		cmocka_unit_test(many_names_are_remembered),
		cmocka_unit_test(a_line_without_a_pattern_is_named),
		cmocka_unit_test(a_table_that_is_not_there_is_told),
		cmocka_unit_test(the_tables_know_their_kernels),
	};

	return cmocka_run_group_tests(tests, make_folder, temporary_remove);
}
