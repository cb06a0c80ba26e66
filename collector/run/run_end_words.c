/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_end_words.h"

#include <stdlib.h>
#include <string.h>

#include "collector/run/run_markers.h"

static void take_line(struct run *run)
{
	const char *words = run->request->ops->end_words;
	char *at = strstr(run->line, words), body[64];
	struct marker m;
	int n;

	if (!at)
		return;
	snprintf(body, sizeof(body), "end by=stack status=%lu",
		strtoul(at + strlen(words), NULL, 10));
	n = marker_format(run->line, sizeof(run->line), body);
	if (n > 0 && marker_parse(run->line, (size_t)n - 1, &m) == 0)
		run_on_marker(&m, run);
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
