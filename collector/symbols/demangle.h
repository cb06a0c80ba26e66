/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/**
 * Write a function's name as people read it for @name as a linker knows it, without parameters: of C++
 * "sched::cpu::reschedule"; of Rust, in both its manglings, "core::fmt::write", without a hash; of Go
 * "gopkg.in/yaml.v3.Marshal" and "main.Sum[int]". What would have more than @size - 1 bytes (a few
 * hundred bytes of mangled name can mean gigabytes) ends with "...". Returns 0, or -EINVAL: it is as
 * people read it, or nobody can. Not for use from several threads at once.
 */
int demangle(const char *name, char *ret, size_t size);
