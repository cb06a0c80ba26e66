/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** How a store is recognised: by those who write it and those who read it. The schema is
 * schema.sql. */

#include <stdint.h>

#define STORE_APPLICATION_ID 0x67737063 /* "gspc" */
#define STORE_VERSION        3
#define STORE_FILE_NAME      "experiment.db"

/** The scenario of a run of --attach, of what ran already. */
#define SCENARIO_ATTACH "attach"
/** The scenario of a run of mandelbrot with arguments of the user's. */
#define SCENARIO_OWN "own"
/** The scenario of a run of the user's own program. */
#define SCENARIO_PROGRAM "program"

/**
 * Frames of the side "boundary". Where the guest's code ran within a stack of the host's: what lies
 * between the generated code and the innermost frame works for the guest.
 */
#define STACK_GENERATED  "[generated code]" /* a hypervisor's translation of it */
#define STACK_GUEST_MODE "[guest mode]"     /* itself, under KVM */
/** Between the host's frames and those of the guest that they work for. */
#define STACK_GUEST "[guest code]"

/** The side of a frame that is no function but a process of the guest: the outermost of those of the guest. */
#define SIDE_OF_PROCESS "guest-process"

/** On the reason of an exit: the time that interrupts took meanwhile, and that it took to take its stack. */
#define STACK_INTERRUPTS "[interrupts]"
#define STACK_OWN        "[guestscope]"

/** A warning that ends so is for the record: nothing is wrong because of it. */
#define STORE_NOTE_END ": no time is lost"

/** In place of a number that a store leaves open (SQL NULL). */
#define STORE_NULL INT64_MIN
