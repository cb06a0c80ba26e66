/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Two instructions that do nothing, by which a guest's program tells count_plugin.c where the
 * counting begins and ends: "nopl NUMBER(%rax)", with numbers that no compiler writes.
 */

#define COUNT_MARK_OPCODE "\x0f\x1f\x80"
#define COUNT_MARK_BYTES  7
#define COUNT_MARK_BEGIN  0x67737062
#define COUNT_MARK_END    0x67737065

#define COUNT_MARK_TEXT_(n) #n
#define COUNT_MARK_TEXT(n)  COUNT_MARK_TEXT_(n)
#define COUNT_MARK(n)       asm volatile("nopl " COUNT_MARK_TEXT(n) "(%%rax)" ::: "memory")
