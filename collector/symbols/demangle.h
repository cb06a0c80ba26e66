/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/**
 * Write the name as people read it for a mangled C++ or Rust @name, without parameters, such as
 * "sched::cpu::reschedule". Returns 0, or -EINVAL if it is not mangled, or if what comes out has
 * more than @size - 1 bytes (a few hundred bytes of mangled name can mean gigabytes).
 * Not for use from several threads at once.
 */
int demangle(const char *name, char *ret, size_t size);
