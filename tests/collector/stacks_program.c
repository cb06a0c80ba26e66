/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Burns CPU time in leaf functions, each of which is called in one way only, and says how: a line
 * "LEAF: CALLER;CALLER;LEAF" with all functions of this file that are active then, outermost first.
 * So the innermost function of a sample tells what its call stack has to be. Built without frame
 * pointers. stacks_program SECONDS
 */

#include <alloca.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__clang__)
#define OWN __attribute__((noinline, used))
#else
#define OWN __attribute__((noinline, noclone, used))
#endif
#define DEEP 60

static double seconds;
static volatile uint64_t sink;

/* What a leaf does is in the leaf itself. */
static inline __attribute__((always_inline)) void burn(void)
{
	struct timespec begin, now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	do {
		for (unsigned i = 0; i < 200000; i++)
			sink = sink * 6364136223846793005ULL + 1442695040888963407ULL;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	} while (
		(double)(now.tv_sec - begin.tv_sec) + 1e-9 * (double)(now.tv_nsec - begin.tv_nsec) <
		seconds);
}

#define LEAF(name)                                                                                 \
	static OWN void name(void)                                                                 \
	{                                                                                          \
		burn();                                                                            \
		__asm__ volatile("");                                                              \
	}

LEAF(leaf_plain)
LEAF(leaf_alloca)
LEAF(leaf_realigned)
LEAF(leaf_tail)
LEAF(leaf_deep)
LEAF(leaf_signal)
LEAF(leaf_sort)
LEAF(leaf_assembly)
LEAF(leaf_thread)
LEAF(leaf_alternate)

/* A stack of its own size, so that RBP, or something else, has to hold the frame. */
static OWN void with_alloca(unsigned n)
{
	/* cppcheck-suppress allocaCalled ; such frames are what is looked for */
	char *room = alloca(n);

	memset(room, (int)n, n);
	leaf_alloca();
	sink += (unsigned char)room[n / 2];
}

/* More aligned than the caller's: the compiler realigns the stack. */
static OWN void realigned(void)
{
	volatile char room[256] __attribute__((aligned(128)));

	room[0] = 1;
	leaf_realigned();
	sink += (unsigned char)room[0];
}

/* The caller of this one is the leaf's. */
static OWN void tail_caller(void)
{
	sink++;
	leaf_tail();
}

static OWN void deep(unsigned n)
{
	if (n > 1)
		deep(n - 1);
	else
		leaf_deep();
	sink++;
}

static OWN void on_signal(int number)
{
	(void)number;
	leaf_signal();
	sink++;
}

static OWN void on_alternate(int number)
{
	(void)number;
	leaf_alternate();
	sink++;
}

static OWN void interrupted(void)
{
	raise(SIGUSR1);
	sink++;
}

/* The handler has a stack of its own. */
static OWN void elsewhere(void)
{
	raise(SIGUSR2);
	sink++;
}

static OWN int compare(const void *a, const void *b)
{
	static bool burnt;

	if (!burnt) {
		burnt = true;
		leaf_sort();
	}
	sink++;
	return *(const int *)a - *(const int *)b;
}

/* Through a slot of the PLT and the C library. */
static OWN void sorts(void)
{
	int numbers[] = {3, 1, 2};

	qsort(numbers, 3, sizeof(*numbers), compare);
	sink += (unsigned)numbers[0];
}

/* RBP is anything, and the frame is told by call frame information written by hand. */
void assembly(void);
__asm__(".text\n"
	".globl assembly\n"
	".type assembly, @function\n"
	"assembly:\n"
	".cfi_startproc\n"
	"	push %rbp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_rel_offset rbp, 0\n"
	"	push %rbx\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	sub $40, %rsp\n"
	"	.cfi_adjust_cfa_offset 40\n"
	"	mov $12345, %ebp\n"
	"	call call_leaf_assembly\n"
	"	add $40, %rsp\n"
	"	.cfi_adjust_cfa_offset -40\n"
	"	pop %rbx\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	pop %rbp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_restore rbp\n"
	"	ret\n"
	".cfi_endproc\n"
	".size assembly, . - assembly\n");

OWN void call_leaf_assembly(void);
OWN void call_leaf_assembly(void)
{
	leaf_assembly();
	sink++;
}

/* As OpenSSL's assembly: the frame is told by a register that no call preserves, RSP is realigned and RBP
 * is anything. */
void leaf_register(uint64_t steps);
__asm__(".text\n"
	".globl leaf_register\n"
	".type leaf_register, @function\n"
	"leaf_register:\n"
	".cfi_startproc\n"
	"	lea (%rsp), %r11\n"
	"	.cfi_def_cfa_register r11\n"
	"	push %rbp\n"
	"	.cfi_offset rbp, -16\n"
	"	sub $200, %rsp\n"
	"	and $-64, %rsp\n"
	"	mov $12345, %ebp\n"
	"1:	dec %rdi\n"
	"	jnz 1b\n"
	"	mov -8(%r11), %rbp\n"
	"	.cfi_restore rbp\n"
	"	lea (%r11), %rsp\n"
	"	.cfi_def_cfa_register rsp\n"
	"	ret\n"
	".cfi_endproc\n"
	".size leaf_register, . - leaf_register\n");

/* The same for its caller: the frame is told by a register that this very call leaves alone. */
void with_register(uint64_t steps);
__asm__(".text\n"
	".type leaf_private, @function\n"
	"leaf_private:\n"
	".cfi_startproc\n"
	"1:	dec %rdi\n"
	"	jnz 1b\n"
	"	ret\n"
	".cfi_endproc\n"
	".size leaf_private, . - leaf_private\n"
	".globl with_register\n"
	".type with_register, @function\n"
	"with_register:\n"
	".cfi_startproc\n"
	"	lea (%rsp), %rax\n"
	"	.cfi_def_cfa_register rax\n"
	"	push %rbp\n"
	"	.cfi_offset rbp, -16\n"
	"	sub $200, %rsp\n"
	"	and $-64, %rsp\n"
	"	mov $12345, %ebp\n"
	"	call leaf_private\n"
	"	mov -8(%rax), %rbp\n"
	"	.cfi_restore rbp\n"
	"	lea (%rax), %rsp\n"
	"	.cfi_def_cfa_register rsp\n"
	"	ret\n"
	".cfi_endproc\n"
	".size with_register, . - with_register\n");

static OWN void by_register(void)
{
	clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);

	while (clock() < end)
		leaf_register(1000000);
	end += (clock_t)(seconds * CLOCKS_PER_SEC);
	while (clock() < end)
		with_register(1000000);
}

static OWN void *thread(void *unused)
{
	leaf_thread();
	sink++;
	return unused;
}

static void say(const char *leaf, const char *stack)
{
	printf("%s: %s;%s\n", leaf, stack, leaf);
}

static void say_all(void)
{
	say("leaf_plain", "main");
	say("leaf_alloca", "main;with_alloca");
	say("leaf_realigned", "main;realigned");
	say("leaf_tail", "main");
	printf("leaf_deep: main;");
	for (int i = 0; i < DEEP; i++)
		printf("deep;");
	puts("leaf_deep");
	say("leaf_signal", "main;interrupted;on_signal");
	say("leaf_alternate", "main;elsewhere;on_alternate");
	say("leaf_sort", "main;sorts;compare");
	say("leaf_assembly", "main;assembly;call_leaf_assembly");
	say("leaf_register", "main;by_register");
	say("leaf_private", "main;by_register;with_register");
	say("leaf_thread", "thread");
	fflush(stdout);
}

static void take_signals(void)
{
	static char stack[65536];
	const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGUSR1, &action, NULL);
	sigaltstack(&alternate, NULL);
	action = (struct sigaction){.sa_handler = on_alternate, .sa_flags = SA_ONSTACK};
	sigaction(SIGUSR2, &action, NULL);
}

int main(int argc, char **argv)
{
	pthread_t other;

	seconds = argc > 1 ? strtod(argv[1], NULL) : 0.3;
	say_all();
	take_signals();
	leaf_plain();
	with_alloca((unsigned)argc * 1000);
	realigned();
	tail_caller();
	deep(DEEP);
	interrupted();
	elsewhere();
	sorts();
	assembly();
	by_register();
	if (pthread_create(&other, NULL, thread, NULL) == 0)
		pthread_join(other, NULL);
	return 0;
}
