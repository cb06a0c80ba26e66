/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What the first process of a Linux guest and the host have agreed on: names, places, words. The
 * host's side is guests/stacks/linux_guest.c and guests/stacks/linux.c.
 */

#include "common/console.h"

/** A line that begins with this tells how the program ended, or why it never ran. */
#define INIT_SAYS "guestscope-init:"
/** After that, before the name of a process that the program left behind. */
#define INIT_LEFT "still running"
/** A line that begins with this tells how far the boot is. */
#define BOOT_SAYS CONSOLE_BOOT_WORDS

/** What to run: words, each begun by a letter for what it is and ended by NUL; in the initramfs. */
#define COMMAND_FILE "/guestscope/command"
/** Where the first process of linux leaves it for the unit, when the initramfs is gone. */
#define COMMAND_HANDED "/run/guestscope-command"
#define COMMAND_MAX    65536
#define WORDS_MAX      4096
#define WORD_ARGUMENT  'a'
#define WORD_VARIABLE  'v' /**< NAME=VALUE for the environment */
#define WORD_FOLDER    'f' /**< where it runs: it is the user's own program, whose run is marked */
#define WORD_NETWORK   'n' /**< it serves a port: the machine has a network device */
#define WORD_DISK      'd' /**< linux-minimal: its files are on the disk PROGRAM_DISK */

/** Where the program's disk is mounted, which becomes its root. linux-minimal has such a disk where
 * --with asks for it; else the initramfs is the only file system. */
#define PROGRAM_MOUNT  "/run/guestscope"
#define PROGRAM_RUNNER "/guestscope/run"

/** On that disk, two empty folders: where what is covered by memory to write in is seen. */
#define INIT_UNDER "/guestscope/under"

/** In OSv: what of the disk is to be seen below /tmp (mark.c). */
#define MARK_TMP INIT_UNDER "/tmp"

/** What QEMU's user-mode network expects of the guest. */
#define GUEST_ADDRESS "10.0.2.15"
#define GUEST_NETMASK "255.255.255.0"
#define GUEST_GATEWAY "10.0.2.2"

/** Serial numbers of the disks, by which they are found. */
#define ROOT_DISK    "guestscope-root"
#define PROGRAM_DISK "guestscope-prog"

/** Modules that the first process may load, where the kernel has not got them built in. */
#define MODULES_FOLDER "/modules"
