/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "common/file_kind.h"
#include "guests/images/elf_needs.h"
#include "guests/machine_type.h"

#define RAM_ABOVE_AT ((uint64_t)4 << 30)

int guest_symbols_available(const char *path, struct error *error)
{
	int r = path ? file_check(path, error) : 0;

	if (r < 0)
		return error_prefix(error, r, "symbols");
	if (path && access(path, R_OK) < 0)
		return error_set_errno(error, -errno, "cannot read the symbols %s", path);
	return 0;
}

/* Past some size the memory has a hole below 4 GiB, where devices are, and goes on above it. */
static void set_ram(
	struct guest_inside *inside, uint64_t ram_bytes, const struct machine_type *type)
{
	inside->ram_bytes = ram_bytes;
	if (ram_bytes < type->split_from) {
		inside->ranges[0] = (struct guest_range){.size = ram_bytes};
		inside->n_ranges = 1;
		return;
	}
	inside->ranges[0] = (struct guest_range){.size = type->below};
	inside->ranges[1] = (struct guest_range){
		.physical = RAM_ABOVE_AT, .size = ram_bytes - type->below, .offset = type->below};
	inside->n_ranges = 2;
}

int guest_inside_new(const struct guest_inside *like, const char *kernel, const char *symbols,
	uint64_t ram_bytes, const struct machine_type *type, struct guest_inside **ret)
{
	struct guest_inside *inside = malloc(sizeof(*inside));

	if (!inside)
		return -ENOMEM;
	*inside = *like;
	inside->kernel = kernel ? strdup(kernel) : NULL;
	inside->symbols = symbols ? strdup(symbols) : NULL;
	set_ram(inside, ram_bytes, type);
	if ((kernel && !inside->kernel) || (symbols && !inside->symbols)) {
		guest_inside_free(inside);
		return -ENOMEM;
	}
	*ret = inside;
	return 0;
}

static int guest_inside_add_file(struct guest_inside *inside, const char *name, const char *path)
{
	struct guest_file file = {strdup(name), strdup(path)};

	if (file.name && file.path && ARRAY_ADD(inside->files, inside->n_files, file) == 0)
		return 0;
	free(file.name);
	free(file.path);
	return -ENOMEM;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int guest_inside_add_program(struct guest_inside *inside, const char *program,
	bool (*skip)(const char *name), struct error *error)
{
	struct elf_needs needs = {0};
	int r = guest_inside_add_file(inside, base_name(program), program);

	if (r < 0)
		return r;
	r = elf_needs_find(program, skip, NULL, &needs, error);
	if (r == 0 && needs.interpreter && !skip)
		r = guest_inside_add_file(inside, base_name(needs.interpreter), needs.interpreter);
	for (size_t i = 0; i < needs.n && r == 0; i++)
		r = guest_inside_add_file(
			inside, base_name(needs.items[i].name), needs.items[i].path);
	elf_needs_free(&needs);
	return r;
}

void guest_inside_free(struct guest_inside *inside)
{
	if (!inside)
		return;
	for (size_t i = 0; i < inside->n_files; i++) {
		free(inside->files[i].name);
		free(inside->files[i].path);
	}
	free(inside->files);
	free(inside->kernel);
	free(inside->symbols);
	free(inside);
}
