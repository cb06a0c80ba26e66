/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The library of replaced_program.c. */

#include "replaced_work.h"

WORK(work_of_the_library, 22695477)
