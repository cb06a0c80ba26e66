/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files behind boot.h share; nobody else includes this. */

#include "collector/run/boot.h"

#define BOOT_LINE_SIZE 256

/** How well a mark tells the instant. Of marks that contradict each other the better one stays. */
enum mark_rank {
	MARK_NONE,
	MARK_SAMPLE,  /* between two samples */
	MARK_NEAR,    /* an event near by */
	MARK_CONSOLE, /* a line, when it arrived */
	MARK_EVENT,   /* the very event */
};

/** What marks the end of a step. */
struct boot_mark {
	enum mark_rank rank;
	uint64_t time_ns;
	char source[BOOT_TEXT_SIZE];
};

struct boot {
	const struct guest_boot *plan;
	struct boot_mark marks[BOOT_STEP_COUNT]; /* of each step's end */

	struct record_boot *events; /* forks, execs and exits */
	size_t n_events;

	char line[BOOT_LINE_SIZE]; /* of the console, so far */
	size_t line_length;

	/* Of the guest's samples: the last in the firmware before the first in its kernel, and the
	 * first in user mode; 0: none. */
	uint64_t *firmware_ns;
	size_t n_firmware;
	uint64_t first_kernel_ns;
	uint64_t first_user_ns;
};

/** The end of @step is at @time_ns, unless a better or, of equals, an earlier mark is known. */
void boot_mark(struct boot *b, enum boot_step step, enum mark_rank rank, uint64_t time_ns,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/** Marks of a container's boot, from the chain of processes that led to the program. */
void boot_chain_mark(struct boot *b);
