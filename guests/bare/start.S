/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entry (PVH, the direct boot ABI of Xen and QEMU), the start of further vCPUs, the doors of
 * exceptions.
 *
 * All C code runs in long mode at addresses equal to the physical ones, with interrupts off.
 * Stacks are walked from outside by frame pointers: a chain begins with RBP = 0, below which only
 * vcpu_root (or an entry of this file) is.
 */

#define CR0_PE (1 << 0)
#define CR0_MP (1 << 1)
#define CR0_NE (1 << 5)
#define CR0_WP (1 << 16)
#define CR0_PG (1 << 31)
#define CR0_LONG (CR0_PG | CR0_WP | CR0_NE | CR0_MP | CR0_PE)

#define CR4_PAE (1 << 5)
#define CR4_OSFXSR (1 << 9)
#define CR4_OSXMMEXCPT (1 << 10)
#define CR4_LONG (CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT)

#define MSR_EFER 0xc0000080
#define EFER_LME (1 << 8)

#define CODE32 0x08
#define DATA   0x10
#define CODE64 0x18

#define PAGE_BITS_2M 0x83	/* present, writable, large */
#define PAGE_BITS    0x03

/* Where further vCPUs begin, in real mode: TRAMPOLINE in smp.c says the same. */
#define TRAMPOLINE 0x8000

	.section .note.pvh, "a", @note
	.align	4
	.long	4, 8, 18		/* sizes of name and value; XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.quad	pvh_start

/* ------------------------------------------------------------ the first vCPU, 32 bits, no paging */
	.section .text.start, "ax"
	.code32
	.globl	pvh_start
	.type	pvh_start, @function
pvh_start:
	cli
	cld
	movl	%ebx, %esi		/* struct hvm_start_info */
	movl	$__bss_begin, %edi
	movl	$__bss_end, %ecx
	subl	%edi, %ecx
	shrl	$2, %ecx
	xorl	%eax, %eax
	rep stosl

	/* The first 4 GiB by 2 MiB pages, until memory.c knows what there is. */
	movl	$boot_directories, %edi
	movl	$PAGE_BITS_2M, %eax
	movl	$2048, %ecx
	xorl	%edx, %edx
1:	movl	%eax, (%edi)
	movl	%edx, 4(%edi)
	addl	$0x200000, %eax
	addl	$8, %edi
	loop	1b
	movl	$boot_directories + PAGE_BITS, %eax
	movl	$boot_pointers, %edi
	movl	$4, %ecx
2:	movl	%eax, (%edi)
	addl	$4096, %eax
	addl	$8, %edi
	loop	2b
	movl	$boot_pointers + PAGE_BITS, boot_root

	movl	$boot_root, %eax
	call	enter_long
	ljmpl	$CODE64, $start64
	.size	pvh_start, . - pvh_start

/* %eax: root of the page tables. Returns in compatibility mode with the GDT loaded. */
	.type	enter_long, @function
enter_long:
	movl	%eax, %cr3
	movl	$CR4_LONG, %eax
	movl	%eax, %cr4
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	lgdtl	boot_gdt_pointer
	movl	$CR0_LONG, %eax
	movl	%eax, %cr0
	movl	$DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	ret
	.size	enter_long, . - enter_long

	.code64
	.type	start64, @function
start64:
	movl	$boot_stack_top, %esp
	xorl	%ebp, %ebp
	movl	%esi, %edi
	call	boot_main
	ud2
	.size	start64, . - start64

/* ------------------------------------------------------------ further vCPUs */
	.type	ap_start64, @function
ap_start64:
	movq	ap_stack_top, %rsp
	xorl	%ebp, %ebp
	movq	ap_vcpu, %rdi
	call	ap_main
	ud2
	.size	ap_start64, . - ap_start64

	.code32
	.type	ap_start32, @function
ap_start32:
	movl	$DATA, %eax
	movl	%eax, %ds
	movl	%eax, %ss
	movl	$TRAMPOLINE + 4096, %esp
	movl	ap_root, %eax
	call	enter_long
	ljmpl	$CODE64, $ap_start64
	.size	ap_start32, . - ap_start32

	.section .trampoline, "aw"
	.code16
	.globl	trampoline_begin, trampoline_end
trampoline_begin:
	cli
	cld
	movw	%cs, %ax
	movw	%ax, %ds
	lgdtl	trampoline_gdt_pointer - trampoline_begin
	movl	%cr0, %eax
	orl	$CR0_PE, %eax
	movl	%eax, %cr0
	ljmpl	$CODE32, $ap_start32
	.align	4
trampoline_gdt_pointer:
	.word	boot_gdt_end - boot_gdt - 1
	.long	boot_gdt
trampoline_end:

	.data
	.align	8
boot_gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* CODE32 */
	.quad	0x00cf93000000ffff	/* DATA */
	.quad	0x00af9b000000ffff	/* CODE64 */
boot_gdt_end:
boot_gdt_pointer:
	.word	boot_gdt_end - boot_gdt - 1
	.long	boot_gdt

	.bss
	.align	4096
boot_root:	.skip 4096
boot_pointers:	.skip 4096
boot_directories: .skip 4 * 4096
	.skip	16384
boot_stack_top:
	.globl	ap_stack_top, ap_vcpu, ap_root
ap_stack_top:	.skip 8
ap_vcpu:	.skip 8
ap_root:	.skip 8

/* ------------------------------------------------------------ stacks */
	.text
	.code64
/* void vcpu_root(void *argument, void (*run)(void *), void *stack_top): see vcpu.h. */
	.globl	vcpu_root
	.type	vcpu_root, @function
vcpu_root:
	pushq	%rbp
	pushq	%rbx
	movq	%rsp, %rbx
	movq	%rdx, %rsp
	xorl	%ebp, %ebp
	call	*%rsi
	movq	%rbx, %rsp
	popq	%rbx
	popq	%rbp
	ret
	.size	vcpu_root, . - vcpu_root

/* ------------------------------------------------------------ exceptions */
/* Those with an error code of the processor's: 8, 10 to 14, 17, 21, 29, 30. */
	.altmacro
	.macro	door vector
	.type	door_\vector, @function
door_\vector:
	.if	!((\vector == 8) || (\vector >= 10 && \vector <= 14) || (\vector == 17) || \
		(\vector == 21) || (\vector == 29) || (\vector == 30))
	pushq	$0
	.endif
	pushq	$\vector
	jmp	all_doors
	.size	door_\vector, . - door_\vector
	.endm

	.set	vector, 0
	.rept	32
	door	%vector
	.set	vector, vector + 1
	.endr

	.type	all_doors, @function
all_doors:
	pushq	%rbp
	movq	%rsp, %rdi
	xorl	%ebp, %ebp
	cld
	andq	$-16, %rsp
	call	trap_handle
	ud2
	.size	all_doors, . - all_doors

	.macro	door_address vector
	.quad	door_\vector
	.endm

	.section .rodata
	.globl	trap_doors
trap_doors:
	.set	vector, 0
	.rept	32
	door_address %vector
	.set	vector, vector + 1
	.endr

	.section .note.GNU-stack, "", @progbits
