/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** A user's disk image, looked at from outside: a few bytes are read, nothing is mounted. */

#include "common/error.h"

/**
 * Is @path a disk image that a guest can be booted from? 0 with *ret_format, QEMU's name of the
 * format ("raw", "qcow2"), static. -ENOENT, -EACCES ... if it cannot be read; -EINVAL if it is no
 * disk image, or one in another format (the message says how to convert it), or a qcow2 image that
 * refers to other files of this host.
 */
int disk_image_check(const char *path, const char **ret_format, struct error *error);
