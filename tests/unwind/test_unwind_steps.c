/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A program is run instruction by instruction. Its calls, returns and signals, as they happen, are a
 * stack of its own, by which each frame that the tables find is told right or wrong, at each
 * instruction. test_unwind_steps PROGRAM */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/symbols/elf_file.h"
#include "collector/symbols/proc_maps.h"
#include "tests/common/ranges.h"
#include "tests/unwind/walk.h"

#define STEPS_MAX 400000
#define SHOWN_MAX 10

static const char *program;

/* A frame that began by a call: where its return address is, and which that is. */
struct called {
	uint64_t slot;
	uint64_t address;
};

struct tracee {
	pid_t pid;
	struct walk walk;
	struct called stack[WALK_DEPTH];
	size_t n;
};

static struct user_regs_struct registers_of(pid_t pid)
{
	struct user_regs_struct r;

	assert_int_equal(ptrace(PTRACE_GETREGS, pid, NULL, &r), 0);
	return r;
}

static int wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	return WSTOPSIG(status);
}

static void start(struct tracee *t)
{
	t->pid = fork();
	assert_true(t->pid >= 0);
	if (t->pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
			execl(program, program, NULL);
		_exit(127);
	}
	assert_int_equal(wait_for(t->pid), SIGTRAP); /* exec */
	assert_int_equal(ptrace(PTRACE_CONT, t->pid, NULL, NULL), 0);
	assert_int_equal(wait_for(t->pid), SIGTRAP); /* int3 */
	walk_open(&t->walk, t->pid);
}

/* The stack at the begin is taken from the tables: main, what calls it, and the first frame. */
static void take_first_stack(struct tracee *t)
{
	const struct user_regs_struct r = registers_of(t->pid);
	struct walk_frame frames[WALK_DEPTH];
	bool root;
	size_t n = walk_stack(&t->walk, r.rip, r.rsp, r.rbp, frames, &root);

	assert_true(root);
	assert_between(n, 3, 8);
	t->n = 0;
	for (size_t i = n - 1; i > 0; i--)
		t->stack[t->n++] =
			(struct called){.slot = frames[i].slot, .address = frames[i].address};
}

static void push(struct tracee *t, uint64_t slot, uint64_t address)
{
	assert_true(t->n < WALK_DEPTH);
	t->stack[t->n++] = (struct called){.slot = slot, .address = address};
}

/* What the instruction from @before to @after did. A call pushes the address behind itself. */
static void follow(struct tracee *t, const struct user_regs_struct *before,
	const struct user_regs_struct *after)
{
	while (t->n > 0 && after->rsp > t->stack[t->n - 1].slot)
		t->n--;
	if (after->rsp == before->rsp - 8) {
		const uint64_t pushed = walk_word(&t->walk, after->rsp);

		if (pushed > before->rip && pushed - before->rip <= 8 && after->rip != pushed)
			push(t, after->rsp, pushed);
	}
}

/* The dynamic linker's resolver finds its caller by RBX, which no rule has: such a stack ends there. */
static bool ends_in_resolver(struct tracee *t, const struct walk_frame *last)
{
	const char *name = walk_name(&t->walk, last->address);

	return strncmp(name, "ld-linux", 8) == 0;
}

enum verdict { RIGHT, CUT, WRONG };

static enum verdict judge(struct tracee *t, const struct user_regs_struct *r)
{
	struct walk_frame frames[WALK_DEPTH];
	bool root;
	size_t n = walk_stack(&t->walk, r->rip, r->rsp, r->rbp, frames, &root);

	if (n > t->n + 1)
		return WRONG;
	for (size_t i = 1; i < n; i++)
		if (frames[i].address != t->stack[t->n - i].address)
			return WRONG;
	if (root)
		return n == t->n + 1 ? RIGHT : WRONG;
	return ends_in_resolver(t, &frames[n - 1]) ? CUT : WRONG;
}

static void show(struct tracee *t, const struct user_regs_struct *r)
{
	struct walk_frame frames[WALK_DEPTH];
	bool root;
	size_t n = walk_stack(&t->walk, r->rip, r->rsp, r->rbp, frames, &root);

	print_message("at %s:", walk_name(&t->walk, r->rip));
	for (size_t i = 1; i < n; i++)
		print_message(" %s", walk_name(&t->walk, frames[i].address));
	print_message("%s, but it is", root ? "" : " ...");
	for (size_t i = t->n; i > 0; i--)
		print_message(" %s", walk_name(&t->walk, t->stack[i - 1].address));
	print_message("\n");
}

/* The kernel has built a frame and jumped to the handler, which returns to a trampoline. */
static void follow_signal(struct tracee *t, const struct user_regs_struct *before,
	const struct user_regs_struct *after)
{
	push(t, before->rsp - 1, before->rip);
	push(t, after->rsp, walk_word(&t->walk, after->rsp));
}

static void each_instruction_of_a_program_has_the_right_stack(void **state)
{
	struct tracee t = {0};
	struct user_regs_struct before;
	size_t steps = 0, verdicts[3] = {0}, signals = 0;
	enum verdict verdict;
	int signal = 0;

	(void)state;
	start(&t);
	take_first_stack(&t);
	before = registers_of(t.pid);
	for (; steps < STEPS_MAX; steps++) {
		struct user_regs_struct after;
		int stopped;

		assert_int_equal(ptrace(PTRACE_SINGLESTEP, t.pid, NULL, signal), 0);
		stopped = wait_for(t.pid);
		after = registers_of(t.pid);
		if (stopped == SIGUSR1) { /* not delivered yet */
			follow(&t, &before, &after);
			signal = SIGUSR1;
			before = after;
			continue;
		}
		assert_int_equal(stopped, SIGTRAP);
		if (signal) {
			follow_signal(&t, &before, &after);
			signals++;
		} else {
			follow(&t, &before, &after);
		}
		signal = 0;
		if (walk_is_breakpoint(&t.walk, before.rip))
			break;
		before = after;
		verdict = judge(&t, &after);
		if (verdict == WRONG && verdicts[WRONG] < SHOWN_MAX)
			show(&t, &after);
		verdicts[verdict]++;
	}
	print_message("%zu instructions: %zu right, %zu cut off in the resolver, %zu wrong\n",
		steps, verdicts[RIGHT], verdicts[CUT], verdicts[WRONG]);
	assert_between(steps, 5000, STEPS_MAX - 1);
	assert_int_equal(signals, 1);
	assert_int_equal(verdicts[WRONG], 0);
	assert_true(verdicts[RIGHT] > steps / 2);
	walk_close(&t.walk);
	assert_int_equal(ptrace(PTRACE_KILL, t.pid, NULL, NULL), 0);
	waitpid(t.pid, NULL, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_instruction_of_a_program_has_the_right_stack),
	};

	if (argc != 2)
		return 2;
	program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
