/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** ORC of kernels that are in memory as ELF files. */

#include "collector/unwind/unwind_table.h"

/** As unwind_table_of_vmlinux(), of an ELF file of @size bytes in memory. */
int unwind_table_of_vmlinux_image(
	const void *image, size_t size, struct unwind_table *ret, struct error *error);
