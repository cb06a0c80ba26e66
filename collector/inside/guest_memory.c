/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define BACKEND_NAME "/memfd:memory-backend-memfd"

#define ENTRY_PRESENT ((uint64_t)1)
#define ENTRY_USER    ((uint64_t)1 << 2)
#define ENTRY_LARGE   ((uint64_t)1 << 7)
#define ENTRY_NX      ((uint64_t)1 << 63)
#define ENTRY_FRAME   0x000ffffffffff000ULL
#define TABLE_BYTES   4096
#define TABLE_BITS    9 /* of an address */
#define ADDRESS_BITS  48
#define ENTRIES       512U
#define TABLES_MAX    (1U << 20) /* as many as 2 TiB in small pages need */

_Static_assert(GUEST_RANGES_MAX <= GUEST_RAM_BLOCKS, "the probes have to know all ranges");

struct guest_memory {
	const unsigned char *map; /* the backend; or what was copied from the process's memory */
	size_t size;
	int process_fd; /* its memory, or -1 */
	struct guest_range ranges[GUEST_RANGES_MAX];
	size_t n_ranges;
};

/* Where QEMU has the backend: one mapping, but parts of it may have got flags of their own. */
static int find_mapping(pid_t pid, uint64_t size, uint64_t *ret)
{
	_cleanup_fclose_ FILE *f = NULL;
	unsigned long long from, to, offset, begin = 0, end = 0;
	char path[64], line[4608];

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, BACKEND_NAME) ||
			sscanf(line, "%llx-%llx %*4s %llx", &from, &to, &offset) != 3)
			continue;
		if (offset == 0)
			begin = from;
		else if (from != end)
			continue;
		end = to;
		if (end - begin >= size) {
			*ret = begin;
			return 0;
		}
	}
	return -EAGAIN;
}

static int open_backend(pid_t pid, uint64_t size)
{
	char path[64 + NAME_MAX], target[64];
	struct dirent *e;
	int fd = -EAGAIN;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	if (!d)
		return -errno;
	while (fd < 0 && (e = readdir(d))) {
		struct stat st;
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid, e->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		if (strncmp(target, BACKEND_NAME, strlen(BACKEND_NAME)) != 0)
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
		else if (fstat(fd, &st) < 0 || (uint64_t)st.st_size != size) {
			close(fd);
			fd = -EAGAIN;
		}
	}
	closedir(d);
	return fd;
}

int guest_memory_map(
	int fd, const struct guest_inside *inside, struct guest_memory **ret, struct error *error)
{
	struct guest_memory *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->size = inside->ram_bytes;
	m->process_fd = -1;
	m->map = fd < 0 ? mmap(NULL, m->size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
			: mmap(NULL, m->size, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (m->map == MAP_FAILED) {
		r = -errno;
		free(m);
		return error_set_errno(error, r, "cannot map the guest's memory");
	}
	/* Children that read debug information have a limit on their memory: this is none of it. */
	(void)madvise((void *)m->map, m->size, MADV_DONTFORK);
	memcpy(m->ranges, inside->ranges, sizeof(m->ranges));
	m->n_ranges = inside->n_ranges;
	*ret = m;
	return 0;
}

/* Whatever QEMU has it in: anonymous memory, huge pages, files. */
static int open_process(pid_t pid, const struct guest_inside *inside, struct guest_memory **ret,
	struct error *error)
{
	_cleanup_close_ int fd = -EBADF;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT
			       ? -ESRCH
			       : error_set_errno(error, -errno, "cannot read the memory of QEMU");
	r = guest_memory_map(-1, inside, ret, error);
	if (r == 0)
		(*ret)->process_fd = TAKE_FD(fd);
	return r;
}

static int open_shared(pid_t pid, const struct guest_inside *inside, struct guest_memory **ret,
	uint64_t *ret_host, struct error *error)
{
	int fd, r = find_mapping(pid, inside->ram_bytes, ret_host);

	if (r < 0)
		return r == -EAGAIN ? r : error_set_errno(error, r, "cannot read QEMU's mappings");
	fd = open_backend(pid, inside->ram_bytes);
	if (fd < 0)
		return fd == -EAGAIN ? fd
				     : error_set_errno(error, fd, "cannot open the guest's memory");
	r = guest_memory_map(fd, inside, ret, error);
	close(fd);
	return r;
}

int guest_memory_open(pid_t pid, const struct guest_inside *inside, struct guest_memory **ret,
	struct guest_ram_block ret_blocks[static GUEST_RAM_BLOCKS], size_t *ret_n,
	struct error *error)
{
	bool placed = inside->n_ranges && inside->ranges[0].host;
	uint64_t host = 0;
	int r = placed ? open_process(pid, inside, ret, error)
		       : open_shared(pid, inside, ret, &host, error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < inside->n_ranges; i++) {
		const struct guest_range *range = &inside->ranges[i];

		ret_blocks[i] = (struct guest_ram_block){.physical = range->physical,
			.size = range->size,
			.host = placed ? range->host : host + range->offset};
	}
	*ret_n = inside->n_ranges;
	return 0;
}

/* A copy of that part as it is now, where the backend would be mapped. */
static bool copy_part(
	const struct guest_memory *m, const struct guest_range *range, uint64_t within, size_t size)
{
	void *to = (void *)(m->map + range->offset + within);

	return pread(m->process_fd, to, size, (off_t)(range->host + within)) == (ssize_t)size;
}

const void *guest_memory_at(const struct guest_memory *m, uint64_t physical, size_t size)
{
	for (size_t i = 0; i < m->n_ranges; i++) {
		const struct guest_range *range = &m->ranges[i];

		if (physical >= range->physical && size <= range->size &&
			physical - range->physical <= range->size - size &&
			(m->process_fd < 0 ||
				copy_part(m, range, physical - range->physical, size)))
			return m->map + range->offset + (physical - range->physical);
	}
	return NULL;
}

struct walk {
	const struct guest_memory *m;
	uint64_t from, to;
	unsigned wanted; /* GUEST_PAGES_... */
	size_t max, n;
	size_t n_tables;
	guest_page_t each;
	void *userdata;
	bool over;
};

/* The hardware's address space has two halves; bits above the 47th repeat it. */
static uint64_t canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16);
}

static void take_page(struct walk *w, uint64_t address, uint64_t entry, unsigned shift)
{
	uint64_t size = (uint64_t)1 << shift;

	if (w->n++ >= w->max ||
		!w->each(address, entry & ENTRY_FRAME & ~(size - 1), size, w->userdata))
		w->over = true;
}

/* The first entry of a table for @base that may overlap what is asked for: tables are large, and one address is often all. */
static unsigned first_entry(const struct walk *w, uint64_t base, unsigned shift)
{
	uint64_t differ = (w->from ^ base) & (((uint64_t)1 << ADDRESS_BITS) - 1);

	return differ >> (shift + TABLE_BITS) ? 0 : (w->from >> shift) % ENTRIES;
}

/* Tables that refer to themselves make no endless walk: there are four levels, whatever they say, at
 * most w->max pages, and at most TABLES_MAX tables. */
static void walk_table(struct walk *w, uint64_t table, uint64_t base, unsigned shift, bool nx)
{
	const uint64_t *entries = guest_memory_at(w->m, table & ENTRY_FRAME, TABLE_BYTES);
	uint64_t span = (uint64_t)1 << shift;

	if (!entries || w->n_tables++ >= TABLES_MAX)
		return;
	for (unsigned i = first_entry(w, base, shift); i < ENTRIES && !w->over; i++) {
		uint64_t entry = __atomic_load_n(&entries[i], __ATOMIC_RELAXED);
		uint64_t address = canonical(base + i * span);
		bool no_execute = nx || (entry & ENTRY_NX);

		if (address >= w->to)
			break;
		if (!(entry & ENTRY_PRESENT) || address + (span - 1) < w->from ||
			((w->wanted & GUEST_PAGES_EXECUTABLE) && no_execute) ||
			((w->wanted & GUEST_PAGES_USER) && !(entry & ENTRY_USER)))
			continue;
		if (shift == 12 || ((shift == 21 || shift == 30) && (entry & ENTRY_LARGE)))
			take_page(w, address, entry, shift);
		else
			walk_table(w, entry, base + i * span, shift - TABLE_BITS, no_execute);
	}
}

size_t guest_memory_pages(const struct guest_memory *m, uint64_t cr3, uint64_t from, uint64_t to,
	unsigned wanted, size_t max, guest_page_t each, void *userdata)
{
	struct walk w = {m, from, to, wanted, max, 0, 0, each, userdata, false};

	walk_table(&w, cr3, 0, 39, false);
	return w.n;
}

struct copy {
	const struct guest_memory *m;
	uint64_t from;
	unsigned char *to;
	size_t size;
	size_t copied;
};

/* The part of a page that is asked for. */
static bool copy_page(uint64_t address, uint64_t physical, uint64_t size, void *userdata)
{
	struct copy *c = userdata;
	uint64_t begin = address > c->from ? address : c->from;
	uint64_t end =
		address + (size - 1) < c->from + (c->size - 1) ? address + size : c->from + c->size;
	const void *bytes =
		begin < end ? guest_memory_at(c->m, physical + (begin - address), end - begin)
			    : NULL;

	if (bytes) {
		memcpy(c->to + (begin - c->from), bytes, end - begin);
		c->copied += end - begin;
	}
	return true;
}

bool guest_memory_copy(
	const struct guest_memory *m, uint64_t cr3, uint64_t from, void *ret, size_t size)
{
	struct copy c = {m, from, ret, size, 0};

	memset(ret, 0, size);
	if (size && from + (size - 1) >= from)
		guest_memory_pages(
			m, cr3, from, from + size, 0, size / TABLE_BYTES + 2, copy_page, &c);
	return c.copied == size;
}

void guest_memory_close(struct guest_memory *m)
{
	if (!m)
		return;
	munmap((void *)m->map, m->size);
	close_safe(m->process_fd);
	free(m);
}

void guest_memory_forget(const struct guest_memory *m)
{
	if (m && m->process_fd >= 0)
		(void)madvise((void *)m->map, m->size, MADV_DONTNEED);
}
