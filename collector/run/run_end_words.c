/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_end_words.h"

#include <stdlib.h>
#include <string.h>

#include "collector/run/run_markers.h"

static void take_line(struct run *run)
{
	const char *words = run->request->ops->end_words;
	const char *at = strstr(run->line, words);

	if (!at || !run->result->has_boot)
		return;
	run->program_status = strtoul(at + strlen(words), NULL, 10);
	run_end_phases(run);
}

void run_end_words(struct run *run, const char *data, size_t n)
{
	if (!run->request->ops->end_words || !run->settings->own || run->ended)
		return;
	for (; n; data++, n--) {
		if (*data == '\n') {
			run->line[run->line_used] = '\0';
			take_line(run);
			run->line_used = 0;
		} else if (run->line_used + 1 < sizeof(run->line)) {
			run->line[run->line_used++] = *data;
		}
	}
}
