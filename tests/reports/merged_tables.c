/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Merge stores and print what is in each table: its name, how many rows, and the sum of each column
 * that is no identifier. "merged_tables DIR..."
 */
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/store/store_reader.h"

static const char *const identifiers[] = {"id", "run", "stack", "parent", "frame"};

static bool is_identifier(const char *column)
{
	for (size_t i = 0; i < ARRAY_SIZE(identifiers); i++)
		if (strcmp(identifiers[i], column) == 0)
			return true;
	return false;
}

static int print_sums(struct store_reader *s, const char *table)
{
	_cleanup_query_ sqlite3_stmt *columns = NULL;
	char sql[4096];
	int r;

	snprintf(sql, sizeof(sql), "SELECT name FROM pragma_table_info('%s')", table);
	r = store_prepare(s, &columns, sql);
	while (r >= 0 && (r = store_step(s, columns)) > 0) {
		const char *column = store_text(s, columns, 0);
		_cleanup_query_ sqlite3_stmt *sum = NULL;

		snprintf(sql, sizeof(sql), "SELECT count(%s), total(%s) FROM %s", column, column,
			table);
		r = store_prepare(s, &sum, sql);
		if (r < 0 || (r = store_step(s, sum)) < 0)
			return r;
		printf("%s.%s %lld", table, column, (long long)sqlite3_column_int64(sum, 0));
		if (!is_identifier(column))
			printf(" %.0f", sqlite3_column_double(sum, 1));
		putchar('\n');
	}
	return r;
}

int main(int argc, char **argv)
{
	_cleanup_store_ struct store_reader *s = NULL;
	_cleanup_query_ sqlite3_stmt *tables = NULL;
	struct error error = {};
	int r = store_reader_open_many(argv + 1, (size_t)(argc - 1), false, &s, &error);

	if (r >= 0)
		r = store_prepare(s, &tables,
			"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN"
			" ('experiment', 'warning', 'frame', 'stack')");
	while (r >= 0 && (r = store_step(s, tables)) > 0)
		r = print_sums(s, store_text(s, tables, 0));
	if (r < 0)
		fprintf(stderr, "%s%s\n", error.text, s ? store_reader_error(s) : "");
	return r < 0;
}
