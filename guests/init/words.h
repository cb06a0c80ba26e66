/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What the first process of a Linux guest and the host have agreed on: names, places, words. The
 * host's side is guests/stacks/linux_guest.c and guests/stacks/linux.c.
 */

/** A line that begins with this tells how the program ended, or why it never ran. */
#define INIT_SAYS "guestscope-init:"
/** A line that begins with this tells how far the boot is. */
#define BOOT_SAYS "guestscope-boot:"

/** The program's arguments, each ended by NUL, in its own file system. */
#define COMMAND_FILE  "/guestscope/command"
#define COMMAND_MAX   65536
#define ARGUMENTS_MAX 1024

/** Of linux-minimal: the only file system. Of linux: a disk of its own, mounted there. */
#define PROGRAM_MOUNT  "/run/guestscope"
#define PROGRAM_RUNNER "/guestscope/run"

/** Serial numbers of the disks of linux, by which they are found. */
#define ROOT_DISK    "guestscope-root"
#define PROGRAM_DISK "guestscope-prog"

/** Modules that the first process may load, where the kernel has not got them built in. */
#define MODULES_FOLDER "/modules"
