/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * A worker's run queue: a ring of task numbers with one owner and any number of thieves, no locks.
 *
 * First in, first out, as in Go's scheduler. The owner pushes at the tail; the owner and thieves
 * alike take from the head, and whoever moves the head owns what it passed. A thief takes half at
 * once.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct runqueue {
	_Alignas(64) _Atomic uint64_t head; /**< next to take; only grows */
	_Alignas(64) _Atomic uint64_t tail; /**< next free; only grows, by the owner */
	_Alignas(64) _Atomic uint32_t *slots;
	uint64_t mask;
};

/** An empty queue for at least @capacity tasks. 0 or -ENOMEM. */
int runqueue_init(struct runqueue *q, size_t capacity);

void runqueue_destroy(struct runqueue *q);

/** Owner: append @task. False if the queue is full. */
bool runqueue_push(struct runqueue *q, uint32_t task);

/** Owner: take the oldest task. False if there is none. */
bool runqueue_pop(struct runqueue *q, uint32_t *ret_task);

/** Anybody: is there nothing to take at this moment? */
bool runqueue_empty(struct runqueue *q);

/**
 * Move the older half (rounded up) of @victim's tasks to @mine, which the caller owns and which
 * must be empty. Returns how many, 0 if there was nothing.
 */
size_t runqueue_steal(struct runqueue *victim, struct runqueue *mine);
