/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Words for the details of states: what a lane was blocked on, which interrupt hit it, and so on.
 */

#include <stddef.h>

#include "probes/records.h"

#define DETAIL_SIZE 64

/**
 * The store's words for @detail of @state; empty where there is none. Interrupt numbers get their
 * devices' names from /proc/interrupts as it is now.
 */
void detail_text(unsigned state, const struct probe_detail *detail, char ret[static DETAIL_SIZE]);

/** The store's word for an enum probe_taker. */
const char *detail_taker(unsigned taker);

/**
 * Make a thread's name fit for the store and a terminal: a name is any bytes the thread chose,
 * possibly cut inside a character. What is not printable ASCII becomes '?'.
 */
void detail_clean_name(char *name);
