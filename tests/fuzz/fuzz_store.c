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

static char folder[] = "/tmp/guestscope-fuzz-XXXXXX";
static int folder_fd = -1;

/* The store, and what SQLite puts beside one with a write-ahead log. */
static void remove_files(void)
{
	static const char *const names[] = {"store", "store-wal", "store-shm"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlinkat(folder_fd, names[i], 0);
}

static void remove_folder(void)
{
	remove_files();
	rmdir(folder);
}

/* SQLite wants a file that has a name. */
static const char *put_file(const uint8_t *data, size_t size)
{
	static char path[sizeof(folder) + sizeof("/store")];
	int fd;

	if (folder_fd < 0) {
		if (!mkdtemp(folder))
			exit(2);
		folder_fd = open(folder, O_DIRECTORY | O_CLOEXEC);
		snprintf(path, sizeof(path), "%s/store", folder);
		atexit(remove_folder);
	}
	remove_files();
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
		perror(path);
		exit(2);
	}
	close(fd);
	return path;
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

	if (store_reader_open(put_file(data, size), &store, &error) < 0)
		return 0;
	if (samples_open(store, &cursor) == 0)
		while (samples_next(&cursor, &sample) > 0)
			;
	if (analysis_make(store, &analysis, &error) < 0)
		return 0;
	out = fopen("/dev/null", "we");
	if (out) {
		tables_write_text(analysis, out);
		tables_write_brief(analysis, out);
		tables_write_explanation_csv(analysis, out);
	}
	if (tables_make_json(analysis, &document) == 0)
		json_decref(document);
	return 0;
}
