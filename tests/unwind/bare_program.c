/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Without a C library: its first instructions and its signal trampoline are hand-written and have no
 * call frame information, as musl's. */

extern const char restorer[];
void work(int n);

static volatile int sink;

__attribute__((noinline, used)) void work(int n)
{
	volatile char bytes[200] = {0};

	bytes[n] = 1;
	sink = bytes[n] + restorer[0];
}

__asm__(".text\n"
	"	.globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	and $-16, %rsp\n"
	"	call work\n"
	"	mov $60, %eax\n"
	"	xor %edi, %edi\n"
	"	syscall\n"
	"	.skip 4096, 0x90\n"
	"	.globl restorer\n"
	"restorer:\n"
	"	mov $15, %rax\n"
	"	syscall\n"
	"	.skip 16, 0x90\n");
