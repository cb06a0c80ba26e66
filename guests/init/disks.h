/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Disks inside Linux guests: the modules between the kernel and them, and how they are found. */

#define DISK_NAME_BYTES 64

/** Load the modules for @purpose (modules.h) that are there. What fails is said. */
void load_modules(const char *purpose);

/** The kernel's name of the disk with that serial number, once it sees it. Powers off where it does
 * not for 20 s. */
void wait_for_disk(const char *serial, char ret_name[static DISK_NAME_BYTES]);

/** Mount the program's disk at PROGRAM_MOUNT, or power off. */
void mount_program_disk(void);
