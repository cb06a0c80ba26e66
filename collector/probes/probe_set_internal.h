/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files of this folder share of a set of probes; of no use elsewhere. */

#include <stdint.h>

#include "collector/probes/probe_clocks.h"
#include "collector/probes/probe_load.h"
#include "collector/probes/probe_set.h"
#include "probes/records.h"
/* After it. */
#include "probes/guestscope.skel.h"

struct ring_buffer;

/* The elements of a map that is mapped into our memory. */
struct probe_elements {
	void *at; /* NULL: it is not */
	size_t bytes;
	size_t size; /* of one */
	size_t room; /* for so many */
	size_t used;
};

struct probe_unwind {
	struct probe_elements rows, rules, mappings;
};

struct probe_set {
	struct probe_load load;
	struct guestscope_bpf *bpf; /* load.bpf */
	struct ring_buffer *ring;
	struct probe_callbacks callbacks;
	unsigned lanes;
	bool floats;            /* threads that were there before do */
	uint64_t last_begin_ns; /* the last boundary that was published */
	unsigned n_phases;
	uint8_t phase_of_part[PROBE_PARTS_MAX];
	struct probe_clocks clocks;
	struct probe_boot *boot; /* or NULL */
	struct probe_unwind unwind;
	struct timeline *timeline; /* or NULL */
	bool has_budget;           /* the timeline does ... */
	unsigned budget_lanes;     /* ... for so many lanes */
};

/* probe_records.c: give a record of the ring buffer to whom it concerns. @userdata is the set. */
int probe_on_record(void *userdata, void *data, size_t size);

/* probe_timeline.c: the set has its ring buffers. A negative errno. */
int probe_timeline_open(struct probe_set *p, const struct probe_options *o);
/* All records that waited were fetched: what may come until the next time. */
void probe_timeline_turn(struct probe_set *p);
/* What is charged when the books end: @l's open interval, of which the first @ns are in one part of a
 * phase, and what was merged before. */
void probe_timeline_interval(
	struct probe_set *p, unsigned lane, const struct lane_record *l, uint64_t ns);
void probe_timeline_merged(struct probe_set *p, unsigned lane, struct lane_record *l);

/* probe_unwind.c: make the maps of its tables writable. A negative errno; then walks have none. */
int probe_unwind_open(struct probe_set *p);
void probe_unwind_close(struct probe_set *p);
