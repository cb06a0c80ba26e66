/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A store from anywhere: opened, worked out, and written as tables. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "reports/analysis/analysis.h"
#include "reports/store/samples.h"
#include "reports/tables/tables.h"
#include "tests/fuzz/fuzz.h"

static char path[] = "/tmp/guestscope-fuzz-XXXXXX";

static void remove_file(void)
{
	unlink(path);
}

/* SQLite wants a file that has a name. */
static void put_file(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0) {
		fd = mkostemp(path, O_CLOEXEC);
		atexit(remove_file);
	}
	if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size) {
		perror(path);
		exit(2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_store_ struct store_reader *store = NULL;
	_cleanup_analysis_ struct analysis *analysis = NULL;
	_cleanup_samples_ struct sample_cursor cursor = {0};
	_cleanup_fclose_ FILE *out = NULL;
	struct sample sample;
	struct error error;
	json_t *document;

	put_file(data, size);
	if (store_reader_open(path, &store, &error) < 0)
		return 0;
	if (samples_open(store, &cursor) == 0)
		while (samples_next(&cursor, &sample) > 0)
			;
	if (analysis_make(store, &analysis, &error) < 0)
		return 0;
	out = fopen("/dev/null", "we");
	if (out) {
		tables_write_text(analysis, out);
		tables_write_explanation_csv(analysis, out);
	}
	if (tables_make_json(analysis, &document) == 0)
		json_decref(document);
	return 0;
}
