/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A table of symbols in the form of /proc/kallsyms. */

#include <stdio.h>
#include <stdlib.h>

#include "collector/symbols/kallsyms.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *f = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	struct intern names = {};
	struct kallsyms k;

	if (f && kallsyms_read(f, &names, &k) == 0) {
		for (size_t i = 0; i < k.table->n; i++)
			if (k.table->entries[i].group >= k.n_modules)
				abort();
		kallsyms_done(&k);
	}
	intern_clear(&names);
	if (f)
		fclose(f);
	return 0;
}
