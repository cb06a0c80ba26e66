/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/unwind/unwind_bzimage.h"

#include <archive.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/unwind/unwind_orc.h"
#include "common/cleanup.h"

#define PACKED_BYTES_MAX   (256U << 20)
#define UNPACKED_BYTES_MAX (1U << 30)
#define SECTOR_BYTES       512
#define SIZE_BYTES         4 /* behind what is packed: how large it is unpacked */

/* The setup header (Linux, Documentation/arch/x86/boot.rst), from 0x1f1 of the file on. */
struct setup_header {
	uint8_t sectors; /* of the code before the kernel, less the first one; 0: 4 */
	uint8_t unused[0x202 - 0x1f2];
	char magic[4];
	uint16_t version; /* from 0x208 on there is a payload */
	uint8_t unused_too[0x248 - 0x208];
	uint32_t payload_offset; /* behind that code */
	uint32_t payload_bytes;
} __attribute__((packed));

_Static_assert(sizeof(struct setup_header) == 0x250 - 0x1f1, "fields lie where they do");

static int read_packed(int fd, uint8_t **ret, size_t *ret_bytes, struct error *error)
{
	_cleanup_free_ uint8_t *packed = NULL;
	struct setup_header h;
	struct stat st;
	off_t offset;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		pread(fd, &h, sizeof(h), 0x1f1) != sizeof(h) ||
		memcmp(h.magic, "HdrS", sizeof(h.magic)) != 0 || h.version < 0x208)
		return error_set(error, -ENOEXEC, "it is no Linux kernel for x86");
	offset = ((h.sectors ? h.sectors : 4) + (off_t)1) * SECTOR_BYTES + h.payload_offset;
	if (h.payload_bytes <= SIZE_BYTES || h.payload_bytes > PACKED_BYTES_MAX ||
		offset + h.payload_bytes > st.st_size)
		return error_set(error, -EBADMSG, "the kernel's file is cut off");
	packed = malloc(h.payload_bytes);
	if (!packed)
		return error_no_memory(error, " for a kernel");
	if (pread(fd, packed, h.payload_bytes, offset) != (ssize_t)h.payload_bytes)
		return error_set(error, -EBADMSG, "the kernel's file cannot be read");
	*ret = TAKE_PTR(packed);
	*ret_bytes = h.payload_bytes;
	return 0;
}

static void archive_done(struct archive **a)
{
	archive_read_free(*a);
}

/* All that is packed in @packed, which @size bytes hold. */
static bool unpack_into(
	struct archive *a, const uint8_t *packed, size_t bytes, void *ret, size_t size)
{
	struct archive_entry *entry;
	size_t done = 0;

	if (archive_read_support_filter_all(a) == ARCHIVE_FATAL ||
		archive_read_support_format_raw(a) != ARCHIVE_OK ||
		archive_read_open_memory(a, packed, bytes) != ARCHIVE_OK ||
		archive_read_next_header(a, &entry) != ARCHIVE_OK)
		return false;
	while (done < size) {
		la_ssize_t n = archive_read_data(a, (char *)ret + done, size - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done == size;
}

/* The size behind it is gzip's own; for other programs Linux puts it there. */
static int unpack(
	const uint8_t *packed, size_t bytes, void **ret, size_t *ret_size, struct error *error)
{
	_cleanup_(archive_done) struct archive *a = archive_read_new();
	const bool is_gzip = bytes > 2 && packed[0] == 0x1f && packed[1] == 0x8b;
	_cleanup_free_ void *kernel = NULL;
	uint32_t size;

	memcpy(&size, packed + bytes - SIZE_BYTES, sizeof(size));
	if (size == 0 || size > UNPACKED_BYTES_MAX)
		return error_set(error, -EBADMSG, "the kernel's size is not known");
	kernel = malloc(size);
	if (!kernel || !a)
		return error_no_memory(error, " for an unpacked kernel");
	if (!unpack_into(a, packed, is_gzip ? bytes : bytes - SIZE_BYTES, kernel, size))
		return error_set(error, -EBADMSG, "the kernel cannot be unpacked");
	*ret = TAKE_PTR(kernel);
	*ret_size = size;
	return 0;
}

int unwind_table_of_bzimage(int fd, struct unwind_table *ret, struct error *error)
{
	_cleanup_free_ uint8_t *packed = NULL;
	_cleanup_free_ void *kernel = NULL;
	size_t bytes, size;
	int r = read_packed(fd, &packed, &bytes, error);

	if (r == 0)
		r = unpack(packed, bytes, &kernel, &size, error);
	return r < 0 ? r : unwind_table_of_vmlinux_image(kernel, size, ret, error);
}
