/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/images/elf_needs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/array.h"
#include "common/cleanup.h"

#define LIBRARIES_MAX 512
#define FOLDERS_MAX   64

/* Debian's, then what other distributions use. */
static const char *const standard_folders[] = {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
	"/lib64", "/usr/lib64", "/lib", "/usr/lib"};

/* What one ELF file says about its needs. */
struct object {
	char *interpreter;
	char **needed;
	size_t n_needed;
	char *rpath;
	char *runpath;
};

struct search {
	struct elf_needs *needs;
	bool (*inside)(const char *name);
	char *folders[FOLDERS_MAX];
	size_t n_folders;
	char *program_rpath; /* DT_RPATH of the program counts for all its libraries */
	char *program_origin;
};

static void object_clear(struct object *o)
{
	for (size_t i = 0; i < o->n_needed; i++)
		free(o->needed[i]);
	free(o->needed);
	free(o->interpreter);
	free(o->rpath);
	free(o->runpath);
	*o = (struct object){0};
}

static void elf_endp(Elf **elf)
{
	if (*elf)
		elf_end(*elf);
}

/* Where in the file the virtual address @address lies, or -1. */
static int64_t file_offset(Elf *elf, size_t n_headers, uint64_t address, uint64_t length)
{
	GElf_Phdr ph;

	for (size_t i = 0; i < n_headers; i++) {
		if (!gelf_getphdr(elf, (int)i, &ph) || ph.p_type != PT_LOAD)
			continue;
		if (address < ph.p_vaddr || address - ph.p_vaddr > ph.p_filesz)
			continue;
		if (length > ph.p_filesz - (address - ph.p_vaddr))
			continue;
		return (int64_t)(ph.p_offset + (address - ph.p_vaddr));
	}
	return -1;
}

/* The string at @index of the table @strings, copied; NULL if it does not end within it, or has
 * control characters: it is to be a file's name, and goes into messages. */
static char *string_at(const Elf_Data *strings, uint64_t index)
{
	const char *text;

	if (index >= strings->d_size)
		return NULL;
	text = (const char *)strings->d_buf + index;
	if (!memchr(text, '\0', strings->d_size - index))
		return NULL;
	for (const char *p = text; *p; p++)
		if (iscntrl((unsigned char)*p))
			return NULL;
	return strdup(text);
}

static int take_entry(struct object *o, const GElf_Dyn *dyn, const Elf_Data *strings)
{
	char *text;

	if (dyn->d_tag != DT_NEEDED && dyn->d_tag != DT_RPATH && dyn->d_tag != DT_RUNPATH)
		return 0;
	text = string_at(strings, dyn->d_un.d_val);
	if (!text)
		return -EINVAL;
	if (dyn->d_tag != DT_NEEDED) {
		char **slot = dyn->d_tag == DT_RPATH ? &o->rpath : &o->runpath;

		free(*slot);
		*slot = text;
		return 0;
	}
	if (o->n_needed < LIBRARIES_MAX)
		return array_add_text(&o->needed, &o->n_needed, text);
	free(text);
	return -E2BIG;
}

static int read_dynamic(Elf *elf, size_t n_headers, const GElf_Phdr *ph, struct object *o)
{
	Elf_Data *table = elf_getdata_rawchunk(elf, (int64_t)ph->p_offset, ph->p_filesz, ELF_T_DYN);
	uint64_t at = 0, size = 0;
	Elf_Data *strings;
	int64_t offset;
	GElf_Dyn dyn;

	if (!table)
		return -EINVAL;
	for (int i = 0; gelf_getdyn(table, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		if (dyn.d_tag == DT_STRTAB)
			at = dyn.d_un.d_ptr;
		else if (dyn.d_tag == DT_STRSZ)
			size = dyn.d_un.d_val;
	}
	offset = file_offset(elf, n_headers, at, size);
	strings = offset >= 0 && size ? elf_getdata_rawchunk(elf, offset, size, ELF_T_BYTE) : NULL;
	if (!strings)
		return -EINVAL;
	for (int i = 0; gelf_getdyn(table, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		int r = take_entry(o, &dyn, strings);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_interpreter(Elf *elf, const GElf_Phdr *ph, struct object *o)
{
	Elf_Data *data = elf_getdata_rawchunk(elf, (int64_t)ph->p_offset, ph->p_filesz, ELF_T_BYTE);

	free(o->interpreter);
	o->interpreter = data ? string_at(data, 0) : NULL;
	return o->interpreter && o->interpreter[0] == '/' ? 0 : -EINVAL;
}

static int open_elf(const char *path, int *ret_fd, Elf **ret_elf)
{
	_cleanup_(elf_endp) Elf *elf = NULL;
	_cleanup_close_ int fd = -EBADF;
	GElf_Ehdr header;
	struct stat st;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOTSUP;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || gelf_getclass(elf) != ELFCLASS64 ||
		!gelf_getehdr(elf, &header) || header.e_machine != EM_X86_64)
		return -EINVAL;
	*ret_elf = TAKE_PTR(elf);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int object_read(const char *path, struct object *ret)
{
	_cleanup_(elf_endp) Elf *elf = NULL;
	_cleanup_close_ int fd = -EBADF;
	struct object o = {0};
	size_t n = 0;
	GElf_Phdr ph;
	int r;

	r = open_elf(path, &fd, &elf);
	if (r < 0)
		return r;
	if (elf_getphdrnum(elf, &n) < 0)
		return -EINVAL;
	for (size_t i = 0; i < n && r == 0; i++) {
		if (!gelf_getphdr(elf, (int)i, &ph))
			r = -EINVAL;
		else if (ph.p_type == PT_INTERP)
			r = read_interpreter(elf, &ph, &o);
		else if (ph.p_type == PT_DYNAMIC)
			r = read_dynamic(elf, n, &ph, &o);
	}
	if (r < 0)
		object_clear(&o);
	else
		*ret = o;
	return r;
}

static void add_folder(struct search *s, const char *text, size_t length)
{
	char *copy;

	if (length == 0 || text[0] != '/' || s->n_folders == FOLDERS_MAX)
		return;
	copy = strndup(text, length);
	if (copy)
		s->folders[s->n_folders++] = copy;
}

/* A file of ld.so.conf's kind: one folder a line, '#' comments, "include PATTERN". Unreadable files
 * are as good as empty ones: what is not found in the end is named. */
static void read_configuration(struct search *s, const char *pattern, int depth)
{
	glob_t found;

	if (depth > 4 || glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		_cleanup_fclose_ FILE *f = fopen(found.gl_pathv[i], "re");
		_cleanup_free_ char *line = NULL;
		size_t size = 0;

		while (f && getline(&line, &size, f) > 0) {
			char *p = line + strspn(line, " \t");

			p[strcspn(p, "#\r\n")] = '\0';
			if (strncmp(p, "include", 7) == 0 && isspace((unsigned char)p[7])) {
				char *relative = p + 7 + strspn(p + 7, " \t");
				_cleanup_free_ char *whole = NULL;

				if (asprintf(&whole, "%s%s", relative[0] == '/' ? "" : "/etc/",
					    relative) >= 0)
					read_configuration(s, whole, depth + 1);
			} else {
				add_folder(s, p, strcspn(p, " \t"));
			}
		}
	}
	globfree(&found);
}

/* @folder/@name if it is an x86-64 ELF file: as the dynamic linker does, others are passed over. */
static char *try_file(const char *folder, size_t length, const char *name)
{
	_cleanup_(elf_endp) Elf *elf = NULL;
	_cleanup_close_ int fd = -EBADF;
	char *path;

	if (asprintf(&path, "%.*s/%s", (int)length, folder, name) < 0)
		return NULL;
	if (open_elf(path, &fd, &elf) == 0)
		return path;
	free(path);
	return NULL;
}

/* Look through the folders of a colon-separated list, $ORIGIN being @origin. */
static char *try_list(const char *list, const char *origin, const char *name)
{
	while (list && *list) {
		size_t length = strcspn(list, ":");
		size_t skip = strncmp(list, "$ORIGIN", 7) == 0     ? 7
			      : strncmp(list, "${ORIGIN}", 9) == 0 ? 9
								   : 0;
		_cleanup_free_ char *folder = NULL;
		char *found;

		if (skip > length)
			skip = 0;
		if (asprintf(&folder, "%s%.*s", skip ? origin : "", (int)(length - skip),
			    list + skip) < 0)
			return NULL;
		found = *folder ? try_file(folder, strlen(folder), name) : NULL;
		if (found)
			return found;
		list += length + (list[length] == ':');
	}
	return NULL;
}

static char *find_library(
	const struct search *s, const struct object *by, const char *origin, const char *name)
{
	char *found = NULL;

	if (strchr(name, '/'))
		return try_file("", 0, name[0] == '/' ? name + 1 : name);
	/* The order of ld.so(8): RPATHs only where there is no RUNPATH. */
	if (!by->runpath) {
		found = try_list(by->rpath, origin, name);
		if (!found)
			found = try_list(s->program_rpath, s->program_origin, name);
	} else {
		found = try_list(by->runpath, origin, name);
	}
	for (size_t i = 0; i < s->n_folders && !found; i++)
		found = try_file(s->folders[i], strlen(s->folders[i]), name);
	return found;
}

static bool is_known(const struct elf_needs *needs, const char *name)
{
	for (size_t i = 0; i < needs->n; i++)
		if (strcmp(needs->items[i].name, name) == 0)
			return true;
	return false;
}

static bool is_interpreter(const struct elf_needs *needs, const char *name)
{
	const char *slash = needs->interpreter ? strrchr(needs->interpreter, '/') : NULL;

	return slash && strcmp(slash + 1, name) == 0;
}

static int add_need(struct elf_needs *needs, const char *name, char *path)
{
	char *copy;

	if (needs->n == LIBRARIES_MAX)
		return -E2BIG;
	if (ARRAY_MORE(needs->items, needs->n, 1) < 0)
		return -ENOMEM;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	needs->items[needs->n++] = (struct elf_need){copy, path};
	return 0;
}

/* Put what @o (the file @path) needs at the end of the list. */
static int add_needs_of(struct search *s, const struct object *o, const char *path, bool optional,
	struct error *error)
{
	_cleanup_free_ char *origin = realpath(path, NULL);

	if (!origin)
		return error_set_errno(error, -errno, "%s", path);
	*strrchr(origin, '/') = '\0';
	for (size_t i = 0; i < o->n_needed; i++) {
		const char *name = o->needed[i];
		char *found;
		int r;

		if (is_known(s->needs, name) || is_interpreter(s->needs, name) ||
			(s->inside && s->inside(name)))
			continue;
		found = find_library(s, o, origin, name);
		if (!found && optional)
			continue;
		if (!found)
			return error_set(error, -ENOENT,
				"%s needs %s, which is not found on this system", path, name);
		r = add_need(s->needs, name, found);
		if (r < 0) {
			free(found);
			return error_set_errno(error, r, "libraries of %s", path);
		}
	}
	return 0;
}

static int find_all(
	struct search *s, const char *program, const char *const *extra, struct error *error)
{
	struct object o = {0}, more = {0};
	int r;

	r = object_read(program, &o);
	if (r == -EINVAL)
		return error_set(error, r, "%s is not a program for x86-64 (ELF)", program);
	if (r < 0)
		return error_set_errno(error, r, "cannot read %s", program);
	s->needs->interpreter = TAKE_PTR(o.interpreter);
	s->program_origin = realpath(program, NULL);
	if (s->program_origin)
		*strrchr(s->program_origin, '/') = '\0';
	s->program_rpath = o.runpath || !s->program_origin ? NULL : TAKE_PTR(o.rpath);
	r = add_needs_of(s, &o, program, false, error);
	/* A static program loads nothing by itself. */
	for (; r == 0 && o.n_needed && extra && *extra; extra++) {
		more = (struct object){.needed = (char *[]){(char *)*extra}, .n_needed = 1};
		r = add_needs_of(s, &more, program, true, error);
	}
	object_clear(&o);
	/* The list grows while it is walked: breadth first, as the dynamic linker does it. */
	for (size_t i = 0; r == 0 && i < s->needs->n; i++) {
		r = object_read(s->needs->items[i].path, &o);
		if (r < 0)
			return error_set_errno(error, r, "cannot read %s", s->needs->items[i].path);
		r = add_needs_of(s, &o, s->needs->items[i].path, false, error);
		object_clear(&o);
	}
	return r;
}

int elf_needs_find(const char *program, bool (*inside)(const char *name), const char *const *extra,
	struct elf_needs *ret, struct error *error)
{
	struct elf_needs needs = {0};
	struct search s = {.needs = &needs, .inside = inside};
	int r;

	read_configuration(&s, "/etc/ld.so.conf", 0);
	for (size_t i = 0; i < ARRAY_SIZE(standard_folders); i++)
		add_folder(&s, standard_folders[i], strlen(standard_folders[i]));
	r = find_all(&s, program, extra, error);
	for (size_t i = 0; i < s.n_folders; i++)
		free(s.folders[i]);
	free(s.program_rpath);
	free(s.program_origin);
	if (r < 0)
		elf_needs_free(&needs);
	else
		*ret = needs;
	return r;
}

void elf_needs_free(struct elf_needs *needs)
{
	for (size_t i = 0; i < needs->n; i++) {
		free(needs->items[i].name);
		free(needs->items[i].path);
	}
	free(needs->items);
	free(needs->interpreter);
	*needs = (struct elf_needs){0};
}

int elf_needs_add(
	const struct elf_needs *needs, const char *folder, struct image *image, struct error *error)
{
	int r = 0;

	for (size_t i = 0; i < needs->n && r == 0; i++) {
		const char *name = needs->items[i].name;
		char path[512];

		snprintf(path, sizeof(path), "%s%s%s", name[0] == '/' ? "" : folder,
			name[0] == '/' ? "" : "/", name);
		r = image_add_file(image, path, 0755, needs->items[i].path, error);
		if (r == -EEXIST)
			r = 0;
	}
	return r;
}
