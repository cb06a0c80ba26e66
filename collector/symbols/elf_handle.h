/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** libelf handles on untrusted files: shared by the files that read ELF, of no use elsewhere. */

#include <gelf.h>
#include <libelf.h>
#include <stddef.h>

/** No section that is read is larger: what a hostile file can make us allocate at a time. */
#define ELF_SECTION_BYTES_MAX (48U << 20)

/** A handle on the regular file @fd, or NULL. @fd must stay open as long as the handle. */
Elf *elf_handle_open(int fd);

/** A handle on an image in memory, or NULL. */
Elf *elf_handle_image(const void *image, size_t size);

/** For _cleanup_(). */
void elf_handle_done(Elf **elf);

/** The contents of @section, never empty; NULL if it has none, or they are broken or too large. */
Elf_Data *elf_section_data(Elf_Scn *section, const GElf_Shdr *header);
