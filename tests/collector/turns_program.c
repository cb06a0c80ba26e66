/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program of a Linux guest that burns in turns with others: for each byte that it reads it calls its own
 * function so often as argv[1] says, and passes the byte on. Its name and its function's, left_burn or
 * right_burn, are told by WHO. All of these programs are linked to the same addresses, where their libraries are the same, too; so
 * each has an instruction of its own, told by NUMBER.
 */
#include <stdlib.h>
#include <unistd.h>

#define NAME_OF(who, what) who##_##what
#define NAME(who, what)    NAME_OF(who, what)
#define WORK               200000

static void __attribute__((noinline)) NAME(WHO, burn)(void)
{
	for (volatile unsigned i = 0; i < WORK; i++)
		;
}

static void __attribute__((noinline)) NAME(WHO, turn)(int times)
{
	while (times-- > 0)
		NAME(WHO, burn)();
	__asm__ volatile("" ::"r"(NUMBER)); /* and no tail call */
}

int main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 1;
	char byte;

	while (read(STDIN_FILENO, &byte, 1) == 1) {
		NAME(WHO, turn)(times);
		if (write(STDOUT_FILENO, &byte, 1) != 1)
			return 1;
	}
	return 0;
}
