/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Marker lines (common/marker.h) that our own programs in a guest write for one that writes none. */

/** Write the marker @body to standard output. 0 or -errno. */
int mark_line(const char *body);
