/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** A frame as libdw tells it, as a rule of probes/unwind.h. */

#include <elfutils/libdw.h>
#include <stdbool.h>

#include "probes/unwind.h"

/** What one address' call frame information says. */
struct unwind_frame {
	struct unwind_rule rule; /**< cfa_base is UNWIND_NONE: it has a form that no rule has */
	/** From which byte of a slot of the PLT on the CFA is 8 higher; 0: this is not the PLT. The
	 * rule is right before it; it has a flag of its own for the usual one. */
	unsigned plt_byte;
};

/** The usual one. */
#define UNWIND_PLT_BYTE       11
#define UNWIND_PLT_SLOT_BYTES 16

/** Of @frame, the return address of which is in DWARF register @return_register. */
struct unwind_frame unwind_frame_read(Dwarf_Frame *frame, int return_register, bool signal);
