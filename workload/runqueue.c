/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/runqueue.h"

#include <errno.h>
#include <stdlib.h>

int runqueue_init(struct runqueue *q, size_t capacity)
{
	size_t size = 1;

	while (size < capacity)
		size *= 2;
	q->slots = calloc(size, sizeof(*q->slots));
	if (!q->slots)
		return -ENOMEM;
	q->mask = size - 1;
	atomic_init(&q->head, 0);
	atomic_init(&q->tail, 0);
	return 0;
}

void runqueue_destroy(struct runqueue *q)
{
	free((void *)q->slots);
	q->slots = NULL;
}

bool runqueue_push(struct runqueue *q, uint32_t task)
{
	uint64_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);

	/* Acquire: whoever moved the head has read the slot that is about to be written. */
	if (tail - atomic_load_explicit(&q->head, memory_order_acquire) > q->mask)
		return false;
	atomic_store_explicit(&q->slots[tail & q->mask], task, memory_order_relaxed);
	/* Sequentially consistent, with runqueue_empty(): see "parking" in runtime.c. */
	atomic_store(&q->tail, tail + 1);
	return true;
}

bool runqueue_pop(struct runqueue *q, uint32_t *ret_task)
{
	uint64_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&q->head, memory_order_acquire);

	while (head != tail) {
		uint32_t task =
			atomic_load_explicit(&q->slots[head & q->mask], memory_order_relaxed);

		if (atomic_compare_exchange_weak_explicit(&q->head, &head, head + 1,
			    memory_order_acq_rel, memory_order_acquire)) {
			*ret_task = task;
			return true;
		}
	}
	return false;
}

bool runqueue_empty(struct runqueue *q)
{
	return atomic_load(&q->head) == atomic_load(&q->tail);
}

size_t runqueue_steal(struct runqueue *victim, struct runqueue *mine)
{
	uint64_t to = atomic_load_explicit(&mine->tail, memory_order_relaxed);

	for (;;) {
		uint64_t head = atomic_load_explicit(&victim->head, memory_order_acquire);
		uint64_t tail = atomic_load_explicit(&victim->tail, memory_order_acquire);
		uint64_t n = tail - head;

		n -= n / 2;
		if (n == 0)
			return 0;
		/* The two loads were not one: the head may be old, then the count is nonsense. */
		if (n > victim->mask + 1 || n > mine->mask + 1)
			continue;
		for (uint64_t i = 0; i < n; i++) {
			uint32_t task = atomic_load_explicit(
				&victim->slots[(head + i) & victim->mask], memory_order_relaxed);

			atomic_store_explicit(
				&mine->slots[(to + i) & mine->mask], task, memory_order_relaxed);
		}
		if (!atomic_compare_exchange_strong_explicit(&victim->head, &head, head + n,
			    memory_order_acq_rel, memory_order_relaxed))
			continue;
		atomic_store(&mine->tail, to + n);
		return n;
	}
}
