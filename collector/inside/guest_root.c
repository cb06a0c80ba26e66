/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_root.h"

#include <errno.h>

#include "collector/inside/guest_symbols.h"
#include "common/cleanup.h"

int guest_root_find(
	const char *path, const struct guest_root_symbol *wanted, struct guest_root *ret)
{
	const char *const names[] = {wanted->name, wanted->other_name};
	uint64_t found[ARRAY_SIZE(names)], address;
	int r;

	if (!wanted->name)
		return -ENOENT;
	r = guest_symbols_find(path, names, ARRAY_SIZE(names), found);
	if (r < 0)
		return r;
	address = found[0] ? found[0] : found[1];
	if (address < wanted->offset)
		return -ENOENT;
	*ret = (struct guest_root){0};
	if (wanted->is_pointer)
		ret->pointer_at = address - wanted->offset;
	else
		ret->physical = address - wanted->offset;
	return 0;
}
