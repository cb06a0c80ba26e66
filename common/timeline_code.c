/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/timeline_code.h"

#include <errno.h>
#include <string.h>

#include "common/leb128.h"

size_t timeline_put(uint8_t *at, const struct timeline_item *item, uint32_t cpu)
{
	enum timeline_kind kind = item->kind;
	uint64_t number = kind == TIMELINE_MERGED ? item->n_parts : item->what;
	size_t n;

	if (kind == TIMELINE_INTERVAL && item->cpu != cpu && item->cpu != TIMELINE_CPU_NONE)
		kind = TIMELINE_MOVED;
	n = leb128_put(at, (kind == TIMELINE_GAP ? 0 : number) << 2 | kind);
	if (kind == TIMELINE_MERGED) {
		n += leb128_put(at + n, item->count);
		for (uint32_t i = 0; i < item->n_parts; i++) {
			n += leb128_put(at + n, item->parts[i].what);
			n += leb128_put(at + n, item->parts[i].ns);
		}
		return n;
	}
	if (kind == TIMELINE_MOVED)
		n += leb128_put(at + n, item->cpu);
	return n + leb128_put(at + n, item->ns);
}

struct timeline_reader timeline_read(const void *data, size_t bytes, uint64_t begin_ns)
{
	return (struct timeline_reader){data, bytes, begin_ns, TIMELINE_CPU_NONE};
}

static bool get_number(struct timeline_reader *r, uint64_t *ret)
{
	return leb128_get(&r->at, &r->left, ret);
}

static bool get_small(struct timeline_reader *r, uint32_t *ret)
{
	uint64_t n;

	if (!get_number(r, &n) || n > UINT32_MAX)
		return false;
	*ret = (uint32_t)n;
	return true;
}

static bool get_parts(struct timeline_reader *r, uint64_t n, struct timeline_item *ret)
{
	if (n > TIMELINE_PARTS_MAX || !get_number(r, &ret->count))
		return false;
	ret->n_parts = (uint32_t)n;
	for (uint32_t i = 0; i < n; i++) {
		struct timeline_part *part = &ret->parts[i];

		if (!get_small(r, &part->what) || !get_number(r, &part->ns) ||
			__builtin_add_overflow(ret->ns, part->ns, &ret->ns))
			return false;
	}
	return true;
}

static bool get_item(struct timeline_reader *r, struct timeline_item *ret)
{
	uint64_t head;

	if (!get_number(r, &head))
		return false;
	ret->kind = (enum timeline_kind)(head & 3);
	if (ret->kind == TIMELINE_MERGED)
		return get_parts(r, head >> 2, ret);
	if (head >> 2 > UINT32_MAX || (ret->kind == TIMELINE_GAP && head >> 2))
		return false;
	ret->what = (uint32_t)(head >> 2);
	if (ret->kind == TIMELINE_MOVED && !get_small(r, &r->cpu))
		return false;
	if (ret->kind == TIMELINE_MOVED)
		ret->kind = TIMELINE_INTERVAL;
	ret->cpu = r->cpu;
	return get_number(r, &ret->ns);
}

int timeline_next(struct timeline_reader *r, struct timeline_item *ret)
{
	if (!r->left)
		return 0;
	memset(ret, 0, sizeof(*ret));
	ret->begin_ns = r->begin_ns;
	if (!get_item(r, ret) || __builtin_add_overflow(r->begin_ns, ret->ns, &r->begin_ns))
		return -EBADMSG;
	return 1;
}

size_t sample_time_put(uint8_t *at, int64_t later_ns, uint64_t number)
{
	/* The sign is the lowest digit, so that small numbers of either are short. */
	uint64_t signed_ns = (uint64_t)later_ns << 1 ^ (later_ns < 0 ? UINT64_MAX : 0);
	size_t n = leb128_put(at, signed_ns);

	return n + leb128_put(at + n, number);
}

int sample_time_next(struct timeline_reader *r, struct sample_time *ret)
{
	uint64_t signed_ns, number;

	if (!r->left)
		return 0;
	if (!get_number(r, &signed_ns) || !get_number(r, &number))
		return -EBADMSG;
	r->begin_ns += signed_ns >> 1 ^ (signed_ns & 1 ? UINT64_MAX : 0);
	*ret = (struct sample_time){r->begin_ns, number};
	return 1;
}
