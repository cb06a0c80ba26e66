/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <jansson.h>

#include "common/error.h"

/** Put the SHA-256 of what is in the file @path into the object @digests under @name. What opening
 * and mapping give, with a message. */
int file_digest_add(json_t *digests, const char *name, const char *path, struct error *error);
