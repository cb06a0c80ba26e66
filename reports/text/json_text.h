/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdio.h>

/** Write @text (valid UTF-8, as all that leaves a store) as a JSON string, for documents that are
 * too large to be held as a whole. It has no '<', so that it may stand in a page's script. */
void json_put_text(FILE *out, const char *text);
