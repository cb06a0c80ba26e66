/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shadow call stack, by events as QEMU tells them; and what instructions it sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/counts/shadow_code.h"
#include "tests/counts/shadow_stack.h"

#define STACK  0x7000000UL
#define OTHER  0x9000000UL
#define KERNEL 0xffffffff81000000UL

/* A block of 16 bytes at @address. */
#define BLOCK(address, ...)                                                                        \
	(struct shadow_block)                                                                      \
	{                                                                                          \
		.begin = (address), .end = (address) + 16, __VA_ARGS__                             \
	}
#define CALL(address, callee) BLOCK(address, .how = SHADOW_JUMP, .calls = true, .target = (callee))
#define RETURN(address)       BLOCK(address, .how = SHADOW_RETURN)

#define _cleanup_shadow_ __attribute__((cleanup(shadow_done)))

static void begins(struct shadow *s, struct shadow_block *b)
{
	s->recording = true;
	shadow_begins(s, b);
}

static void calls(struct shadow *s, struct shadow_block *b, uint64_t slot)
{
	begins(s, b);
	shadow_calls(s, slot, b->end);
}

static void returns(struct shadow *s, struct shadow_block *b, uint64_t slot)
{
	begins(s, b);
	shadow_returns(s, slot);
}

/* The path below the block that began last is that of these addresses, innermost first, 0 the end; ~0: not known. */
static void assert_path(const struct shadow *s, const uint64_t *addresses)
{
	uint32_t node = s->last->node;

	for (; node; node = s->nodes[node - 1].parent, addresses++) {
		const struct shadow_node *n = &s->nodes[node - 1];

		assert_int_equal(n->kind == SHADOW_UNKNOWN ? ~0UL : n->address, *addresses);
	}
	assert_int_equal(*addresses, 0);
}

#define ASSERT_PATH(s, ...) assert_path(s, (const uint64_t[]){__VA_ARGS__})

static void calls_and_returns_are_followed(void **state)
{
	_cleanup_shadow_ struct shadow s = {0};
	struct shadow_block a = CALL(0x1000, 0x2000), b = CALL(0x2000, 0x3000), c = RETURN(0x3000),
			    d = RETURN(0x2010), e = BLOCK(0x1010, .how = SHADOW_FALL);

	(void)state;
	calls(&s, &a, STACK);
	calls(&s, &b, STACK - 64);
	returns(&s, &c, STACK - 64);
	ASSERT_PATH(&s, 0x2010, 0x1010, 0);
	returns(&s, &d, STACK);
	ASSERT_PATH(&s, 0x1010, 0);
	begins(&s, &e);
	ASSERT_PATH(&s, 0);
	assert_int_equal(s.n_entries, 0);
}

static void frames_that_are_left_without_returns_are_forgotten(void **state)
{
	_cleanup_shadow_ struct shadow s = {0};
	struct shadow_block a = CALL(0x1000, 0x2000), b = CALL(0x2000, 0x3000),
			    jump = BLOCK(0x3000, .how = SHADOW_ANYWHERE),
			    again = CALL(0x1040, 0x2000), leaf = BLOCK(0x2000, .how = SHADOW_FALL);

	(void)state;
	calls(&s, &a, STACK);
	calls(&s, &b, STACK - 64);
	begins(&s, &jump);
	calls(&s, &again, STACK);
	begins(&s, &leaf);
	ASSERT_PATH(&s, 0x1050, 0);
}

static void a_return_on_another_stack_is_a_switch_of_threads(void **state)
{
	_cleanup_shadow_ struct shadow s = {0};
	struct shadow_block a = CALL(0x1000, 0x2000), b = CALL(0x2000, 0x5000),
			    other = CALL(0x4000, 0x5000),
			    change = BLOCK(0x5000, .how = SHADOW_RETURN, .sets_rsp = true),
			    first = BLOCK(0x2010, .how = SHADOW_FALL),
			    second = BLOCK(0x4010, .how = SHADOW_FALL);

	(void)state;
	calls(&s, &a, STACK);
	calls(&s, &b, STACK - 64);
	returns(&s, &change, OTHER - 64); /* which nobody has called there: a new thread */
	calls(&s, &other, OTHER);
	returns(&s, &change, STACK - 64);
	begins(&s, &first);
	ASSERT_PATH(&s, 0x1010, 0);
	b.leaf = 0;
	calls(&s, &b, STACK - 64);
	returns(&s, &change, OTHER);
	begins(&s, &second);
	ASSERT_PATH(&s, 0);
}

static void what_is_interrupted_is_a_frame(void **state)
{
	_cleanup_shadow_ struct shadow s = {0};
	struct shadow_block a = CALL(0x1000, 0x2000), b = BLOCK(0x2000, .how = SHADOW_FALL),
			    entry = CALL(0x8000, 0x9000), handler = RETURN(0x9000),
			    back = BLOCK(0x8010, .how = SHADOW_LEAVE),
			    c = BLOCK(0x2010, .how = SHADOW_FALL);

	(void)state;
	calls(&s, &a, STACK);
	begins(&s, &b);
	calls(&s, &entry, OTHER); /* a stack of its own */
	returns(&s, &handler, OTHER);
	ASSERT_PATH(&s, 0x8010, 0x2000, 0x1010, 0);
	begins(&s, &back);
	ASSERT_PATH(&s, 0x2000, 0x1010, 0);
	begins(&s, &c);
	ASSERT_PATH(&s, 0x1010, 0);
	assert_int_equal(s.n_entries, 1);
	assert_int_equal(s.entries[0].address, 0x8000);
}

static void a_call_that_faults_has_not_called(void **state)
{
	_cleanup_shadow_ struct shadow s = {0};
	struct shadow_block a = CALL(0x1000, 0x2000), entry = BLOCK(0x8000, .how = SHADOW_LEAVE);

	(void)state;
	begins(&s, &a); /* and its call does not come */
	begins(&s, &entry);
	ASSERT_PATH(&s, 0x1000, 0);
	begins(&s, &a);
	ASSERT_PATH(&s, 0);
}

static void a_signal_handler_is_on_what_it_interrupted(void **state)
{
	_cleanup_shadow_ struct shadow s = {0};
	struct shadow_block a = CALL(0x1000, 0x2000), ask = BLOCK(0x2000, .how = SHADOW_SYSCALL),
			    enter = CALL(KERNEL, KERNEL + 0x1000), work = RETURN(KERNEL + 0x1000),
			    leave = BLOCK(KERNEL + 16, .how = SHADOW_LEAVE),
			    handler = RETURN(0x3000),
			    restorer = BLOCK(0x4000, .how = SHADOW_SYSCALL),
			    after = BLOCK(0x2010, .how = SHADOW_FALL);

	(void)state;
	calls(&s, &a, STACK);
	begins(&s, &ask);
	calls(&s, &enter, KERNEL + 0x100000);
	returns(&s, &work, KERNEL + 0x100000);
	ASSERT_PATH(&s, KERNEL + 16, 0x2010, 0x1010, 0);
	begins(&s, &leave);
	returns(&s, &handler, STACK - 1024);
	ASSERT_PATH(&s, ~0UL, 0x2010, 0x1010, 0);
	begins(&s, &restorer);
	ASSERT_PATH(&s, 0x2010, 0x1010, 0);
	enter.leaf = work.leaf = 0;
	calls(&s, &enter, KERNEL + 0x100000);
	returns(&s, &work, KERNEL + 0x100000);
	begins(&s, &leave);
	begins(&s, &after);
	ASSERT_PATH(&s, 0x1010, 0);
}

static void instructions_are_told_apart(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		struct shadow_code code;
	} known[] = {
		{"\x90", 1, {SHADOW_FALL}},
		{"\xe8\x10\x00\x00\x00", 5, {SHADOW_JUMP, .is_call = true, .target = 0x110}},
		{"\x74\xf0", 2, {SHADOW_BRANCH, .target = 0xf0}},
		{"\x0f\x85\xf0\xff\xff\xff", 6, {SHADOW_BRANCH, .target = 0xf0}},
		{"\x41\xff\xd4", 3, {SHADOW_ANYWHERE, .is_call = true}}, /* call *%r12 */
		{"\x3e\xff\xe0", 3, {SHADOW_ANYWHERE}},                  /* notrack jmp *%rax */
		{"\xff\x30", 2, {SHADOW_FALL}},                          /* push (%rax) */
		{"\xf3\xc3", 2, {SHADOW_RETURN}}, {"\xc2\x10\x00", 3, {SHADOW_RETURN}},
		{"\x48\xcf", 2, {SHADOW_LEAVE}}, {"\x48\x0f\x07", 3, {SHADOW_LEAVE}},
		{"\x0f\x05", 2, {SHADOW_SYSCALL}},
		{"\x48\x89\xc4", 3, {.sets_rsp = true}},      /* mov %rax,%rsp */
		{"\x48\x8b\x66\x10", 4, {.sets_rsp = true}},  /* mov 0x10(%rsi),%rsp */
		{"\x4c\x8b\x66\x10", 4, {SHADOW_FALL}},       /* mov 0x10(%rsi),%r12 */
		{"\x48\x89\xe0", 3, {SHADOW_FALL}},           /* mov %rsp,%rax */
		{"\x48\x89\x04\x24", 4, {.sets_slot = true}}, /* mov %rax,(%rsp) */
		{"\x48\x89\x44\x24\x08", 5, {SHADOW_FALL}},   /* mov %rax,8(%rsp) */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct shadow_code code =
			shadow_code_of((const unsigned char *)known[i].bytes, known[i].n, 0x100);

		assert_int_equal(code.how, known[i].code.how);
		assert_int_equal(code.is_call, known[i].code.is_call);
		assert_int_equal(code.target, known[i].code.target);
		assert_int_equal(code.sets_rsp, known[i].code.sets_rsp);
		assert_int_equal(code.sets_slot, known[i].code.sets_slot);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_and_returns_are_followed),
		cmocka_unit_test(frames_that_are_left_without_returns_are_forgotten),
		cmocka_unit_test(a_return_on_another_stack_is_a_switch_of_threads),
		cmocka_unit_test(what_is_interrupted_is_a_frame),
		cmocka_unit_test(a_call_that_faults_has_not_called),
		cmocka_unit_test(a_signal_handler_is_on_what_it_interrupted),
		cmocka_unit_test(instructions_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
