/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/dwarf_members.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collector/symbols/child_pipe.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/spawn.h"

#define MEMBERS_MAX   64
#define NAME_BYTES    256
#define DEPTH_MAX     16 /* of members in members: libstdc++ and boost need some eight */
#define CHILD_SECONDS 20
#define UNITS_MAX     100000

struct question {
	int fd;
	const char *unit;
	const struct dwarf_member *members;
	size_t n;
	const char *enumeration;
};

/* What goes through the pipe. */
struct answer {
	uint32_t offsets[MEMBERS_MAX];
	uint32_t sizes[MEMBERS_MAX];
	uint32_t missing; /* the first that was not found, plus 1; 0: none */
	struct dwarf_values values;
};

/* Without names that only qualify: typedef, const, volatile. */
static bool bare_type(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute attribute;
	Dwarf_Die type;

	return dwarf_attr_integrate(die, DW_AT_type, &attribute) &&
	       dwarf_formref_die(&attribute, &type) && dwarf_peel_type(&type, ret) == 0;
}

static bool is_class(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

static bool is_declaration(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	bool flag = false;

	return dwarf_attr(die, DW_AT_declaration, &attribute) &&
	       dwarf_formflag(&attribute, &flag) == 0 && flag;
}

/* A member that takes room, and where. */
static bool place_of(Dwarf_Die *member, uint32_t *ret)
{
	Dwarf_Attribute attribute;
	Dwarf_Word offset;

	/* Static members have no place. */
	if (!dwarf_attr(member, DW_AT_data_member_location, &attribute) ||
		dwarf_formudata(&attribute, &offset) != 0 || offset > UINT32_MAX / 4)
		return false;
	*ret = (uint32_t)offset;
	return true;
}

/* Of a union's members no place is told: they are at its begin. What is not made of whole bytes has none that can be told. */
static bool has_place(Dwarf_Die *member, uint32_t *ret)
{
	*ret = 0;
	if (dwarf_hasattr(member, DW_AT_bit_size) || dwarf_hasattr(member, DW_AT_data_bit_offset))
		return false;
	return place_of(member, ret) ||
	       (dwarf_tag(member) == DW_TAG_member &&
		       !dwarf_hasattr(member, DW_AT_data_member_location) &&
		       !dwarf_hasattr(member, DW_AT_external) && !is_declaration(member));
}

static bool find_at_depth(
	Dwarf_Die *type, const char *name, unsigned depth, uint32_t *ret_offset, Dwarf_Die *ret);

/* One member of a class: is it the one, or within it? */
static bool try_member(
	Dwarf_Die *child, const char *name, unsigned depth, uint32_t *ret_offset, Dwarf_Die *ret)
{
	int tag = dwarf_tag(child);
	const char *own = dwarf_diename(child);
	uint32_t at = 0, within = 0;
	Dwarf_Die type;

	if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) || !bare_type(child, &type))
		return false;
	if (!has_place(child, &at))
		return false;
	if (depth == 0) {
		if (tag != DW_TAG_member || !own || strcmp(own, name) != 0)
			return false;
		*ret_offset = at;
		*ret = type;
		return true;
	}
	if (!is_class(&type) || !find_at_depth(&type, name, depth - 1, &within, ret))
		return false;
	*ret_offset = at + within;
	return true;
}

/* Members that lie @depth classes deep. */
static bool find_at_depth(
	Dwarf_Die *type, const char *name, unsigned depth, uint32_t *ret_offset, Dwarf_Die *ret)
{
	Dwarf_Die child;

	if (dwarf_child(type, &child) != 0)
		return false;
	do {
		if (try_member(&child, name, depth, ret_offset, ret))
			return true;
	} while (dwarf_siblingof(&child, &child) == 0);
	return false;
}

static bool find_member(Dwarf_Die *type, const char *name, uint32_t *ret_offset, Dwarf_Die *ret)
{
	for (unsigned depth = 0; depth < DEPTH_MAX; depth++)
		if (find_at_depth(type, name, depth, ret_offset, ret))
			return true;
	return false;
}

static bool find_path(Dwarf_Die *type, const char *path, uint32_t *ret_offset, uint32_t *ret_size)
{
	Dwarf_Die at = *type;
	uint32_t offset = 0;
	Dwarf_Word size;

	for (;;) {
		size_t n = strcspn(path, ".");
		char name[NAME_BYTES];
		uint32_t within;

		if (n >= sizeof(name))
			return false;
		memcpy(name, path, n);
		name[n] = '\0';
		if (!find_member(&at, name, &within, &at))
			return false;
		offset += within;
		if (!path[n])
			break;
		path += n + 1;
	}
	*ret_offset = offset;
	*ret_size = dwarf_aggregate_size(&at, &size) == 0 ? (uint32_t)size : 0;
	return true;
}

/* The length of the first name of "a::b<c::d>::e". */
static size_t first_name(const char *name)
{
	size_t depth = 0, i = 0;

	for (; name[i]; i++) {
		depth += name[i] == '<';
		depth -= name[i] == '>' && depth;
		if (depth == 0 && name[i] == ':' && name[i + 1] == ':')
			break;
	}
	return i;
}

static bool usable(Dwarf_Die *die, Dwarf_Die *ret)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_enumeration_type:
		*ret = *die;
		return !is_declaration(die);
	case DW_TAG_variable:
		return bare_type(die, ret) && is_class(ret) && !is_declaration(ret);
	default:
		return false;
	}
}

/* What is called @name within @scope: a type, or the type of a variable. */
static bool find_name(Dwarf_Die *scope, const char *name, Dwarf_Die *ret)
{
	size_t n = first_name(name);
	char first[NAME_BYTES];
	Dwarf_Die child;

	if (n >= sizeof(first) || dwarf_child(scope, &child) != 0)
		return false;
	memcpy(first, name, n);
	first[n] = '\0';
	do {
		const char *own = dwarf_diename(&child);

		if (!own || (strcmp(own, first) != 0 && fnmatch(first, own, 0) != 0))
			continue;
		if (name[n] ? find_name(&child, name + n + 2, ret) : usable(&child, ret))
			return true;
	} while (dwarf_siblingof(&child, &child) == 0);
	return false;
}

static bool take_values(Dwarf_Die *type, struct dwarf_values *ret)
{
	Dwarf_Die child;

	if (dwarf_child(type, &child) != 0)
		return false;
	do {
		Dwarf_Attribute attribute;
		Dwarf_Word value;

		if (dwarf_tag(&child) == DW_TAG_enumerator &&
			dwarf_attr(&child, DW_AT_const_value, &attribute) &&
			dwarf_formudata(&attribute, &value) == 0 && value < DWARF_VALUES)
			snprintf(ret->names[value], DWARF_VALUE_BYTES, "%s", dwarf_diename(&child));
	} while (dwarf_siblingof(&child, &child) == 0);
	return true;
}

/* All that is asked for has to be in one unit. */
static void ask_unit(const struct question *q, Dwarf_Die *unit, struct answer *ret)
{
	Dwarf_Die type;

	for (size_t i = 0; i < q->n; i++) {
		bool same = i && strcmp(q->members[i].type, q->members[i - 1].type) == 0;

		ret->missing = (uint32_t)i + 1;
		if (!same && !find_name(unit, q->members[i].type, &type))
			return;
		if (find_path(&type, q->members[i].path, &ret->offsets[i], &ret->sizes[i]))
			continue;
		if (!q->members[i].optional)
			return;
		ret->offsets[i] = ret->sizes[i] = 0;
	}
	ret->missing = (uint32_t)q->n + 1;
	if (q->enumeration &&
		(!find_name(unit, q->enumeration, &type) || !take_values(&type, &ret->values)))
		return;
	ret->missing = 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = text ? strlen(text) : 0, m = strlen(end);

	return text && n >= m && strcmp(text + n - m, end) == 0;
}

static void ask_file(const struct question *q, Dwarf *dwarf, struct answer *ret)
{
	Dwarf_Off at = 0, next;
	size_t header;

	ret->missing = 1;
	for (unsigned i = 0;
		i < UNITS_MAX && dwarf_nextcu(dwarf, at, &next, &header, NULL, NULL, NULL) == 0;
		i++, at = next) {
		Dwarf_Die unit;

		if (!dwarf_offdie(dwarf, at + header, &unit) ||
			!ends_with(dwarf_diename(&unit), q->unit))
			continue;
		ask_unit(q, &unit, ret);
		if (!ret->missing)
			return;
	}
}

static void child_main(const void *userdata, int out)
{
	const struct rlimit seconds = {CHILD_SECONDS, CHILD_SECONDS}, none = {0, 0};
	const struct question *q = userdata;
	struct answer answer = {.missing = 1};
	Dwarf *dwarf;

	signal(SIGPIPE, SIG_DFL);
	setrlimit(RLIMIT_CPU, &seconds);
	setrlimit(RLIMIT_CORE, &none);
	dwarf = dwarf_begin(q->fd, DWARF_C_READ);
	if (dwarf)
		ask_file(q, dwarf, &answer);
	if (write(out, &answer, sizeof(answer)) != sizeof(answer))
		_exit(1);
}

int dwarf_members_find(const char *path, const char *unit, const struct dwarf_member *members,
	size_t n, const char *enumeration, struct dwarf_values *ret, struct error *error)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC), in = -EBADF;
	struct question q = {fd, unit, members, n, enumeration};
	struct answer answer;
	bool whole;
	pid_t pid;

	if (fd < 0)
		return error_set_errno(error, -errno, "cannot open %s", path);
	if (n > MEMBERS_MAX)
		return -E2BIG;
	pid = child_pipe_start(child_main, &q, &in);
	if (pid < 0)
		return error_set_errno(error, pid, "cannot read %s", path);
	whole = child_pipe_read(
		in, &answer, sizeof(answer), clock_ms() + (CHILD_SECONDS + 5) * INT64_C(1000));
	kill(pid, SIGKILL); /* it has ended, or has had its time */
	(void)spawn_wait(pid, NULL);
	if (!whole || answer.missing > n + 1)
		return error_set(
			error, -ENODATA, "%s has no debug information that can be read", path);
	if (answer.missing)
		return error_set(error, -ENODATA, "%s has no debug information of %s", path,
			answer.missing <= n ? members[answer.missing - 1].path : enumeration);
	for (size_t i = 0; i < n; i++) {
		*members[i].ret_offset = answer.offsets[i];
		if (members[i].ret_size)
			*members[i].ret_size = answer.sizes[i];
	}
	if (enumeration) {
		*ret = answer.values;
		for (size_t i = 0; i < DWARF_VALUES; i++) /* a child's word */
			ret->names[i][DWARF_VALUE_BYTES - 1] = '\0';
	}
	return 0;
}
