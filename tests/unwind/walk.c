/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/symbols/elf_file.h"
#include "collector/symbols/proc_maps.h"
#include "common/cleanup.h"
#include "tests/unwind/walk.h"

static void read_file(const struct proc_mapping *m, struct walk_module *module)
{
	_cleanup_close_ int fd = open(m->path, O_RDONLY | O_CLOEXEC);
	struct elf_file file;

	assert_true(fd >= 0);
	assert_int_equal(elf_file_read(fd, &file), 0);
	assert_int_equal(
		elf_mapping_to_address(&file, m->offset, m->end - m->start, &module->linked), 0);
	module->has_table = unwind_table_of_elf(fd, -1, &module->table, NULL) == 0;
}

static void read_image(const struct walk *w, struct walk_module *module)
{
	const size_t bytes = module->end - module->begin;
	_cleanup_free_ void *image = malloc(bytes);

	assert_non_null(image);
	assert_int_equal(pread(w->memory, image, bytes, (off_t)module->begin), bytes);
	module->has_table = unwind_table_of_image(image, bytes, &module->table, NULL) == 0;
}

static int add_module(const struct proc_mapping *m, void *userdata)
{
	struct walk *w = userdata;
	struct walk_module *module = &w->modules[w->n_modules];
	const char *slash = strrchr(m->path, '/');

	if (!m->executable || (m->path[0] != '/' && strcmp(m->path, "[vdso]") != 0))
		return 0;
	assert_true(w->n_modules++ < WALK_MODULES_MAX);
	*module = (struct walk_module){.begin = m->start, .end = m->end};
	snprintf(module->name, sizeof(module->name), "%.63s", slash ? slash + 1 : m->path);
	if (m->path[0] == '/')
		read_file(m, module);
	else
		read_image(w, module);
	return 0;
}

void walk_open(struct walk *w, pid_t pid)
{
	char path[64];

	*w = (struct walk){0};
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	w->memory = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(w->memory >= 0);
	assert_int_equal(proc_maps_each(pid, add_module, w), 0);
}

void walk_close(struct walk *w)
{
	for (size_t i = 0; i < w->n_modules; i++)
		if (w->modules[i].has_table)
			unwind_table_done(&w->modules[i].table);
	close_safe(w->memory);
}

uint64_t walk_word(const struct walk *w, uint64_t address)
{
	uint64_t word;

	return pread(w->memory, &word, sizeof(word), (off_t)address) == sizeof(word) ? word : 0;
}

bool walk_is_breakpoint(const struct walk *w, uint64_t address)
{
	return (walk_word(w, address) & 0xff) == 0xcc;
}

static const struct walk_module *module_at(const struct walk *w, uint64_t address)
{
	for (size_t i = 0; i < w->n_modules; i++)
		if (address >= w->modules[i].begin && address < w->modules[i].end)
			return &w->modules[i];
	return NULL;
}

static uint64_t base_value(enum unwind_base base, uint64_t rsp, uint64_t rbp, uint64_t cfa)
{
	if (base == UNWIND_CFA)
		return cfa;
	return base == UNWIND_RSP ? rsp : rbp;
}

size_t walk_stack(const struct walk *w, uint64_t rip, uint64_t rsp, uint64_t rbp,
	struct walk_frame *ret, bool *ret_root)
{
	uint64_t slot = 0;
	bool exact = true;
	size_t n = 0;

	*ret_root = false;
	while (n < WALK_DEPTH) {
		const uint64_t at = exact ? rip : rip - 1;
		const struct walk_module *module = module_at(w, at);
		const struct unwind_rule *rule;
		uint64_t cfa;

		ret[n++] = (struct walk_frame){.address = rip, .slot = slot};
		if (!module || !module->has_table)
			break;
		rule = unwind_table_find(&module->table, at - module->begin + module->linked);
		*ret_root = rule->flags & UNWIND_ROOT;
		if (*ret_root || rule->cfa_base == UNWIND_NONE || rule->cfa_base == UNWIND_OTHER)
			break;
		cfa = base_value(rule->cfa_base, rsp, rbp, 0) + (uint64_t)(int64_t)rule->cfa_offset;
		if (rule->flags & UNWIND_CFA_DEREF)
			cfa = walk_word(w, cfa) + (uint64_t)(int64_t)rule->cfa_add;
		if (rule->flags & UNWIND_CFA_PLT && (at & 15) >= 11)
			cfa += 8;
		slot = cfa + (uint64_t)(int64_t)rule->rip_offset;
		rip = walk_word(w, slot);
		if (rule->rbp_base != UNWIND_NONE)
			rbp = walk_word(w, base_value(rule->rbp_base, rsp, rbp, cfa) +
						   (uint64_t)(int64_t)rule->rbp_offset);
		rsp = rule->flags & UNWIND_RSP_SAVED
			      ? walk_word(w, cfa + (uint64_t)(int64_t)rule->rsp_offset)
			      : cfa;
		exact = rule->flags & UNWIND_EXACT;
	}
	return n;
}

const char *walk_name(const struct walk *w, uint64_t address)
{
	static char names[4][96];
	static unsigned next;
	const struct walk_module *m = module_at(w, address);
	char *name = names[next++ % 4];

	if (m)
		snprintf(name, sizeof(names[0]), "%s+%#" PRIx64, m->name,
			address - m->begin + m->linked);
	else
		snprintf(name, sizeof(names[0]), "%#" PRIx64, address);
	return name;
}
