/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files of the doctor share. A check is a function that fills a struct finding. */

#include <stddef.h>

#include "collector/doctor/doctor.h"

struct finding {
	enum doctor_status status;
	char text[2048];
	char fix[640]; /* "": nothing to be done */
};

typedef void (*doctor_check_t)(struct finding *f);

struct doctor_row {
	const char *name;
	doctor_check_t check;
	bool essential;
};

/** The check found this; with status other than DOCTOR_OK, doctor_fix() should follow. */
void doctor_find(struct finding *f, enum doctor_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void doctor_fix(struct finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* doctor_kernel.c: what the probes need of the kernel */
extern const struct doctor_row doctor_kernel_rows[];
extern const size_t doctor_kernel_rows_n;

/* doctor_probes.c: whether they load */
extern const struct doctor_row doctor_probe_rows[];
extern const size_t doctor_probe_rows_n;

/* doctor_machine.c: the machine's own limits and settings */
extern const struct doctor_row doctor_machine_rows[];
extern const size_t doctor_machine_rows_n;

/* doctor_stacks.c: programs, and whether their code can be told apart */
extern const struct doctor_row doctor_stack_rows[];
extern const size_t doctor_stack_rows_n;
