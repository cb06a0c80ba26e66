/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/init/common.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "guests/init/words.h"

void say(const char *text, const char *what, int number)
{
	char digits[16] = "";

	if (number >= 0)
		snprintf(digits, sizeof(digits), " %d", number);
	dprintf(STDOUT_FILENO, "\n" INIT_SAYS " %s%s%s%s\n", text, what ? " " : "",
		what ? what : "", digits);
}

void say_step(const char *begins)
{
	dprintf(STDOUT_FILENO, BOOT_SAYS " %s\n", begins);
}

void power_off(void)
{
	tcdrain(STDOUT_FILENO); /* the last words are still in the serial port's buffer */
	reboot(RB_POWER_OFF);
	_exit(1); /* as first process: the kernel panics, which ends the virtual machine as well */
}

void fail(const char *text, const char *what, int number)
{
	say(text, what, number);
	power_off();
}

void mount_one(const struct mount_point *m)
{
	if (mkdir(m->target, 0755) < 0 && errno != EEXIST)
		say("cannot make", m->target, errno);
	if (mount(m->type, m->target, m->type, m->flags, m->options) < 0 && errno != EBUSY)
		say("cannot mount", m->target, errno);
}

void mount_kernel_views(void)
{
	static const struct mount_point views[] = {
		{"devtmpfs", "/dev", MS_NOSUID, NULL},
		{"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
		{"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
	};

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		mount_one(&views[i]);
}
