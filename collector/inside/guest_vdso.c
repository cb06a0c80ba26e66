/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_vdso.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/symbols/elf_file.h"
#include "common/cleanup.h"

/* The kernel puts it above the stack, or below it where there is no room. */
#define FROM        0x700000000000ULL
#define TO          0x800000000000ULL
#define PAGE_BYTES  4096UL
#define PAGES_MAX   65536
#define IMAGE_PAGES 16 /* it has two */
#define SONAME      "linux-vdso.so.1"

struct search {
	const struct guest_memory *m;
	char *image; /* of size bytes; NULL: not found */
	size_t size;
	uint64_t bias;
};

/* How large the image is whose first page this is, by its section headers, which are the last thing in it; 0:
 * it is none. */
static size_t image_size(const void *page)
{
	Elf64_Ehdr header;
	size_t end;

	memcpy(&header, page, sizeof(header));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
		header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_DYN ||
		header.e_machine != EM_X86_64 || header.e_shoff > IMAGE_PAGES * PAGE_BYTES)
		return 0;
	end = header.e_shoff + (size_t)header.e_shnum * header.e_shentsize;
	return end > PAGE_BYTES / 4 && end <= IMAGE_PAGES * PAGE_BYTES ? end : 0;
}

/* A program has those pages of it that it has touched. But in the kernel's memory they lie side by side. */
static bool on_page(uint64_t address, uint64_t physical, uint64_t size, void *userdata)
{
	const void *page, *image;
	struct search *s = userdata;
	struct elf_file *file;

	page = size == PAGE_BYTES ? guest_memory_at(s->m, physical, PAGE_BYTES) : NULL;
	s->size = page ? image_size(page) : 0;
	image = s->size ? guest_memory_at(s->m, physical, s->size) : NULL;
	if (!image)
		return true;
	s->image = malloc(s->size);
	file = malloc(sizeof(*file));
	if (s->image && file) {
		memcpy(s->image, image, s->size);
		if (elf_image_read(s->image, s->size, file) == 0 && file->n_segments &&
			strcmp(file->soname, SONAME) == 0) {
			s->bias = address - file->segments[0].address;
			free(file);
			return false;
		}
	}
	free(file);
	free(s->image);
	s->image = NULL;
	return true;
}

static int write_image(const struct search *s, const char *path)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n;

	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	n = write(fd, s->image, s->size);
	if (n == (ssize_t)s->size)
		return 0;
	(void)unlink(path);
	return n < 0 ? -errno : -EIO;
}

int guest_vdso_find(
	const struct guest_memory *m, uint64_t cr3, const char *path, uint64_t *ret_bias)
{
	struct search s = {.m = m};
	int r;

	guest_memory_pages(m, cr3, FROM, TO, GUEST_PAGES_EXECUTABLE, PAGES_MAX, on_page, &s);
	if (!s.image)
		return -ENOENT;
	r = write_image(&s, path);
	free(s.image);
	if (r == 0)
		*ret_bias = s.bias;
	return r;
}
