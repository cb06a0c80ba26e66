/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Arrays that grow by one element at a time. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY_ROOM_FIRST 64

/** @array with room for twice as many elements of @size bytes, and *room says so. NULL: no memory,
 * and nothing has changed. */
static inline void *array_larger(void *array, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : ARRAY_ROOM_FIRST, bytes;
	void *larger;

	if (*room > SIZE_MAX / 2 || __builtin_mul_overflow(more, size, &bytes))
		return NULL;
	larger = realloc(array, bytes);
	if (larger)
		*room = more;
	return larger;
}

/** Room for one more in @array, which has @n elements and place for @room, a size_t variable. 0 or
 * -ENOMEM: then the array is as it was. */
#define ARRAY_ROOM(array, n, room)                                                                 \
	({                                                                                         \
		__typeof__(array) larger_ = (array);                                               \
		if ((n) >= (room))                                                                 \
			larger_ = array_larger((array), &(room), sizeof(*larger_));                \
		if (larger_)                                                                       \
			(array) = larger_;                                                         \
		larger_ ? 0 : -ENOMEM;                                                             \
	})
