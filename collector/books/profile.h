/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The samples of a run, aggregated: equal stacks of the same phase, lane and thread are one entry.
 * Addresses stay raw; they become symbols once, when the run is over.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/books/sample_times.h"
#include "common/hash_index.h"
#include "probes/records.h"

enum profile_kind {
	PROFILE_ONCPU,
	PROFILE_OFFCPU,
	PROFILE_EXITS, /**< a vCPU was out of its guest */
};

/** What the time of an exit is. */
enum profile_part {
	PART_ITSELF,
	PART_INTERRUPTS, /**< that came meanwhile */
	PART_OWN,        /**< in which we took the stack */
	PARTS
};

struct profile_entry {
	enum profile_kind kind;
	uint32_t phase;
	int32_t lane; /**< or PROBE_LANE_NONE */
	uint32_t tgid;
	uint32_t mode;  /**< enum sample_mode */
	uint32_t state; /**< the lane's state by events */
	int32_t syscall;
	char thread[PROBE_NAME_SIZE];
	uint64_t ip; /**< innermost address */
	uint64_t weight_ns;
	uint64_t count;
	uint32_t n_kernel;
	uint32_t n_user;
	uint32_t n_guest;
	uint32_t user_end;       /**< why the user's frames end: enum unwind_end */
	uint32_t guest_end;      /**< enum guest_end */
	uint64_t guest_thread;   /**< FS base in the guest */
	uint64_t guest_caller;   /**< see struct guest_sample */
	bool guest_pushed;       /**< likewise */
	uint8_t guest_privilege; /**< CPL */
	uint64_t cause;          /**< PROFILE_EXITS: as of kernel's detail */
	uint32_t part;           /**< PROFILE_EXITS: enum profile_part */
	uint64_t guest_space;    /**< see struct guest_sample */
	struct guest_task
		guest_task;    /**< what it was at work for; its name is made fit for the store */
	const uint64_t *guest; /**< n_guest addresses, innermost first */
	uint64_t *frames;      /**< n_kernel, then n_user, each innermost first; not of a key */
};

/** The name of a guest's thread (GUEST_TASK_THREAD), made fit for the store; "": it is none. */
void profile_thread_name(const struct guest_task *t, char ret[static PROBE_NAME_SIZE]);

/** A caller is looked up by the byte before its return address: that is of the call, and what it
 * returns to may be of the next function. */
static inline uint64_t profile_caller(uint64_t return_address)
{
	return return_address - 1;
}

/** By what frame @i of a call stack, innermost first, is looked up. */
static inline uint64_t profile_address(const uint64_t *frames, uint32_t i)
{
	return i ? profile_caller(frames[i]) : frames[i];
}

/** Do the guest's frames belong to the stack? What an interrupt does is nothing that the guest has
 * caused. */
static inline bool profile_has_guest(const struct profile_entry *e)
{
	return e->n_guest && e->mode != SAMPLE_IRQ;
}

struct profile {
	struct profile_entry **entries;
	size_t n;
	struct hash_index index;    /**< of those */
	uint64_t lost;              /**< samples of stacks for which there was no room */
	struct sample_times *times; /**< when they were taken; NULL: that is not kept */
};

/** Of profile_add(): there was no room. */
#define PROFILE_LOST SIZE_MAX

/** Add @count samples worth @weight_ns in total; the key is all of @key but ip,
 * weight and count. Returns the entry's index. */
size_t profile_add(struct profile *p, const struct profile_entry *key, const uint64_t *kernel,
	const uint64_t *user, uint64_t weight_ns, uint64_t count);

/** Entry @i, as profile_add() has given it, has a sample of @time_ns. */
void profile_note(struct profile *p, size_t i, uint64_t time_ns);

/** The key of a record in @phase, borrowing its frames of the guest. Its thread's name is made fit for the store. */
struct profile_entry profile_key(enum profile_kind kind, const struct record_sample *s,
	const uint64_t *frames, uint32_t phase);

/**
 * Add an on-CPU sample in @phase, worth @weight_ns; @frames are the record's, and so is its instant. */
void profile_add_sample(struct profile *p, const struct record_sample *s, const uint64_t *frames,
	uint32_t phase, uint64_t weight_ns);

/** What was taken for phase 1 was the end of phase 0. An entry of each may then be there with the same stack. */
void profile_take_back(struct profile *p);

/** Free all entries. */
void profile_done(struct profile *p);
