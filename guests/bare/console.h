/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The serial console: COM1, byte for byte, nothing added. */

#include <stddef.h>

/** Set the port up (115200 8N1, no interrupts). */
void console_init(void);

/** Write @length bytes; those of one call stay together whatever other vCPUs write. */
void console_write(const char *text, size_t length);

/** For a guest that is about to die: lines of vCPUs may mix, but no lock can hang it. */
void console_force_unlock(void);
