/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the small static programs inside Linux guests share. */

#include <stddef.h>

/** "guestscope-init: TEXT WHAT NUMBER" on a line of its own; @what may be NULL, @number negative.
 */
void say(const char *text, const char *what, int number);

/** "guestscope-boot: BEGINS": the host takes the boot apart by these. */
void say_step(const char *begins);

/** say(), and power off. */
void fail(const char *text, const char *what, int number) __attribute__((noreturn));

/** Let the last words out of the serial port, and power off. Returns never. */
void power_off(void) __attribute__((noreturn));

struct mount_point {
	const char *type, *target;
	unsigned long flags;
	const char *options;
};

/** Mount what every program expects: /dev, /proc, /sys. What fails is said. */
void mount_kernel_views(void);

/** Make the folder and mount; what is mounted already is fine. What fails is said. */
void mount_one(const struct mount_point *m);
