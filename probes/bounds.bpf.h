/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Array elements by an index that is only known at run time. The verifier must see that the very
 * number that was checked is the one that indexes. Compilers know no such rule: they compute the
 * address first, or check one copy of the number and index by another. So every such access goes
 * through here.
 */

/**
 * The address of @array[@index], or NULL if there is no such element. @array is a real array, not a
 * pointer. The two barriers make the number a fresh one, of which the compiler knows nothing, first
 * for the check and then for the address.
 */
#define element_of(array, index)                                                                   \
	({                                                                                         \
		__u64 _index = (__u32)(index);                                                     \
		typeof(&(array)[0]) _element = NULL;                                               \
                                                                                                   \
		barrier_var(_index);                                                               \
		if (_index < sizeof(array) / sizeof((array)[0])) {                                 \
			barrier_var(_index);                                                       \
			_element = &(array)[_index];                                               \
		}                                                                                  \
		_element;                                                                          \
	})

/** The address of @table[@row][@column], or NULL. */
#define cell_of(table, row, column)                                                                \
	({                                                                                         \
		typeof(&(table)[0]) _row = element_of(table, row);                                 \
                                                                                                   \
		_row ? element_of(*_row, column) : NULL;                                           \
	})
