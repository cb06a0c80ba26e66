/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/images/disk_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file_kind.h"

#define HEAD_BYTES 0x10100

/* docs/interop/qcow2.txt of QEMU: numbers are big-endian. */
#define QCOW_VERSION_AT  4
#define QCOW_BACKING_AT  8
#define QCOW_FEATURES_AT 72
#define QCOW_DATA_FILE   4 /* incompatible feature: the data is in another file */

struct magic {
	const char *format, *bytes;
	size_t length, at;
};

/* What a disk begins with that Linux could boot from: partitions, or a file system alone. */
static const struct magic disks[] = {
	{"MBR", "\x55\xaa", 2, 510},
	{"GPT", "EFI PART", 8, 512},
	{"ext4", "\x53\xef", 2, 1080},
	{"xfs", "XFSB", 4, 0},
	{"btrfs", "_BHRfS_M", 8, 0x10040},
};

static const struct magic foreign[] = {
	{"vmdk", "KDMV", 4, 0},
	{"vmdk", "# Disk DescriptorFile", 21, 0},
	{"vdi", "\x7f\x10\xda\xbe", 4, 64},
	{"vhdx", "vhdxfile", 8, 0},
	{"vpc", "conectix", 8, 0},
	{"qed", "QED", 4, 0},
	{"gzip", "\x1f\x8b", 2, 0},
	{"xz",
		"\xfd"
		"7zXZ",
		5, 0},
	{"zstd", "\x28\xb5\x2f\xfd", 4, 0},
};

static const struct magic *find(
	const struct magic *table, size_t n, const unsigned char *head, size_t length)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].at + table[i].length <= length &&
			memcmp(head + table[i].at, table[i].bytes, table[i].length) == 0)
			return &table[i];
	return NULL;
}

static uint64_t big_endian(const unsigned char *p, size_t bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | *p++;
	return value;
}

/* QEMU would open what such an image names, with our privileges. */
static int check_qcow2(const char *path, const unsigned char *head, struct error *error)
{
	bool has_features = big_endian(head + QCOW_VERSION_AT, 4) >= 3;

	if (big_endian(head + QCOW_BACKING_AT, 8) == 0 &&
		!(has_features && (big_endian(head + QCOW_FEATURES_AT, 8) & QCOW_DATA_FILE)))
		return 0;
	return error_set(error, -EINVAL,
		"the disk image %s is only a part: it refers to another file; make one of both "
		"with "
		"qemu-img convert -O qcow2 %s NEW",
		path, path);
}

static int read_head(const char *path, unsigned char *ret, size_t *ret_length, struct error *error)
{
	_cleanup_close_ int fd = -EBADF;
	ssize_t n;
	int r = file_check(path, error);

	if (r < 0)
		return error_prefix(error, r, "disk image");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return error_set_errno(error, -errno, "cannot read the disk image %s", path);
	n = pread(fd, ret, HEAD_BYTES, 0);
	if (n < 0)
		return error_set_errno(error, -errno, "cannot read the disk image %s", path);
	*ret_length = (size_t)n;
	return 0;
}

int disk_image_check(const char *path, const char **ret_format, struct error *error)
{
	unsigned char head[HEAD_BYTES] = {0};
	const struct magic *other;
	size_t length = 0;
	int r = read_head(path, head, &length, error);

	if (r < 0)
		return r;
	if (length >= QCOW_FEATURES_AT + 8 && memcmp(head, "QFI\xfb", 4) == 0) {
		*ret_format = "qcow2";
		return check_qcow2(path, head, error);
	}
	other = find(foreign, ARRAY_SIZE(foreign), head, length);
	if (other)
		return error_set(error, -EINVAL,
			"the disk image %s is in the format %s, not raw or qcow2: unpack it, or "
			"convert it with qemu-img convert -O qcow2 %s NEW",
			path, other->format, path);
	if (!find(disks, ARRAY_SIZE(disks), head, length))
		return error_set(error, -EINVAL,
			"%s is not a disk image: raw or qcow2 is expected, with partitions or an "
			"ext4, xfs or btrfs file system",
			path);
	*ret_format = "raw";
	return 0;
}
