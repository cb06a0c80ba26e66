/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "guests/qemu/qemu.h"

int qemu_check_elf(const char *path, bool fixed, const char *expected, struct error *error)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr h = {0};

	if (fd < 0)
		return error_set_errno(error, -errno, "cannot read kernel %s", path);
	if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) ||
		memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_ident[EI_CLASS] != ELFCLASS64 ||
		h.e_machine != EM_X86_64 || (fixed && h.e_type != ET_EXEC))
		return error_set(error, -EINVAL, "%s is not %s", path, expected);
	return 0;
}

bool qemu_kernel_reads(const char *path, const char *word)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *file;
	bool found;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0)
		return false;
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (file == MAP_FAILED)
		return false;
	found = memmem(file, (size_t)st.st_size, word, strlen(word));
	munmap(file, (size_t)st.st_size);
	return found;
}

char *qemu_kernel_beside(const char *kernel, const char *name)
{
	const char *slash = strrchr(kernel, '/');
	char *path;

	if (asprintf(&path, "%.*s%s", slash ? (int)(slash + 1 - kernel) : 0, kernel, name) < 0)
		return NULL;
	if (access(path, R_OK) == 0)
		return path;
	free(path);
	return strdup(kernel);
}
