/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What this machine can and cannot measure, and how to fix each thing. Looks and tries, changes
 * nothing, starts nothing but "--version" of programs and the clients of container engines.
 */

#include <stdbool.h>
#include <stdio.h>

#include "common/error.h"

enum doctor_status {
	DOCTOR_OK,
	DOCTOR_LIMITED, /**< measuring works, but something will be absent or less exact */
	DOCTOR_MISSING, /**< what needs this does not work */
};

struct doctor_check {
	const char *name;
	enum doctor_status status;
	const char *finding; /**< what was found, a clause */
	const char *fix;     /**< what to do about it; NULL where nothing is to be done */
	bool essential;      /**< without it no stack can be measured at all */
};

typedef void (*doctor_each_t)(const struct doctor_check *check, void *userdata);

/** Make every check and print what it found. Returns how many essential ones are missing, or -ENOMEM. */
int doctor_run(doctor_each_t each, void *userdata);

/**
 * The same as a table on @out, or as a JSON document {"checks": [{name, status, finding, fix,
 * essential}], "usable": BOOL}. Returns 0; 3 if something essential is missing; -ENOMEM, -EIO.
 */
int doctor_print(FILE *out, bool json, struct error *error);
