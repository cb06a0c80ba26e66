/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Prints the unwind table of an ELF file, a row a line, for readelf_test.py: unwind_dump FILE */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "collector/unwind/unwind_table.h"

int main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	struct error error = {0};
	struct unwind_table t;
	int r = unwind_table_of_elf(fd, -1, &t, &error);

	if (r < 0) {
		fprintf(stderr, "%s\n", error_text(&error, r));
		return 1;
	}
	for (size_t i = 0; i < t.n_rows; i++) {
		const struct unwind_rule *rule = &t.rules[t.rows[i].rule];

		printf("%" PRIu64 " %d %d %d %d %d %d %d %d %d\n", t.base + t.rows[i].pc,
			rule->cfa_base, rule->other, rule->cfa_offset, rule->cfa_add, rule->flags,
			rule->rip_offset, rule->rsp_offset, rule->rbp_base, rule->rbp_offset);
	}
	unwind_table_done(&t);
	close(fd);
	return 0;
}
