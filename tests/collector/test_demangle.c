/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/symbols/demangle.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "collector/symbols/demangle.h"
#include "common/cleanup.h"

/* As these languages' own tools print them (c++filt, rustfilt, go tool nm), but for parameters. */
static const struct {
	const char *mangled, *name;
} known_names[] = {
	/* C++ */
	{"_ZN5sched3cpu10rescheduleEv", "sched::cpu::reschedule"},
	{"_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back"},
	{"_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()"},
	{"_ZN12_GLOBAL__N_14workEi", "(anonymous namespace)::work"},
	{"_Z4workIdET_S0_", "work<double>"},
	{"_ZNSo3putEc@plt", "std::ostream::put@plt"},
	{"_Z4workv.cold", "work"},
	{"_Z4worki.constprop.0", "work"},
	/* Rust, legacy */
	{"_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"},
	{"_ZN4core3fmt5write17h0123456789abcdefE.llvm.1234567890123456789", "core::fmt::write"},
	{"_ZN66_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..drop..Drop$GT$4drop17h"
	 "0123456789abcdefE",
		"<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop"},
	{"_ZN4main4work28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE",
		"main::work::{{closure}}"},
	/* Rust, v0 */
	{"_RNvC7mycrate3foo", "mycrate::foo"},
	{"_RNvCs1234_7mycrate3foo", "mycrate::foo"},
	{"_RNCNvC7mycrate3foo0B3_", "mycrate::foo::{closure#0}"},
	{"_RINvC7mycrate3fooNtB2_4BareE", "mycrate::foo::<mycrate::Bare>"},
	{"_RNvXC7mycrateNtB2_4TypeNtB2_5Trait3run", "<mycrate::Type as mycrate::Trait>::run"},
	{"_RNvC7mycrate3foo.llvm.1234567890123456789", "mycrate::foo"},
	/* Go */
	{"gopkg.in/yaml%2ev3.Marshal", "gopkg.in/yaml.v3.Marshal"},
	{"github.com/a%22b.(*T).M", "github.com/a\"b.(*T).M"},
	{"main.Sum[go.shape.int_0]", "main.Sum[int]"},
	{"runtime.goexit.abi0", "runtime.goexit"},
	{"main.Sum[go.shape.float64]", "main.Sum[float64]"},
	{"main.(*List[go.shape.string]).Push", "main.(*List[string]).Push"},
	{"main.Map[go.shape.[]uint8,go.shape.*uint8].func1", "main.Map[[]uint8,*uint8].func1"},
	{"main.F[go.shape.struct { main.a int; main.b string }_0].G", "main.F[...].G"},
	{"main.F[go.shape.func(uint64, uint64, uint64, uint64, uint64, uint64, uint64) uint64]",
		"main.F[...]"},
};

static void names_are_as_people_read_them(void **state)
{
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known_names); i++) {
		assert_int_equal(demangle(known_names[i].mangled, text, sizeof(text)), 0);
		assert_string_equal(text, known_names[i].name);
	}
}

static void names_that_are_not_mangled_stay(void **state)
{
	static const char *const names[] = {"main", "_Z", "_R", "_RNv", "__libc_start_main",
		"main.main.func1", "runtime.mallocgc", "type:.eq.[2]interface {}", "a%", "a%2",
		"a%zz", "sched_yield@plt", ""};
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(demangle(names[i], text, sizeof(text)), -EINVAL);
}

/* Whatever there is room for. */
static void what_is_written_is_never_too_long(void **state)
{
	static const char *const names[] = {"_ZN5sched3cpu10rescheduleEv", "_RNvC7mycrate3foo",
		"_ZNSo3putEc@plt", "gopkg.in/yaml%2ev3.Marshal", "main.Sum[go.shape.int]",
		"main.F[go.shape.", "%2e%2e%2e%2e%2e%2e"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (size_t size = 0; size < 40; size++) {
			_cleanup_free_ char *text =
				malloc(size + 1); /* a sanitizer sees what is beyond */

			assert_non_null(text);
			if (demangle(names[i], text, size) == 0)
				assert_true(strlen(text) < size);
		}
	}
}

static void what_is_cut_says_so(void **state)
{
	char text[16];

	(void)state;
	assert_int_equal(demangle("_ZN5sched3cpu10rescheduleEv", text, sizeof(text)), 0);
	assert_string_equal(text, "sched::cpu::...");
	assert_int_equal(demangle("_ZN5sched3cpu10rescheduleEv@plt", text, sizeof(text)), 0);
	assert_string_equal(text, "sched::c...@plt");
}

/* Each level names the one before twice: its length doubles with every few bytes. */
static void a_name_that_explodes_takes_no_time(void **state)
{
	char mangled[2048] = "_ZN1aI1bE1cE", text[1024];
	struct timespec before, after;

	(void)state;
	strcpy(mangled, "_Z1fIiE");
	strcpy(mangled, "_Z1fI1aI1bS0_E");
	for (int i = 0; i < 40; i++)
		sprintf(mangled + strlen(mangled), "1aIS%c_S%c_E", "0123456789"[i % 10],
			"0123456789"[i % 10]);
	strcat(mangled, "Evv");
	clock_gettime(CLOCK_MONOTONIC, &before);
	(void)demangle(mangled, text, sizeof(text));
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(after.tv_sec - before.tv_sec < 5);
	assert_true(strlen(text) < sizeof(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_as_people_read_them),
		cmocka_unit_test(names_that_are_not_mangled_stay),
		cmocka_unit_test(what_is_written_is_never_too_long),
		cmocka_unit_test(what_is_cut_says_so),
		cmocka_unit_test(a_name_that_explodes_takes_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
