/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A library whose one function, LEAF, burns so many steps; how its caller is found is what differs: see
 * meson.build. As assembly, LEAF has no call frame information, and RBP is anything in it. SPARE bytes of
 * code without such information may follow.
 */

#include <stdint.h>

void LEAF(uint64_t steps);

#define TEXT(x) #x
#define NAME(x) TEXT(x)

#ifdef ASSEMBLY
__asm__(".text\n"
	".globl " NAME(LEAF) "\n"
			     ".type " NAME(LEAF) ", @function\n" NAME(
				     LEAF) ":\n"
					   "	push %rbp\n"
					   "	mov $12345, %ebp\n"
					   "1:	dec %rdi\n"
					   "	jnz 1b\n"
					   "	pop %rbp\n"
					   "	ret\n"
					   ".size " NAME(LEAF) ", . - " NAME(LEAF) "\n");

/* What has such information, if the compiler makes it. */
#define OTHER other
#else
#define OTHER LEAF
#endif

void OTHER(uint64_t steps);
void OTHER(uint64_t steps)
{
	/* Compilers leave it out where nothing asks for it, whatever their options say. */
	__asm__ volatile("" : : "r"(__builtin_frame_address(0)));
	for (uint64_t i = 0; i < steps; i++)
		__asm__ volatile("");
}

#ifdef SPARE
__asm__(".text\n"
	".skip " NAME(SPARE) ", 0x90\n");
#endif
