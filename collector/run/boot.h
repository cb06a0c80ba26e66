/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The boot of a run, taken apart. While the stack boots, evidence comes in: events of processes and
 * of the first vCPU, lines of the console, samples of the guest. In the end the steps of the
 * stack's own plan (guests/boot_plan.h) are laid out between the start and the first marker,
 * without a gap: a step whose end nothing tells goes together with the next.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/boot_step.h"
#include "guests/boot_plan.h"
#include "guests/inside.h"
#include "probes/records.h"

#define BOOT_TEXT_SIZE 128

struct boot_time {
	char name[BOOT_TEXT_SIZE];   /**< of one step, or of several joined */
	char source[BOOT_TEXT_SIZE]; /**< what marks its end */
	uint64_t start_ns, end_ns;
};

/** Steps in order of time; they sum to the boot exactly. */
struct boot_timeline {
	struct boot_time steps[BOOT_STEP_COUNT];
	size_t n;
};

struct boot;

/** @plan is borrowed. -ENOMEM. */
int boot_new(const struct guest_boot *plan, struct boot **ret);

/** NULL is fine. */
void boot_free(struct boot *b);

/** An event of the probes; they may come in any order. */
void boot_event(struct boot *b, const struct record_boot *record);

/** Output of the stack as it was read at @time_ns. */
void boot_console(struct boot *b, const char *data, size_t n, uint64_t time_ns);

/**
 * A sample of a vCPU whose guest was at @rip, in a guest with @inside (may be NULL: how large its
 * memory is is then not known). Samples may come in any order.
 */
void boot_sample(struct boot *b, const struct record_sample *s, uint64_t rip,
	const struct guest_inside *inside);

/** The samples' registers were no vCPU's: what they marked is taken back. */
void boot_forget_samples(struct boot *b);

/** What ends a boot. */
enum boot_end {
	BOOT_ENDS_BY_MARKER, /**< the program's first */
	BOOT_ENDS_BY_EXEC, /**< the program's: so the last of the plan's steps, the program itself, is
				none of the boot */
	BOOT_ENDS_BY_ANSWER, /**< the program is a server */
};

/** Lay the steps out between @start_ns and @end_ns. */
void boot_close(struct boot *b, uint64_t start_ns, uint64_t end_ns, enum boot_end by,
	struct boot_timeline *ret);
