/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Instructions that do nothing, by which a guest's program tells count_plugin.c and shadow_plugin.c where
 * they begin and end: "nopl NUMBER(%rax)", with numbers that no compiler writes.
 */

#define COUNT_MARK_OPCODE "\x0f\x1f\x80"
#define COUNT_MARK_BYTES  7
#define COUNT_MARK_BEGIN  0x67737062
#define COUNT_MARK_END    0x67737065
#define SHADOW_MARK_BEGIN 0x67737362
#define SHADOW_MARK_END   0x67737365

#define COUNT_MARK_TEXT_(n) #n
#define COUNT_MARK_TEXT(n)  COUNT_MARK_TEXT_(n)
#define COUNT_MARK(n)       asm volatile("nopl " COUNT_MARK_TEXT(n) "(%%rax)" ::: "memory")
