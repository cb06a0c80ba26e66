/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/machine/topology.h"

#include <errno.h>
#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/machine/machine_files.h"
#include "common/cleanup.h"

#define CPU_FOLDER "/sys/devices/system/cpu"

/* A hardware thread that is online. */
struct pu {
	int cpu;         /* Linux number */
	uint64_t core;   /* what tells its core from all others */
	unsigned thread; /* how many of its core come before it that may be used freely */
};

struct topology {
	hwloc_topology_t hwloc;
	struct topology_counts counts;
	struct pu *pus; /* in the order of the topology */
	size_t n_pus;
	hwloc_bitmap_t sets[TOPOLOGY_SETS];
};

void topology_free(struct topology *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < TOPOLOGY_SETS; i++)
		hwloc_bitmap_free(t->sets[i]);
	if (t->hwloc)
		hwloc_topology_destroy(t->hwloc);
	free(t->pus);
	free(t);
}

static void cleanup_topologyp(struct topology **t)
{
	topology_free(*t);
}

static bool has(const struct topology *t, enum topology_set set, int cpu)
{
	return hwloc_bitmap_isset(t->sets[set], (unsigned)cpu);
}

/* @online that are in @list, the kernel's way to write CPUs; what is no list ("(null)") has none.
 */
static int take_list(hwloc_bitmap_t ret, const char *list, hwloc_const_bitmap_t online)
{
	if (!list || hwloc_bitmap_list_sscanf(ret, list) < 0)
		hwloc_bitmap_zero(ret);
	return hwloc_bitmap_and(ret, ret, online);
}

/* What the kernel says of this machine; a failure means that it cannot tell, so there is no limit.
 */
static int read_limits(struct topology *t, hwloc_const_bitmap_t online)
{
	_cleanup_free_ char *isolated = read_line_at(NULL, CPU_FOLDER "/isolated"),
			    *tickless = read_line_at(NULL, CPU_FOLDER "/nohz_full");
	int r = take_list(t->sets[TOPOLOGY_ISOLATED], isolated, online);

	if (r == 0)
		r = take_list(t->sets[TOPOLOGY_TICKLESS], tickless, online);
	if (r == 0)
		r = hwloc_bitmap_andnot(t->sets[TOPOLOGY_NOT_IN_CPUSET], online,
			hwloc_topology_get_allowed_cpuset(t->hwloc));
	if (hwloc_get_cpubind(t->hwloc, t->sets[TOPOLOGY_NOT_IN_AFFINITY], HWLOC_CPUBIND_PROCESS) <
		0)
		hwloc_bitmap_fill(t->sets[TOPOLOGY_NOT_IN_AFFINITY]);
	return r < 0 ? r
		     : hwloc_bitmap_andnot(t->sets[TOPOLOGY_NOT_IN_AFFINITY], online,
			       t->sets[TOPOLOGY_NOT_IN_AFFINITY]);
}

static int copy_limits(
	struct topology *t, hwloc_const_bitmap_t online, const struct topology_limits *limits)
{
	const char *const lists[TOPOLOGY_SETS] = {
		[TOPOLOGY_NOT_IN_CPUSET] = limits->not_in_cpuset,
		[TOPOLOGY_NOT_IN_AFFINITY] = limits->not_in_affinity,
		[TOPOLOGY_ISOLATED] = limits->isolated,
		[TOPOLOGY_TICKLESS] = limits->tickless,
	};
	int r = 0;

	for (size_t i = 0; i < TOPOLOGY_SETS && r == 0; i++)
		r = take_list(t->sets[i], lists[i], online);
	return r;
}

/* Affinity leaves isolated CPUs out from the start; they are free to whoever names them. */
static int find_usable(struct topology *t, const struct topology_limits *limits)
{
	hwloc_const_bitmap_t online = hwloc_get_root_obj(t->hwloc)->cpuset;
	hwloc_bitmap_t *sets = t->sets;
	int r;

	for (size_t i = 0; i < TOPOLOGY_SETS; i++) {
		sets[i] = hwloc_bitmap_alloc();
		if (!sets[i])
			return -ENOMEM;
	}
	r = limits ? copy_limits(t, online, limits) : read_limits(t, online);
	if (r == 0)
		r = hwloc_bitmap_andnot(
			sets[TOPOLOGY_BY_NAME], online, sets[TOPOLOGY_NOT_IN_CPUSET]);
	if (r == 0)
		r = hwloc_bitmap_andnot(sets[TOPOLOGY_FREE], sets[TOPOLOGY_BY_NAME],
			sets[TOPOLOGY_NOT_IN_AFFINITY]);
	if (r == 0)
		r = hwloc_bitmap_and(
			sets[TOPOLOGY_BY_NAME], sets[TOPOLOGY_BY_NAME], sets[TOPOLOGY_ISOLATED]);
	if (r == 0)
		r = hwloc_bitmap_andnot(
			sets[TOPOLOGY_BY_NAME], sets[TOPOLOGY_BY_NAME], sets[TOPOLOGY_FREE]);
	/* What isolation explains is nobody's taskset. */
	if (r == 0)
		r = hwloc_bitmap_andnot(sets[TOPOLOGY_NOT_IN_AFFINITY],
			sets[TOPOLOGY_NOT_IN_AFFINITY], sets[TOPOLOGY_ISOLATED]);
	if (r == 0)
		r = hwloc_bitmap_andnot(sets[TOPOLOGY_NOT_IN_AFFINITY],
			sets[TOPOLOGY_NOT_IN_AFFINITY], sets[TOPOLOGY_NOT_IN_CPUSET]);
	return r < 0 ? -ENOMEM : 0;
}

static uint64_t core_of(hwloc_topology_t hwloc, hwloc_obj_t pu)
{
	hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(hwloc, HWLOC_OBJ_CORE, pu);

	/* Machines that do not tell cores apart: each hardware thread stands for one. Not by the
	 * logical index: cores of one machine may lie at several depths, each with its own count.
	 */
	return core ? core->gp_index : pu->gp_index;
}

static int collect_pus(struct topology *t)
{
	int n = hwloc_get_nbobjs_by_type(t->hwloc, HWLOC_OBJ_PU);

	t->pus = n > 0 ? calloc((size_t)n, sizeof(*t->pus)) : NULL;
	if (!t->pus)
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		hwloc_obj_t obj = hwloc_get_obj_by_type(t->hwloc, HWLOC_OBJ_PU, (unsigned)i);
		struct pu *pu = &t->pus[t->n_pus];

		if (!obj)
			continue;
		pu->cpu = (int)obj->os_index;
		pu->core = core_of(t->hwloc, obj);
		for (size_t j = t->n_pus; j-- > 0 && t->pus[j].core == pu->core;)
			pu->thread += has(t, TOPOLOGY_FREE, t->pus[j].cpu);
		t->n_pus++;
	}
	return 0;
}

static unsigned count_of(hwloc_topology_t hwloc, hwloc_obj_type_t type)
{
	int n = hwloc_get_nbobjs_by_type(hwloc, type);

	return n > 0 ? (unsigned)n : 0;
}

/* By their PUs: hwloc has no number where a type lies at several depths. */
static unsigned count_around_pus(const struct topology *t, hwloc_obj_type_t type)
{
	hwloc_obj_t pu = NULL, last = NULL;
	unsigned n = 0;

	while ((pu = hwloc_get_next_obj_by_type(t->hwloc, HWLOC_OBJ_PU, pu))) {
		hwloc_obj_t around = hwloc_get_ancestor_obj_by_type(t->hwloc, type, pu);

		n += around && around != last;
		last = around;
	}
	return n;
}

static void collect_counts(struct topology *t)
{
	struct topology_counts *c = &t->counts;
	int kinds = hwloc_cpukinds_get_nr(t->hwloc, 0);

	c->packages = count_around_pus(t, HWLOC_OBJ_PACKAGE);
	c->pus = count_of(t->hwloc, HWLOC_OBJ_PU);
	c->cores = count_around_pus(t, HWLOC_OBJ_CORE);
	if (c->cores == 0)
		c->cores = c->pus;
	c->pus_allowed = (unsigned)hwloc_bitmap_weight(t->sets[TOPOLOGY_FREE]);
	c->numa_nodes = count_of(t->hwloc, HWLOC_OBJ_NUMANODE);
	c->core_kinds = kinds > 0 ? (unsigned)kinds : 0;
	c->smt = c->pus > c->cores;
}

static int load(const char *synthetic, const struct topology_limits *limits, struct topology **ret,
	struct error *error)
{
	_cleanup_(cleanup_topologyp) struct topology *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	if (hwloc_topology_init(&t->hwloc) < 0) {
		t->hwloc = NULL;
		return error_set(error, -ENOMEM, "hwloc could not be initialised");
	}
	if (synthetic && hwloc_topology_set_synthetic(t->hwloc, synthetic) < 0)
		return error_set_user(error, -EINVAL, "'%s' describes no topology", synthetic);
	/* The machine is the same whatever cgroup we are in. */
	hwloc_topology_set_flags(t->hwloc, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
	if (hwloc_topology_load(t->hwloc) < 0)
		return error_set(error, -EIO, "hwloc could not read the machine's topology");
	r = find_usable(t, limits);
	if (r == 0)
		r = collect_pus(t);
	if (r < 0)
		return error_set_errno(error, r, "cannot list the machine's CPUs");
	collect_counts(t);
	*ret = TAKE_PTR(t);
	return 0;
}

int topology_load(struct topology **ret, struct error *error)
{
	return load(NULL, NULL, ret, error);
}

int topology_load_synthetic(const char *description, const struct topology_limits *limits,
	struct topology **ret, struct error *error)
{
	static const struct topology_limits none;

	return load(description, limits ? limits : &none, ret, error);
}

char *topology_list(const struct topology *t, enum topology_set set)
{
	char *text;

	if (hwloc_bitmap_iszero(t->sets[set]) ||
		hwloc_bitmap_list_asprintf(&text, t->sets[set]) < 0)
		return NULL;
	return text;
}

const struct topology_counts *topology_counts(const struct topology *t)
{
	return &t->counts;
}

static const struct pu *find_pu(const struct topology *t, int cpu)
{
	for (size_t i = 0; i < t->n_pus; i++)
		if (t->pus[i].cpu == cpu)
			return &t->pus[i];
	return NULL;
}

/* Is Linux CPU @cpu one that may be used, where it is named? */
static bool topology_allows(const struct topology *t, int cpu)
{
	return has(t, TOPOLOGY_FREE, cpu) || has(t, TOPOLOGY_BY_NAME, cpu);
}

/* First hardware threads of all cores, then all second ones, and so on. */
static size_t order_cores(const struct topology *t, int *ret_cpus)
{
	size_t n = 0;

	for (unsigned thread = 0; n < t->counts.pus_allowed; thread++)
		for (size_t i = 0; i < t->n_pus; i++)
			if (t->pus[i].thread == thread && has(t, TOPOLOGY_FREE, t->pus[i].cpu))
				ret_cpus[n++] = t->pus[i].cpu;
	return n;
}

static size_t order_threads(const struct topology *t, int *ret_cpus)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_pus; i++)
		if (has(t, TOPOLOGY_FREE, t->pus[i].cpu))
			ret_cpus[n++] = t->pus[i].cpu;
	return n;
}

static int parse_number(const char **p, int *ret)
{
	char *end;
	long value;

	if (**p < '0' || **p > '9')
		return -EINVAL;
	errno = 0;
	value = strtol(*p, &end, 10);
	if (errno || value > 1 << 20)
		return -EINVAL;
	*p = end;
	*ret = (int)value;
	return 0;
}

/* Append @cpu to the list if it may be used and is not yet in it. */
static int list_add(const struct topology *t, int cpu, int *cpus, size_t *n, struct error *error)
{
	if (!topology_allows(t, cpu))
		return error_set_user(error, -EINVAL,
			"--pin: CPU %d is not among those that may be used here", cpu);
	for (size_t i = 0; i < *n; i++)
		if (cpus[i] == cpu)
			return error_set_user(error, -EINVAL,
				"--pin: CPU %d is named twice: name each once, lanes share CPUs by "
				"--overcommit",
				cpu);
	cpus[(*n)++] = cpu;
	return 0;
}

static int parse_list(const struct topology *t, const char *pin, int *ret_cpus, size_t *ret_n,
	struct error *error)
{
	const char *p = pin;
	size_t n = 0;

	for (;;) {
		int first, last, r;

		if (parse_number(&p, &first) < 0)
			goto bad;
		last = first;
		if (*p == '-') {
			p++;
			if (parse_number(&p, &last) < 0 || last < first)
				goto bad;
		}
		for (int cpu = first; cpu <= last; cpu++) {
			r = list_add(t, cpu, ret_cpus, &n, error);
			if (r < 0)
				return r;
		}
		if (!*p)
			break;
		if (*p++ != ',')
			goto bad;
	}
	*ret_n = n;
	return 0;
bad:
	return error_set_user(error, -EINVAL,
		"--pin: '%s' is neither cores, threads, none nor a list of CPUs such as 0,2-3",
		pin);
}

static const struct {
	const char *name;
	size_t (*order)(const struct topology *t, int *ret_cpus);
} modes[] = {
	{"cores", order_cores},
	{"threads", order_threads},
};

static int candidates(const struct topology *t, const char *pin, int *ret_cpus, size_t *ret_n,
	struct error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(pin, modes[i].name) == 0) {
			*ret_n = modes[i].order(t, ret_cpus);
			return 0;
		}
	}
	return parse_list(t, pin, ret_cpus, ret_n, error);
}

static bool lane_on_cpu(const struct placement *p, int cpu)
{
	for (unsigned i = 0; i < p->lanes; i++)
		if (p->lane_cpus[i] == cpu)
			return true;
	return false;
}

/* How many lanes sit on core @core. */
static unsigned lanes_on_core(const struct topology *t, const struct placement *p, uint64_t core)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->n_pus; i++)
		if (t->pus[i].core == core && lane_on_cpu(p, t->pus[i].cpu))
			n++;
	return n;
}

/* Isolated CPUs get work from nobody but those who ask for them, which helpers do not. */
static bool fits_helpers(const struct topology *t, int cpu)
{
	return has(t, TOPOLOGY_FREE, cpu) && !has(t, TOPOLOGY_ISOLATED, cpu);
}

static int place_helpers(const struct topology *t, struct placement *p)
{
	size_t n = 0;

	p->helper_cpus = calloc(t->n_pus, sizeof(*p->helper_cpus));
	if (!p->helper_cpus)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_pus; i++)
		if (lanes_on_core(t, p, t->pus[i].core) == 0 && fits_helpers(t, t->pus[i].cpu))
			p->helper_cpus[n++] = t->pus[i].cpu;
	for (size_t i = 0, idle = n; idle == 0 && i < t->n_pus; i++)
		if (!lane_on_cpu(p, t->pus[i].cpu) && fits_helpers(t, t->pus[i].cpu))
			p->helper_cpus[n++] = t->pus[i].cpu;
	p->n_helper_cpus = n;
	if (n == 0) {
		free(p->helper_cpus);
		p->helper_cpus = NULL;
	}
	return 0;
}

/* What a reader of the results should know of the lanes' CPUs. */
static void judge_lanes(const struct topology *t, struct placement *p)
{
	for (unsigned i = 0; i < p->lanes; i++) {
		int cpu = p->lane_cpus[i];
		unsigned same = 0;

		for (unsigned j = 0; j < p->lanes; j++)
			same += p->lane_cpus[j] == cpu;
		p->sharing_lanes += same > 1;
		p->smt_lanes += lanes_on_core(t, p, find_pu(t, cpu)->core) > 1;
		p->isolated_lanes += has(t, TOPOLOGY_ISOLATED, cpu);
		p->tickless_lanes += has(t, TOPOLOGY_TICKLESS, cpu);
	}
}

void placement_done(struct placement *p)
{
	free(p->lane_cpus);
	free(p->helper_cpus);
	*p = (struct placement){0};
}

static int too_many(
	const struct topology *t, unsigned lanes, size_t n, bool listed, struct error *error)
{
	_cleanup_free_ char *isolated = topology_list(t, TOPOLOGY_BY_NAME);

	if (listed)
		return error_set_user(error, -EINVAL,
			"%u cores asked for, but --pin names %zu (--overcommit lets lanes share "
			"CPUs)",
			lanes, n);
	return error_set_user(error, -EINVAL,
		"%u cores asked for, but this machine lets us use %zu (--overcommit lets lanes "
		"share CPUs%s%s%s)",
		lanes, n, isolated ? "; CPUs " : "", isolated ? isolated : "",
		isolated ? " are isolated, --pin may name them" : "");
}

int topology_place(const struct topology *t, unsigned lanes, const char *pin, bool overcommit,
	struct placement *ret, struct error *error)
{
	_cleanup_(placement_done) struct placement p = {
		.lanes = lanes, .cpus_allowed = t->counts.pus_allowed};
	bool pinned = strcmp(pin, "none") != 0;
	size_t n = t->counts.pus_allowed;
	int r;

	if (lanes == 0)
		return error_set_user(error, -EINVAL, "a run needs at least 1 core");
	p.lane_cpus = calloc(t->n_pus + lanes, sizeof(*p.lane_cpus));
	if (!p.lane_cpus)
		return -ENOMEM;
	if (pinned) {
		r = candidates(t, pin, p.lane_cpus, &n, error);
		if (r < 0)
			return r;
	}
	if (n == 0 || (lanes > n && !overcommit))
		return too_many(t, lanes, n, pin[strspn(pin, "0123456789,-")] == '\0', error);
	if (!pinned) {
		p.sharing_lanes = lanes > n ? lanes : 0;
		free(TAKE_PTR(p.lane_cpus));
	} else {
		for (size_t i = n; i < lanes; i++)
			p.lane_cpus[i] = p.lane_cpus[i - n];
		judge_lanes(t, &p);
		r = place_helpers(t, &p);
		if (r < 0)
			return r;
	}
	*ret = p;
	p = (struct placement){0};
	return 0;
}

int topology_xml(const struct topology *t, char **ret, struct error *error)
{
	char *buffer = NULL;
	char *copy;
	int length = 0;

	if (hwloc_topology_export_xmlbuffer(t->hwloc, &buffer, &length, 0) < 0)
		return error_set(error, -EIO, "hwloc could not write the topology as XML");
	copy = strdup(buffer);
	hwloc_free_xmlbuffer(t->hwloc, buffer);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

static char *shape_of(hwloc_obj_t obj);

/* Equal children that follow each other are written once, with their number. */
static int write_shape(FILE *f, hwloc_obj_t obj)
{
	char name[64];

	hwloc_obj_type_snprintf(name, sizeof(name), obj, 0);
	fputs(name, f);
	if (hwloc_obj_type_is_cache(obj->type))
		fprintf(f, "(%lluK)", (unsigned long long)obj->attr->cache.size >> 10);
	if (obj->memory_arity)
		fprintf(f, "[memory:%u]", obj->memory_arity);
	if (!obj->arity)
		return ferror(f) ? -ENOMEM : 0;
	fputc('{', f);
	for (unsigned i = 0, n; i < obj->arity; i += n) {
		_cleanup_free_ char *first = shape_of(obj->children[i]);

		for (n = 1; first && i + n < obj->arity; n++) {
			_cleanup_free_ char *next = shape_of(obj->children[i + n]);

			if (!next || strcmp(first, next) != 0)
				break;
		}
		if (!first)
			return -ENOMEM;
		fprintf(f, "%s%s", i ? " " : "", first);
		if (n > 1)
			fprintf(f, "*%u", n);
	}
	fputc('}', f);
	return ferror(f) ? -ENOMEM : 0;
}

static char *shape_of(hwloc_obj_t obj)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	int r;

	if (!f)
		return NULL;
	r = write_shape(f, obj);
	if (fclose(f) != 0 || r < 0)
		return NULL;
	return TAKE_PTR(text);
}

char *topology_shape(const struct topology *t)
{
	return shape_of(hwloc_get_root_obj(t->hwloc));
}

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

char *topology_describe(const struct topology *t)
{
	_cleanup_free_ char *isolated = topology_list(t, TOPOLOGY_ISOLATED),
			    *tickless = topology_list(t, TOPOLOGY_TICKLESS);
	const struct topology_counts *c = &t->counts;
	char smt[48] = "no SMT";
	char limit[64] = "";
	char *text;

	if (c->smt)
		snprintf(smt, sizeof(smt), "SMT, up to %u per core",
			(c->pus + c->cores - 1) / c->cores);
	if (c->pus_allowed < c->pus)
		snprintf(limit, sizeof(limit), "; %u of them may be used", c->pus_allowed);
	if (asprintf(&text,
		    "%u package%s, %u core%s, %u hardware thread%s (%s), %u NUMA node%s%s%s%s%s%s",
		    c->packages, plural(c->packages), c->cores, plural(c->cores), c->pus,
		    plural(c->pus), smt, c->numa_nodes, plural(c->numa_nodes), limit,
		    isolated ? "; isolated: CPUs " : "", isolated ? isolated : "",
		    tickless ? "; without a tick (nohz_full): CPUs " : "",
		    tickless ? tickless : "") < 0)
		return NULL;
	return text;
}
