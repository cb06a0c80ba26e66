/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Debug information, and addresses to look up in it. Here in this process: the collector does it in
 * a child with limits, since libdw does not stand everything. A crash inside libdw is libdw's.
 */

#include <fcntl.h>
#include <unistd.h>

#include "collector/symbols/elf_file.h"
#include "collector/symbols/line_reader.h"
#include "tests/fuzz/fuzz.h"

#define ADDRESSES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t addresses[ADDRESSES];
	uint32_t indices[ADDRESSES];
	struct elf_file file;
	size_t n = 0;
	int fd = fuzz_file(data, size), out = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (out >= 0 && elf_file_read(fd, &file) == 0)
		for (size_t i = 0; i < file.n_segments && n < ADDRESSES; i++)
			for (unsigned at = 0; at < ADDRESSES && n < ADDRESSES; at++, n++) {
				indices[n] = (uint32_t)n;
				addresses[n] = file.segments[i].address + 4 * (uint64_t)at;
				if (!file.segments[i].executable)
					break;
			}
	if (n)
		line_reader_run(fd, addresses, indices, n, out);
	close(out);
	close(fd);
	return 0;
}
