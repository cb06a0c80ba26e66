/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Arrays that grow, without a variable for their room: their number of elements tells it. Room is a
 * power of two, the least that holds them all. So an array begins as NULL and 0, and grows by these
 * macros alone; its number may go down again.
 */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY_ROOM_FIRST 8

/** For how many elements at least there is room in an array of @n that is not NULL. */
static inline size_t array_room(size_t n)
{
	if (n <= ARRAY_ROOM_FIRST)
		return ARRAY_ROOM_FIRST;
	return n > SIZE_MAX / 2 ? SIZE_MAX : (size_t)1 << (64 - __builtin_clzll(n - 1));
}

/** @array of @n elements of @size bytes with room for @more. NULL: no memory, it is as it was. */
static inline void *array_larger(void *array, size_t n, size_t more, size_t size)
{
	size_t needed, bytes;

	if (__builtin_add_overflow(n, more, &needed))
		return NULL;
	if (array && needed <= array_room(n))
		return array;
	return __builtin_mul_overflow(array_room(needed), size, &bytes) ? NULL
									: realloc(array, bytes);
}

/** Room for @more in @array, which has @n elements. 0 or -ENOMEM: then the array is as it was. */
#define ARRAY_MORE(array, n, more)                                                                 \
	({                                                                                         \
		__typeof__(array) larger_ =                                                        \
			array_larger((array), (n), (more), sizeof(__typeof__(*(array))));          \
		if (larger_)                                                                       \
			(array) = larger_;                                                         \
		larger_ ? 0 : -ENOMEM;                                                             \
	})

/** One more element at the end of @array, and of its number @n: a pointer to it, which is not
 * initialized. NULL: no memory, and both are as they were. */
#define ARRAY_PUSH(array, n) (ARRAY_MORE((array), (n), 1) < 0 ? NULL : &(array)[(n)++])

/** The same with a value, which may name both: 0 or -ENOMEM. */
#define ARRAY_ADD(array, n, ...)                                                                   \
	({                                                                                         \
		__typeof__(*(array)) value_ = __VA_ARGS__, *new_ = ARRAY_PUSH(array, n);           \
		if (new_)                                                                          \
			*new_ = value_;                                                            \
		new_ ? 0 : -ENOMEM;                                                                \
	})

/** The index of the first of the @n elements of @array for which @before, an expression of the
 * pointer @e to one, does not hold; @n: it holds for all. Sorted: those for which it holds come
 * first. */
#define ARRAY_BISECT(array, n, e, before)                                                          \
	({                                                                                         \
		size_t low_ = 0, high_ = (n);                                                      \
		while (low_ < high_) {                                                             \
			size_t middle_ = low_ + (high_ - low_) / 2;                                \
			const __typeof__(*(array)) *e = /* a name: NOLINT(*-macro-parentheses) */  \
				&(array)[middle_];                                                 \
			if (before)                                                                \
				low_ = middle_ + 1;                                                \
			else                                                                       \
				high_ = middle_;                                                   \
		}                                                                                  \
		low_;                                                                              \
	})

/** Put @text, which may be NULL after a failed allocation of the caller's, at the end of @array,
 * whose it is from then on. 0, or -ENOMEM: @text is freed. */
static inline int array_add_text(char ***array, size_t *n, char *text)
{
	int r = text ? ARRAY_ADD(*array, *n, text) : -ENOMEM;

	if (r < 0)
		free(text);
	return r;
}
