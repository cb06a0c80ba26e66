/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Type information out of a guest's memory. */

#include "collector/inside/guest_btf.h"
#include "common/cleanup.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t at[3];
	const struct guest_btf_member members[] = {{"task_struct", "comm", &at[0]},
		{"mm_struct", "pgd", &at[1]}, {"outer", "flag", &at[2]}};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		(void)guest_btf_find(data, size, &members[i], 1);
	return 0;
}
