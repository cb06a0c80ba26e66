/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What a program that is linked to this kernel gives it. */

/** The end of the boot, before the kernel says that the program begins; may be left out. */
void program_boots(int argc, char **argv);

/** Runs on the first vCPU; returns the exit status. */
int main(int argc, char **argv);
