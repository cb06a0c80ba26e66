/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Exceptions, and dying in good order: whatever goes wrong is said on the console, and the machine
 * is switched off; it never hangs. Lines begin with "bare: crashed: ", which the host looks for.
 */

#include <stdint.h>

struct vcpu;

/** Load this vCPU's own GDT, TSS (exceptions have a stack of their own) and the common IDT. */
void trap_init(struct vcpu *v);

/** Say why on the console, and switch the machine off. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));
