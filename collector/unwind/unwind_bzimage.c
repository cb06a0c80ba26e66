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

#define PACKED_BYTES_MAX     (256U << 20)
#define UNPACKED_BYTES_MAX   (1U << 30)
#define UNPACKED_BYTES_FIRST (1U << 20)
#define SECTOR_BYTES         512
#define SIZE_BYTES           4 /* behind what is packed: how large it is unpacked */

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
	if (*a)
		archive_read_free(*a);
}

static bool start_unpacking(struct archive *a, const uint8_t *packed, size_t bytes)
{
	struct archive_entry *entry;

	return archive_read_support_filter_all(a) != ARCHIVE_FATAL &&
	       archive_read_support_format_raw(a) == ARCHIVE_OK &&
	       archive_read_open_memory(a, packed, bytes) == ARCHIVE_OK &&
	       archive_read_next_header(a, &entry) == ARCHIVE_OK;
}

/* Room grows with what is there: the size is only what the file says. -EBADMSG, -ENOMEM. */
static int unpack_all(struct archive *a, size_t size, void **ret)
{
	_cleanup_free_ char *kernel = NULL;
	size_t done = 0, room = 0;

	while (done < size) {
		la_ssize_t n;

		if (done == room) {
			char *larger;

			room = room ? 2 * room : UNPACKED_BYTES_FIRST;
			if (room > size)
				room = size;
			larger = realloc(kernel, room);
			if (!larger)
				return -ENOMEM;
			kernel = larger;
		}
		n = archive_read_data(a, kernel + done, room - done);
		if (n <= 0)
			return -EBADMSG;
		done += (size_t)n;
	}
	*ret = TAKE_PTR(kernel);
	return 0;
}

int unwind_bzimage_unpack(int fd, void **ret, size_t *ret_size, struct error *error)
{
	_cleanup_(archive_done) struct archive *a = archive_read_new();
	_cleanup_free_ uint8_t *packed = NULL;
	size_t bytes;
	uint32_t size;
	bool is_gzip;
	int r = read_packed(fd, &packed, &bytes, error);

	if (r < 0)
		return r;
	/* The size behind it is gzip's own; for other programs Linux puts it there. */
	is_gzip = packed[0] == 0x1f && packed[1] == 0x8b;
	memcpy(&size, packed + bytes - SIZE_BYTES, sizeof(size));
	if (size == 0 || size > UNPACKED_BYTES_MAX)
		return error_set(error, -EBADMSG, "the kernel's size is not known");
	r = a ? -EBADMSG : -ENOMEM;
	if (a && start_unpacking(a, packed, is_gzip ? bytes : bytes - SIZE_BYTES))
		r = unpack_all(a, size, ret);
	if (r == -ENOMEM)
		return error_no_memory(error, " for an unpacked kernel");
	if (r < 0)
		return error_set(error, r, "the kernel cannot be unpacked");
	*ret_size = size;
	return 0;
}

int unwind_table_of_bzimage(int fd, struct unwind_table *ret, struct error *error)
{
	_cleanup_free_ void *kernel = NULL;
	size_t size;
	int r = unwind_bzimage_unpack(fd, &kernel, &size, error);

	return r < 0 ? r : unwind_table_of_vmlinux_image(kernel, size, ret, error);
}
