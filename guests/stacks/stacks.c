/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/stacks/stacks.h"

#include <string.h>

#define GUEST_ADDRESS(name) &guest_##name,
const struct guest_ops *const guest_table[] = {GUEST_STACKS(GUEST_ADDRESS) NULL};
#undef GUEST_ADDRESS

const struct guest_ops *guest_find(const char *name)
{
	for (size_t i = 0; guest_table[i]; i++)
		if (strcmp(guest_table[i]->name, name) == 0)
			return guest_table[i];
	return NULL;
}
