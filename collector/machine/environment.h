/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Environment variables that change what is measured: ours are dropped, the program's are told. */

/** Drop the variables by which libraries of ours take the machine for another one. */
void environment_drop(void);

/** @each gets every variable, as "NAME=value", that programs inherit and that changes how they run. */
void environment_inherited(void (*each)(const char *variable, void *userdata), void *userdata);
