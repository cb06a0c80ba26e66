/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/experiment/file_digest.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "workload/sha256.h"

int file_digest_add(json_t *digests, const char *name, const char *path, struct error *error)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char hex[SHA256_HEX_SIZE];
	struct stat status;
	size_t size;
	void *data;

	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set_errno(error, -errno, "cannot read %s", path);
	size = (size_t)status.st_size;
	data = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	if (data == MAP_FAILED)
		return error_set_errno(error, -errno, "cannot read %s", path);
	sha256_hex(data, size, hex);
	if (data)
		munmap(data, size);
	return json_object_set_new(digests, name, json_string(hex)) < 0 ? -ENOMEM : 0;
}
