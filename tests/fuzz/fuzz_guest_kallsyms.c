/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The memory of a guest, which says anything: a kernel's own table of symbols is looked for in it,
 * and read back as text. After a first byte of 0 the input is the kernel alone, mapped by sound page
 * tables; else it is all of the memory, page tables included.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/inside/guest_kallsyms.h"
#include "collector/symbols/kallsyms.h"
#include "common/cleanup.h"
#include "tests/collector/guest_pages.h"
#include "tests/fuzz/fuzz.h"

#define KERNEL 0xffffffff80000000ULL

static char folder[] = "/tmp/guestscope-fuzz-XXXXXX", path[sizeof(folder) + 16];

static void remove_folder(void)
{
	unlink(path);
	rmdir(folder);
}

static void make_folder(void)
{
	if (path[0])
		return;
	if (!mkdtemp(folder)) {
		perror(folder);
		exit(2);
	}
	snprintf(path, sizeof(path), "%s/kallsyms", folder);
	atexit(remove_folder);
}

static void read_back(void)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	struct intern names = {0};
	struct kallsyms k;

	if (!f)
		abort();
	if (kallsyms_read(f, &names, &k) == 0)
		kallsyms_done(&k);
	intern_clear(&names);
	unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ unsigned char *memory = NULL;
	bool sound = size && data[0] == 0;
	size_t from = sound ? GUEST_PAGES_FROM : 0, n_pages = size / GUEST_PAGE + 1;
	struct guest_memory *m;
	int fd;

	if (size < 1 || n_pages > GUEST_PAGES_MAX)
		return 0;
	make_folder();
	memory = calloc(1, from + n_pages * GUEST_PAGE);
	if (!memory)
		return 0;
	memcpy(memory + from, data + 1, size - 1);
	if (sound)
		guest_pages_map(memory, KERNEL, n_pages);
	fd = fuzz_file(memory, from + n_pages * GUEST_PAGE);
	m = guest_pages_memory(fd, from + n_pages * GUEST_PAGE);
	if (m && guest_kallsyms_write(m, GUEST_PAGES_ROOT, path, NULL) == 0)
		read_back();
	guest_memory_close(m);
	close(fd);
	return 0;
}
