/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Promises of collector/inside/guest_registers.h and guest_check.h, on objects of a vCPU that are
 * made here, in the order that QEMU has, and on samples whose registers are right or wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "collector/inside/guest_check.h"
#include "collector/inside/guest_registers.h"
#include "common/cleanup.h"

struct segment {
	uint32_t selector, unused;
	uint64_t base;
	uint32_t limit, flags;
};

struct state {
	uint64_t rip, eflags, cc[3];
	uint32_t cc_op, df, hflags, hflags2;
	struct segment segments[10];
	uint64_t cr[5];
};

#define SIGNATURE 0x663
#define REG_RDX   2
#define SEG_CS    1
#define SEG_FS    4

static uint8_t object[GUEST_OBJECT_BYTES];

/* A vCPU after its reset: @regs registers at @env, @more words before the segments and before CR0,
 * which no QEMU has yet. */
static struct guest_tcg_layout put(size_t env, unsigned regs, unsigned more)
{
	struct state s = {.rip = 0xfff0, .eflags = 2, .df = 1, .hflags = 0x80, .hflags2 = 1};
	size_t first = offsetof(struct state, segments), cr = offsetof(struct state, cr);
	size_t at = env + regs * sizeof(uint64_t), skip = more * sizeof(uint64_t);
	uint64_t signature = SIGNATURE;

	for (size_t i = 0; i < ARRAY_SIZE(s.segments); i++)
		s.segments[i].limit = 0xffff;
	s.segments[SEG_CS].selector = 0xf000;
	s.segments[SEG_CS].base = 0xffff0000;
	s.segments[SEG_CS].flags = 0x9b00;
	s.cr[0] = 0x60000010;
	memset(object + env, 0, regs * sizeof(uint64_t));
	memcpy(object + env + REG_RDX * sizeof(uint64_t), &signature, sizeof(signature));
	memcpy(object + at, &s, first);
	memcpy(object + at + first + skip, s.segments, sizeof(s.segments));
	memcpy(object + at + cr + 2 * skip, s.cr, sizeof(s.cr));
	at -= env;
	return (struct guest_tcg_layout){.env = (uint32_t)env,
		.rip = (uint32_t)at,
		.eflags = (uint32_t)at + 8,
		.cs = (uint32_t)(at + first + skip + sizeof(struct segment)),
		.fs_base = (uint32_t)(at + first + skip + SEG_FS * sizeof(struct segment) + 8),
		.cr = (uint32_t)(at + cr + 2 * skip)};
}

static void fill(void)
{
	/* Pointers, numbers and nothing: what an object has before and behind. */
	for (size_t i = 0; i + 8 <= sizeof(object); i += 8) {
		uint64_t word = i % 24 ? i * 0x9e3779b97f4a7c15ULL : 0;

		memcpy(object + i, &word, sizeof(word));
	}
}

static int find(struct guest_tcg_layout *ret)
{
	memset(ret, 0xff, sizeof(*ret));
	return guest_registers_by_reset(object, sizeof(object), ret);
}

static void registers_are_found_wherever_they_are(void **state)
{
	static const unsigned counts[] = {16, 24, 32, 48};
	static const size_t places[] = {16, 8, 0x2340, 10240, 40000, 64000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		for (size_t k = 0; k < ARRAY_SIZE(places); k++)
			for (unsigned more = 0; more < 4; more++) {
				struct guest_tcg_layout truth, found;

				fill();
				truth = put(places[k], counts[i], more);
				assert_int_equal(find(&found), 0);
				assert_memory_equal(&found, &truth, sizeof(truth));
			}
}

static void versions_of_the_table_are_what_is_found(void **state)
{
	static const struct {
		const char *version;
		unsigned regs;
	} known[] = {
		{"QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)", 16},
		{"QEMU emulator version 8.2.2", 16},
		{"QEMU emulator version 10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)", 16},
		{"QEMU emulator version 10.2.0", 16},
		{"QEMU emulator version 11.0.50", 32},
		{"QEMU emulator version 11.1.3 (Debian 1:11.1.3+ds-1)", 32},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct guest_tcg_layout table, found;

		fill();
		put(10240, known[i].regs, 0);
		assert_int_equal(find(&found), 0);
		assert_int_equal(guest_registers_by_version(known[i].version, &table, NULL), 0);
		found.env = 0;
		assert_memory_equal(&found, &table, sizeof(table));
	}
}

static void versions_that_are_not_known_are_named(void **state)
{
	struct guest_tcg_layout layout = {.rip = 1};
	struct error error = {0};

	(void)state;
	assert_int_equal(
		guest_registers_by_version("QEMU emulator version 12.0.0", &layout, &error),
		-ENOENT);
	assert_non_null(strstr(error.text, "QEMU 12.0"));
	assert_int_equal(guest_registers_by_version("no digits", &layout, &error), -ENOENT);
	assert_int_equal(guest_registers_by_version(NULL, &layout, &error), -ENOENT);
	assert_int_equal(guest_registers_by_version("QEMU emulator version 6.2.0", &layout, &error),
		-EOPNOTSUPP);
	assert_non_null(strstr(error.text, "7.2"));
	assert_int_equal(layout.rip, 1);
}

static void what_is_not_there_is_not_found(void **state)
{
	struct guest_tcg_layout found;

	(void)state;
	fill();
	assert_int_equal(find(&found), -ENODATA);
	memset(object, 0, sizeof(object));
	assert_int_equal(find(&found), -ENODATA);
	assert_int_equal(guest_registers_by_reset(object, 0, &found), -ENODATA);
	/* Cut off in the middle. */
	put(sizeof(object) - 600, 16, 0);
	for (size_t size = sizeof(object) - 600; size < sizeof(object) - 136; size += 8)
		assert_int_equal(guest_registers_by_reset(object, size, &found), -ENODATA);
}

static void two_of_them_are_none(void **state)
{
	struct guest_tcg_layout found;

	(void)state;
	fill();
	put(4096, 16, 0);
	put(8192, 16, 0);
	assert_int_equal(find(&found), -ENODATA);
}

/* A vCPU that has begun, or a state that something is missing of, is not guessed at. */
static void a_word_that_differs_is_seen(void **state)
{
	const struct guest_tcg_layout truth = put(4096, 16, 0);
	const uint32_t words[] = {truth.rip, truth.eflags, truth.cs, truth.cs + 8, truth.fs_base,
		truth.cr, truth.cr + 24, 0, REG_RDX * 8 + 8 * 12};
	struct guest_tcg_layout found;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		uint64_t other = 0x1234567;

		fill();
		put(4096, 16, 0);
		memcpy(object + 4096 + words[i], &other, sizeof(other));
		assert_int_equal(find(&found), -ENODATA);
	}
}

/* @n samples; one in so many agrees with what is known otherwise. */
static int judge(unsigned n, unsigned at_env, unsigned text, unsigned stack, struct error *error)
{
	struct guest_check check = {0};

	for (unsigned i = 0; i < n; i++) {
		struct record_sample s = {.mode = SAMPLE_USER, .guest.n_frames = 3};

		s.guest.at_env = at_env && i % at_env == 0;
		s.guest.text_mapped = text && i % text == 0;
		s.guest.stack_mapped = stack && i % stack == 0;
		guest_check_add(&check, &s);
	}
	return guest_check_judge(&check, error);
}

static void registers_that_cannot_be_right_are_told(void **state)
{
	struct error error = {0};

	(void)state;
	assert_int_equal(judge(1000, 1, 1, 1, &error), 0);
	assert_int_equal(judge(1000, 5, 1, 1, &error), 0); /* the rest hit QEMU's own functions */
	assert_int_equal(judge(1000, 0, 1, 1, &error), -EBADMSG);
	assert_non_null(strstr(error.text, "RBP, and that agrees in 0 of 1000 samples"));
	assert_int_equal(judge(1000, 1, 3, 1, &error), -EBADMSG);
	assert_non_null(strstr(error.text, "instruction pointer"));
	assert_int_equal(judge(1000, 1, 1, 0, &error), -EBADMSG);
	assert_non_null(strstr(error.text, "stack pointer"));
	assert_int_equal(judge(8, 0, 1, 1, &error), -EBADMSG);
	assert_int_equal(judge(3, 0, 0, 0, &error), 0); /* too few to tell */
}

static void samples_that_say_nothing_are_left_out(void **state)
{
	struct guest_check check = {0};
	struct record_sample s = {.mode = SAMPLE_USER};

	(void)state;
	guest_check_add(&check, &s); /* without frames */
	s.guest.n_frames = 1;
	s.mode = SAMPLE_GUEST; /* KVM's */
	guest_check_add(&check, &s);
	assert_int_equal(check.user + check.paged, 0);
	s.mode = SAMPLE_KERNEL; /* RBP is the kernel's */
	s.guest.end = GUEST_END_PAGING_OFF;
	guest_check_add(&check, &s);
	assert_int_equal(check.user + check.paged, 0);
	s.guest.end = GUEST_END_ROOT;
	guest_check_add(&check, &s);
	assert_int_equal(check.user, 0);
	assert_int_equal(check.paged, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_are_found_wherever_they_are),
		cmocka_unit_test(versions_of_the_table_are_what_is_found),
		cmocka_unit_test(versions_that_are_not_known_are_named),
		cmocka_unit_test(what_is_not_there_is_not_found),
		cmocka_unit_test(two_of_them_are_none),
		cmocka_unit_test(a_word_that_differs_is_seen),
		cmocka_unit_test(registers_that_cannot_be_right_are_told),
		cmocka_unit_test(samples_that_say_nothing_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
