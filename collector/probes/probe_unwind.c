/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/probes/probe_unwind.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/probes/probe_set_internal.h"
#include "common/cleanup.h"

/* A map's elements, as long as the set lives. Unmapped, its pages still belong to the map. */
static int map_elements(struct bpf_map *map, size_t size, struct probe_elements *ret)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = bpf_map__max_entries(map);
	void *at;

	ret->bytes = (n * size + page - 1) & ~(page - 1);
	at = mmap(NULL, ret->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (at == MAP_FAILED)
		return -errno;
	*ret = (struct probe_elements){.at = at, .bytes = ret->bytes, .size = size, .room = n};
	return 0;
}

int probe_unwind_open(struct probe_set *p)
{
	int r = map_elements(p->bpf->maps.unwind_rows, sizeof(struct unwind_row), &p->unwind.rows);

	if (r == 0)
		r = map_elements(
			p->bpf->maps.unwind_rules, sizeof(struct unwind_rule), &p->unwind.rules);
	if (r == 0)
		r = map_elements(p->bpf->maps.unwind_mappings, sizeof(struct unwind_mapping),
			&p->unwind.mappings);
	return r;
}

void probe_unwind_close(struct probe_set *p)
{
	struct probe_elements *all[] = {&p->unwind.rows, &p->unwind.rules, &p->unwind.mappings};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i]->at)
			munmap(all[i]->at, all[i]->bytes);
	p->unwind = (struct probe_unwind){0};
}

static int put(struct probe_elements *e, size_t first, const void *elements, size_t n)
{
	if (!e->at || first > e->room || n > e->room - first)
		return -ENOSPC;
	if (n)
		memcpy((char *)e->at + first * e->size, elements, n * e->size);
	return 0;
}

int probe_set_unwind_rules(
	struct probe_set *p, uint32_t first, const struct unwind_rule *rules, size_t n)
{
	return put(&p->unwind.rules, first, rules, n);
}

/* Behind what is there. */
static int append(struct probe_elements *e, const void *elements, size_t n, uint32_t *ret_first)
{
	int r = put(e, e->used, elements, n);

	if (r < 0)
		return r;
	*ret_first = (uint32_t)e->used;
	e->used += n;
	return 0;
}

int probe_set_unwind_rows(
	struct probe_set *p, const struct unwind_row *rows, size_t n, uint32_t *ret_first)
{
	return append(&p->unwind.rows, rows, n, ret_first);
}

int probe_set_unwind_space(
	struct probe_set *p, uint64_t key, const struct unwind_mapping *mappings, size_t n)
{
	struct unwind_space space = {.n = (uint32_t)n};
	int r;

	if (n >> UNWIND_MAPPING_STEPS)
		return -E2BIG;
	r = append(&p->unwind.mappings, mappings, n, &space.first);
	if (r < 0)
		return r;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return bpf_map__update_elem(p->bpf->maps.unwind_spaces, &key, sizeof(key), &space,
		       sizeof(space), BPF_ANY) < 0
		       ? -errno
		       : 0;
}
