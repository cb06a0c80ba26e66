/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What flame graphs of one cell and of two share: measures, head, labels, foot. */

#include <stdio.h>

#include "reports/flames/flamegraph.h"

#define FLAME_WIDTH     1200
#define FLAME_MARGIN    10
#define FLAME_TOP       60 /* title and controls */
#define FLAME_BOTTOM    52 /* details and legend */
#define FLAME_ROW       17
#define FLAME_BYTES     4000 /* of a drawing, beside its frames, about */
#define FLAME_CHARACTER 6.7  /* width of the frames' type */

/** Begin the drawing: title, subtitle, place of the controls; @defs writes patterns and styles. */
void flamegraph_head(const struct flamegraph_options *options, double height,
	void (*defs)(const char *id, FILE *out), FILE *out);

/** A frame's text as far as it fits into @width px; nothing if that is less than three characters.
 */
void flamegraph_label(const char *text, double x, double y, double width, FILE *out);

/** The line that tells of keys and, under the mouse, of frames; @inlined: some are. */
void flamegraph_info(double y, bool inlined, size_t dropped, double narrowest_px, FILE *out);

/** A frame's rectangle; in a page the style sheet gives it its height. */
void flamegraph_rect(bool standalone, double x, double y, double width, FILE *out);

/** End the drawing. */
void flamegraph_foot(const struct flamegraph_options *options, FILE *out);
