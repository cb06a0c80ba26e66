/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Type information as Linux's kernel carries it of itself (BTF, the kernel's
 * Documentation/bpf/btf.rst). It is read from a guest's memory: nothing in it is trusted.
 */

#include <stddef.h>
#include <stdint.h>

/** A member of a structure, and where it lies. */
struct guest_btf_member {
	const char *structure;
	const char *name;
	uint32_t *ret_offset; /**< in bytes */
};

/**
 * Find the @n @members in the @size bytes at @btf; those of structures without a name within are the
 * structure's own. -ENODATA: one is missing, or this is no BTF.
 */
int guest_btf_find(const void *btf, size_t size, const struct guest_btf_member *members, size_t n);
