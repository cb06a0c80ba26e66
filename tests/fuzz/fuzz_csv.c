/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A CSV file with published run times, which users write. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/reference/csv_file.h"
#include "reports/reference/reference.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_csv_ struct csv_table *table = NULL;
	struct reference *reference = NULL;
	char path[FUZZ_PATH_MAX];
	struct error error;
	int fd = fuzz_file(data, size);

	fuzz_path(fd, path);
	if (csv_table_read(path, &table, &error) == 0)
		for (size_t row = 0; row < table->n_rows; row++)
			for (size_t column = 0; column < table->n_columns; column++)
				if (strlen(csv_field(table, row, (int)column)) > size)
					abort();
	if (reference_open(path, &reference, &error) == 0)
		reference_free(reference);
	close(fd);
	return 0;
}
