/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The stacks there are, in the order of --list-guests. To add one: write its file, which defines
 * `const struct guest_ops guest_<name>`, add that to meson.build, and add a line here.
 */

#include "guests/guest.h"

#define GUEST_STACKS(X)                                                                            \
	X(native) X(docker) X(podman) X(bare) X(linux_minimal) X(linux) X(osv) X(nanos) X(qemu)

#define GUEST_DECLARE(name) extern const struct guest_ops guest_##name;
GUEST_STACKS(GUEST_DECLARE)
#undef GUEST_DECLARE

/** All stacks, ended by NULL. The order is that of --list-guests. */
extern const struct guest_ops *const guest_table[];

/** The stack of that name, or NULL. */
const struct guest_ops *guest_find(const char *name);
