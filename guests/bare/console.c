/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/bare/console.h"

#include <stdatomic.h>

#include "guests/bare/machine.h"

#define COM1             0x3f8
#define REG_DATA         (COM1 + 0)
#define REG_INTERRUPTS   (COM1 + 1)
#define REG_FIFO         (COM1 + 2)
#define REG_LINE_CONTROL (COM1 + 3)
#define REG_MODEM        (COM1 + 4)
#define REG_LINE_STATUS  (COM1 + 5)

#define LINE_8N1          0x03
#define LINE_DIVISOR      0x80
#define STATUS_ROOM       0x20
#define FIFO_ON_AND_CLEAR 0x07
#define MODEM_DTR_RTS     0x03

static atomic_flag lock = ATOMIC_FLAG_INIT;

void console_init(void)
{
	out8(REG_INTERRUPTS, 0);
	out8(REG_LINE_CONTROL, LINE_DIVISOR);
	out8(REG_DATA, 1);
	out8(REG_INTERRUPTS, 0);
	out8(REG_LINE_CONTROL, LINE_8N1);
	out8(REG_FIFO, FIFO_ON_AND_CLEAR);
	out8(REG_MODEM, MODEM_DTR_RTS);
}

void console_write(const char *text, size_t length)
{
	while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
		relax();
	for (size_t i = 0; i < length; i++) {
		while (!(in8(REG_LINE_STATUS) & STATUS_ROOM))
			relax();
		out8(REG_DATA, (uint8_t)text[i]);
	}
	atomic_flag_clear_explicit(&lock, memory_order_release);
}

void console_force_unlock(void)
{
	atomic_flag_clear_explicit(&lock, memory_order_release);
}
