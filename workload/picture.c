/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

/** What the kernel says is left, swap included; UINT64_MAX if it does not say. */
static uint64_t memory_left(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib, sum = 0;
	bool known = false;
	char line[128];
	long pages;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1) {
			known = true;
			sum += kib * 1024;
		} else if (sscanf(line, "SwapFree: %llu", &kib) == 1) {
			sum += kib * 1024;
		}
	}
	if (known)
		return sum;
	pages = sysconf(_SC_AVPHYS_PAGES);
	return pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : UINT64_MAX;
}

/**
 * Bytes that the program can hope for. Memory is overcommitted nearly everywhere: a program that
 * takes too much is not told but killed, so it has to ask before.
 */
static uint64_t memory_available(void)
{
	/* A container's limit, as seen from inside: control groups version 2 and 1. */
	static const char *const limits[] = {
		"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
	uint64_t available = memory_left();

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		_cleanup_fclose_ FILE *f = fopen(limits[i], "re");
		unsigned long long limit;

		if (f && fscanf(f, "%llu", &limit) == 1 && limit < available)
			available = limit;
	}
	return available;
}

int raster_new(uint32_t width, uint32_t height, struct raster *ret, struct error *error)
{
	const uint64_t mib = UINT64_C(1) << 20, bytes = (uint64_t)width * height * 4;
	uint64_t available = memory_available();
	void *pixels;

	if (bytes > available || bytes > SIZE_MAX / 2)
		return error_no_memory(error,
			": a raster of %u x %u needs %" PRIu64 " MiB, %" PRIu64
			" MiB are available (lower -width, -height or -smoothness)",
			width, height, bytes / mib + 1, available / mib);
	pixels = mmap(
		NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pixels == MAP_FAILED)
		return error_set_errno(error, -errno,
			"out of memory: the system refuses %" PRIu64
			" MiB for a raster of %u x %u (see ulimit -v)",
			bytes / mib + 1, width, height);
	*ret = (struct raster){width, height, (size_t)bytes, pixels};
	return 0;
}

void raster_free(struct raster *raster)
{
	if (raster->pixels)
		munmap(raster->pixels, raster->bytes);
	raster->pixels = NULL;
}

int picture_open(const char *path, struct picture_file *ret, struct error *error)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	bool created = fd >= 0;

	if (fd < 0 && errno == EEXIST)
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return error_set_errno(error, -errno, "cannot write the picture to %s", path);
	*ret = (struct picture_file){path, fd, created};
	return 0;
}

void picture_abandon(struct picture_file *file)
{
	if (file->fd < 0)
		return;
	file->fd = close_safe(file->fd);
	if (file->created)
		unlink(file->path);
}

/** What libpng's callbacks share. */
struct encoder {
	int fd;
	int write_errno;
	char message[128];
	jmp_buf failed;
};

static void encoder_failed(png_structp png, png_const_charp message)
{
	struct encoder *e = png_get_error_ptr(png);

	snprintf(e->message, sizeof(e->message), "%s", message);
	longjmp(e->failed, 1);
}

static void encoder_warned(png_structp png, png_const_charp message)
{
	(void)png;
	(void)message;
}

static void encoder_write(png_structp png, png_bytep data, png_size_t length)
{
	struct encoder *e = png_get_io_ptr(png);

	while (length > 0) {
		ssize_t n = write(e->fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			e->write_errno = errno;
			png_error(png, "write");
		}
		data += n;
		length -= (size_t)n;
	}
}

static void encoder_flush(png_structp png)
{
	(void)png;
}

/** Everything that may jump to e->failed. */
static void encode(png_structp png, png_infop info, struct encoder *e, const struct raster *raster)
{
	png_set_write_fn(png, e, encoder_write, encoder_flush);
	png_set_IHDR(png, info, raster->width, raster->height, 8, PNG_COLOR_TYPE_RGB_ALPHA,
		PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	for (uint32_t y = 0; y < raster->height; y++)
		png_write_row(png, raster->pixels + (size_t)y * raster->width * 4);
	png_write_end(png, info);
}

static int write_png(int fd, const struct raster *raster, struct encoder *e)
{
	png_structp png =
		png_create_write_struct(PNG_LIBPNG_VER_STRING, e, encoder_failed, encoder_warned);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	int result = 0;

	e->fd = fd;
	if (!info) {
		png_destroy_write_struct(&png, NULL);
		return -ENOMEM;
	}
	if (setjmp(e->failed) == 0)
		encode(png, info, e, raster);
	else
		result = e->write_errno ? -e->write_errno : -EIO;
	png_destroy_write_struct(&png, &info);
	return result;
}

int picture_write(struct picture_file *file, const struct raster *raster, struct error *error)
{
	struct encoder e = {.write_errno = 0};
	struct stat st;
	int r = 0;

	/* Only regular files have old content to drop. */
	if (fstat(file->fd, &st) < 0 || (S_ISREG(st.st_mode) && ftruncate(file->fd, 0) < 0))
		r = -errno;
	if (r == 0)
		r = write_png(file->fd, raster, &e);
	/* Some file systems report a full disk only here. */
	if (r == 0) {
		int fd = TAKE_FD(file->fd);

		if (close(fd) < 0)
			r = -errno;
		if (r < 0 && file->created)
			unlink(file->path);
	}
	if (r < 0) {
		picture_abandon(file);
		if (r == -EIO && e.message[0] && !e.write_errno)
			return error_set(error, r, "cannot write the picture to %s: libpng: %s",
				file->path, e.message);
		return error_set_errno(error, r, "cannot write the picture to %s", file->path);
	}
	return 0;
}
