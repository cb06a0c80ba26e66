/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Loads and attaches the eBPF programs of a run. Those that books cannot do without have to be
 * accepted by the kernel; of the others, which come in parts, a part that fails is left out, and it
 * is said what that costs.
 */

#include <stdbool.h>
#include <stddef.h>

#include "collector/probes/probe_set.h"
#include "common/error.h"

struct bpf_link;
struct bpf_program;
struct guestscope_bpf;

struct probe_load {
	struct guestscope_bpf *bpf;
	struct bpf_link **links;
	size_t n_links;
	unsigned parts; /**< bits (1 << enum probe_part) that are loaded and attached */
};

/**
 * Load and attach. What is left out is told to @warn in a sentence. Uprobes are attached by
 * probe_boot.h, and of PROBE_PART_SAMPLING the clocks. The errors are those of probe_set_open().
 */
int probe_load(const struct probe_options *options, struct probe_load *ret, probe_warn_t warn,
	void *userdata, struct error *error);

/** Take all programs off; what they have written stays readable. */
void probe_load_detach(struct probe_load *l);

/** Detach and free what is in @l. */
void probe_load_done(struct probe_load *l);
