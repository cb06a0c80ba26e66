/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/probes/probe_guest.h"

#include <string.h>

#include "collector/probes/probe_set_internal.h"

void probe_set_guest_ram(struct probe_set *p, const struct guest_ram_block *blocks, size_t n)
{
	struct guestscope_bpf__bss *bss = p->bpf->bss;

	for (size_t i = 0; i < n && i < GUEST_RAM_BLOCKS; i++)
		memcpy((void *)&bss->guest_ram[i], &blocks[i], sizeof(blocks[i]));
	__atomic_store_n(&bss->guest_ram_count,
		(uint32_t)(n < GUEST_RAM_BLOCKS ? n : GUEST_RAM_BLOCKS), __ATOMIC_SEQ_CST);
}

void probe_set_guest_root(struct probe_set *p, const struct guest_root *root)
{
	memcpy((void *)&p->bpf->bss->guest_root, root, sizeof(*root));
}

const void *probe_set_guest_object(const struct probe_set *p)
{
	const struct guest_tcg_object *object = &p->bpf->bss->guest_tcg_object;

	return __atomic_load_n(&object->taken, __ATOMIC_SEQ_CST) ? object->bytes : NULL;
}

void probe_set_guest_layout(struct probe_set *p, const struct guest_tcg_layout *layout)
{
	struct guestscope_bpf__bss *bss = p->bpf->bss;

	memcpy((void *)&bss->guest_tcg_layout, layout, sizeof(*layout));
	__atomic_store_n(&bss->guest_tcg_known, 1, __ATOMIC_SEQ_CST);
}

void probe_set_guest_tasks(struct probe_set *p, const struct guest_task_layout *layout)
{
	struct guestscope_bpf__bss *bss = p->bpf->bss;

	memcpy((void *)&bss->guest_task_layout, layout, sizeof(*layout));
	__atomic_store_n(&bss->guest_task_known, 1, __ATOMIC_SEQ_CST);
}

void probe_set_guest_queues(struct probe_set *p, const struct guest_queue_place *places, size_t n)
{
	struct guestscope_bpf__bss *bss = p->bpf->bss;

	for (size_t i = 0; i < n && i < GUEST_QUEUES_MAX; i++)
		memcpy((void *)&bss->guest_queue_places[i], &places[i], sizeof(places[i]));
	__atomic_store_n(&bss->guest_queue_count,
		(uint32_t)(n < GUEST_QUEUES_MAX ? n : GUEST_QUEUES_MAX), __ATOMIC_SEQ_CST);
}

void probe_set_guest_stuck(const struct probe_set *p, unsigned lane,
	uint64_t ret_ns[static PROBE_PHASES_MAX], uint64_t ret_count[static PROBE_PHASES_MAX])
{
	memset(ret_ns, 0, PROBE_PHASES_MAX * sizeof(*ret_ns));
	memset(ret_count, 0, PROBE_PHASES_MAX * sizeof(*ret_count));
	for (unsigned part = 0; lane < GUEST_QUEUES_MAX && part < PROBE_PARTS_MAX; part++) {
		const struct guest_stuck *s = &p->bpf->bss->guest_stuck[lane];
		unsigned phase = p->phase_of_part[part];

		if (phase >= PROBE_PHASES_MAX)
			continue;
		ret_ns[phase] += s->ns[part];
		ret_count[phase] += s->count[part];
	}
}
