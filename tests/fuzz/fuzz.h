/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * One source for each target: with libFuzzer it is a fuzzer, with replay.c a program that is given
 * the inputs of its corpus. docs/development.md says how to run either.
 */

#include <stddef.h>
#include <stdint.h>

/** Give the @size bytes of @data to the code under test. Always returns 0, whatever they are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/**
 * A file in memory that holds @data. Returns its descriptor, which the caller closes; where there
 * is none the program ends.
 */
int fuzz_file(const uint8_t *data, size_t size);

/** What opens the file @fd again: "/proc/self/fd/N". */
#define FUZZ_PATH_MAX 64
void fuzz_path(int fd, char ret[static FUZZ_PATH_MAX]);
