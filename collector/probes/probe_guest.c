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
