/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What steps_test runs instruction by instruction: functions whose frames are found in unlike ways. It is
 * compiled without frame pointers, and binds its library calls when they are first made. It stops with a
 * breakpoint before and after. */

#include <alloca.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOT_INLINED __attribute__((noinline))

static volatile int sink;

static NOT_INLINED void leaf(int n)
{
	sink += n;
}

static NOT_INLINED void allocate(size_t n)
{
	char *bytes = alloca(n); /* cppcheck-suppress allocaCalled */

	memset(bytes, 1, n);
	sink += bytes[n - 1];
	leaf(1);
}

static NOT_INLINED void realign(int n)
{
	_Alignas(64) volatile char bytes[128] = {0};

	bytes[n] = 1;
	leaf(bytes[n] + (int)((size_t)bytes & 63));
}

static NOT_INLINED int recurse(int n)
{
	leaf(n);
	return n ? recurse(n - 1) + 1 + sink : 0;
}

static NOT_INLINED void tail(int n)
{
	sink++;
	leaf(n);
}

static void on_signal(int number)
{
	leaf(number);
	allocate(40);
}

static int compare(const void *a, const void *b)
{
	leaf(1);
	return *(const int *)a - *(const int *)b;
}

/* Hand-written, with call frame information of its own. */
void by_hand(void (*function)(int));
__asm__(".text\n"
	".type by_hand, @function\n"
	"by_hand:\n"
	".cfi_startproc\n"
	"	push %rbp\n"
	".cfi_def_cfa_offset 16\n"
	".cfi_offset %rbp, -16\n"
	"	push %rbx\n"
	".cfi_def_cfa_offset 24\n"
	"	sub $24, %rsp\n"
	".cfi_def_cfa_offset 48\n"
	"	xor %ebp, %ebp\n" /* whoever walks by it is lost */
	"	mov %rdi, %rax\n"
	"	mov $3, %edi\n"
	"	call *%rax\n"
	"	add $24, %rsp\n"
	".cfi_def_cfa_offset 24\n"
	"	pop %rbx\n"
	".cfi_def_cfa_offset 16\n"
	"	pop %rbp\n"
	".cfi_def_cfa_offset 8\n"
	"	ret\n"
	".cfi_endproc\n"
	".size by_hand, . - by_hand\n");

static NOT_INLINED void everything(void)
{
	int numbers[] = {5, 3, 9, 1, 7};
	struct timespec now;
	char text[64];

	allocate(100);
	realign(3);
	recurse(60);
	tail(2);
	by_hand(leaf);
	by_hand(realign);
	qsort(numbers, 5, sizeof(numbers[0]), compare);
	raise(SIGUSR1);
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "%d %.3f %s", numbers[0], 0.5, "words");
	free(malloc(strlen(text) + 100000));
}

int main(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGUSR1, &action, NULL);
	__asm__ volatile("int3");
	everything();
	__asm__ volatile("int3");
	return 0;
}
