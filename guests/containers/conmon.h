/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Podman has no daemon: when its client is killed while it makes a container, the container's
 * monitor (conmon) and its half-made first process stay, and Podman's own list does not have them.
 */

#include "common/error.h"

/**
 * End containers called @name that only a monitor of ours (the effective user's) still knows, by
 * its runtime (`runc delete --force`), which takes their control groups along. Call it once Podman
 * says that there is no such container. 0 (also if there is none) or the error of the runtime.
 */
int conmon_remove_orphans(const char *name, struct error *error);
