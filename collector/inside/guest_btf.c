/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_btf.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"

#define NESTING_MAX 4          /* structures without a name, one in another */
#define STEPS_MAX   (1U << 24) /* types to look at: a guest can write some of which there is no end */

struct btf {
	const unsigned char *types;
	size_t types_size;
	const char *strings; /* ends with a NUL */
	size_t strings_size;
	uint32_t steps; /* so far, of STEPS_MAX */
};

static int open_btf(const void *data, size_t size, struct btf *ret)
{
	struct btf_header h;
	size_t left;

	if (size < sizeof(h))
		return -ENODATA;
	memcpy(&h, data, sizeof(h));
	if (h.magic != BTF_MAGIC || h.hdr_len < sizeof(h) || h.hdr_len > size)
		return -ENODATA;
	left = size - h.hdr_len;
	if (h.type_off > left || h.type_len > left - h.type_off || h.str_off > left ||
		h.str_len > left - h.str_off || h.str_len == 0)
		return -ENODATA;
	ret->types = (const unsigned char *)data + h.hdr_len + h.type_off;
	ret->types_size = h.type_len;
	ret->strings = (const char *)data + h.hdr_len + h.str_off;
	ret->strings_size = h.str_len;
	return ret->strings[h.str_len - 1] == '\0' ? 0 : -ENODATA;
}

/* What follows a type's head. SIZE_MAX: a kind that is not known. */
static size_t tail_of(const struct btf_type *t)
{
	size_t n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case BTF_KIND_ENUM64:
		return n * 12;
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		return n * 8;
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	default:
		return SIZE_MAX;
	}
}

/* The type at @*at, which is moved to the next one. False: there is none. */
static bool next_type(struct btf *b, size_t *at, struct btf_type *ret)
{
	size_t tail;

	if (*at > b->types_size || b->types_size - *at < sizeof(*ret) || b->steps++ >= STEPS_MAX)
		return false;
	memcpy(ret, b->types + *at, sizeof(*ret));
	*at += sizeof(*ret);
	tail = tail_of(ret);
	if (tail > b->types_size - *at)
		return false;
	*at += tail;
	return true;
}

static const char *string_at(const struct btf *b, uint32_t at)
{
	return at < b->strings_size ? b->strings + at : "";
}

static bool is_structure(const struct btf_type *t)
{
	uint32_t kind = BTF_INFO_KIND(t->info);

	return kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION;
}

/* Type number @id, a structure: *ret_at is where its members are. They count from 1. */
static bool structure_by_id(struct btf *b, uint32_t id, struct btf_type *ret, size_t *ret_at)
{
	size_t at = 0;

	*ret_at = 0;
	for (uint32_t i = 0; i < id; i++) {
		*ret_at = at + sizeof(*ret);
		if (!next_type(b, &at, ret))
			return false;
	}
	return id && is_structure(ret);
}

static bool structure_by_name(struct btf *b, const char *name, struct btf_type *ret, size_t *ret_at)
{
	size_t at = 0;

	*ret_at = sizeof(*ret);
	while (next_type(b, &at, ret)) {
		if (BTF_INFO_KIND(ret->info) == BTF_KIND_STRUCT &&
			strcmp(string_at(b, ret->name_off), name) == 0)
			return true;
		*ret_at = at + sizeof(*ret);
	}
	return false;
}

/* Its offset in bits is at most that of a structure of 512 MiB: bits of fields are above. */
static uint32_t byte_of(const struct btf_type *t, const struct btf_member *m)
{
	return (BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset) / 8;
}

static int find_member(struct btf *b, const struct btf_type *t, size_t at, const char *name,
	unsigned nesting, uint32_t *ret)
{
	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++, at += sizeof(struct btf_member)) {
		struct btf_type inner;
		struct btf_member m;
		size_t inner_at;

		memcpy(&m, b->types + at, sizeof(m));
		if (strcmp(string_at(b, m.name_off), name) == 0) {
			*ret = byte_of(t, &m);
			return 0;
		}
		if (*string_at(b, m.name_off) || nesting >= NESTING_MAX ||
			!structure_by_id(b, m.type, &inner, &inner_at) ||
			find_member(b, &inner, inner_at, name, nesting + 1, ret) < 0)
			continue;
		*ret += byte_of(t, &m);
		return 0;
	}
	return -ENODATA;
}

int guest_btf_find(const void *btf, size_t size, const struct guest_btf_member *members, size_t n)
{
	struct btf b = {0};
	int r = open_btf(btf, size, &b);

	for (size_t i = 0; i < n && r == 0; i++) {
		struct btf_type t;
		size_t at;

		r = -ENODATA;
		if (structure_by_name(&b, members[i].structure, &t, &at))
			r = find_member(&b, &t, at, members[i].name, 0, members[i].ret_offset);
	}
	return r;
}
