/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The unwind table of a Linux kernel as it is booted (vmlinuz): its ELF file is packed in it. */

#include "collector/unwind/unwind_table.h"

/**
 * Of the bzImage @fd. -ENOEXEC (it is no x86 bzImage), -EBADMSG (its kernel cannot be unpacked),
 * and the errors of unwind_table_of_vmlinux(), with a message.
 */
int unwind_table_of_bzimage(int fd, struct unwind_table *ret, struct error *error);

/** Its ELF file, malloced. -ENOEXEC, -EBADMSG, -ENOMEM, with a message. */
int unwind_bzimage_unpack(int fd, void **ret, size_t *ret_size, struct error *error);
