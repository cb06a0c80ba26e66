/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/machine/topology.h"

#include <errno.h>
#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

/* A hardware thread that may be used. */
struct pu {
	int cpu;         /* Linux number */
	unsigned core;   /* index of its core in the topology */
	unsigned thread; /* 0 for the first usable thread of its core, 1 for the second ... */
};

struct topology {
	hwloc_topology_t hwloc;
	struct topology_counts counts;
	struct pu *pus; /* in the order of the topology */
	size_t n_pus;
};

void topology_free(struct topology *t)
{
	if (!t)
		return;
	if (t->hwloc)
		hwloc_topology_destroy(t->hwloc);
	free(t->pus);
	free(t);
}

static void cleanup_topologyp(struct topology **t)
{
	topology_free(*t);
}

static void cleanup_bitmapp(hwloc_bitmap_t *b)
{
	hwloc_bitmap_free(*b);
}

/* The CPUs that this process may use, or all of a made-up machine. */
static int allowed_cpus(const struct topology *t, hwloc_bitmap_t set)
{
	_cleanup_(cleanup_bitmapp) hwloc_bitmap_t bound = hwloc_bitmap_alloc();

	if (!bound || hwloc_bitmap_copy(set, hwloc_topology_get_allowed_cpuset(t->hwloc)) < 0)
		return -ENOMEM;
	if (!hwloc_topology_is_thissystem(t->hwloc))
		return 0;
	/* A failure here means that the system cannot tell; then the cpuset alone decides. */
	if (hwloc_get_cpubind(t->hwloc, bound, HWLOC_CPUBIND_PROCESS) < 0)
		return 0;
	if (hwloc_bitmap_and(set, set, bound) < 0)
		return -ENOMEM;
	return 0;
}

static unsigned core_of(hwloc_topology_t hwloc, hwloc_obj_t pu)
{
	hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(hwloc, HWLOC_OBJ_CORE, pu);

	/* Machines that do not tell cores apart: each hardware thread stands for one. */
	return core ? core->logical_index : pu->logical_index;
}

static int collect_pus(struct topology *t)
{
	_cleanup_(cleanup_bitmapp) hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
	int n = hwloc_get_nbobjs_by_type(t->hwloc, HWLOC_OBJ_PU);
	int r;

	if (!allowed || n <= 0)
		return -ENOMEM;
	r = allowed_cpus(t, allowed);
	if (r < 0)
		return r;
	t->pus = calloc((size_t)n, sizeof(*t->pus));
	if (!t->pus)
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		hwloc_obj_t obj = hwloc_get_obj_by_type(t->hwloc, HWLOC_OBJ_PU, (unsigned)i);
		struct pu *pu = &t->pus[t->n_pus];

		if (!obj || !hwloc_bitmap_isset(allowed, obj->os_index))
			continue;
		pu->cpu = (int)obj->os_index;
		pu->core = core_of(t->hwloc, obj);
		pu->thread = 0;
		for (size_t j = t->n_pus; j-- > 0 && t->pus[j].core == pu->core;)
			pu->thread++;
		t->n_pus++;
	}
	return 0;
}

static unsigned count_of(hwloc_topology_t hwloc, hwloc_obj_type_t type)
{
	int n = hwloc_get_nbobjs_by_type(hwloc, type);

	return n > 0 ? (unsigned)n : 0;
}

static void collect_counts(struct topology *t)
{
	struct topology_counts *c = &t->counts;
	int kinds = hwloc_cpukinds_get_nr(t->hwloc, 0);

	c->packages = count_of(t->hwloc, HWLOC_OBJ_PACKAGE);
	c->pus = count_of(t->hwloc, HWLOC_OBJ_PU);
	c->cores = count_of(t->hwloc, HWLOC_OBJ_CORE);
	if (c->cores == 0)
		c->cores = c->pus;
	c->pus_allowed = (unsigned)t->n_pus;
	c->numa_nodes = count_of(t->hwloc, HWLOC_OBJ_NUMANODE);
	c->core_kinds = kinds > 0 ? (unsigned)kinds : 0;
	c->smt = c->pus > c->cores;
}

static int load(const char *synthetic, struct topology **ret, struct error *error)
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
		return error_set(error, -EINVAL, "'%s' describes no topology", synthetic);
	if (hwloc_topology_load(t->hwloc) < 0)
		return error_set(error, -EIO, "hwloc could not read the machine's topology");
	r = collect_pus(t);
	if (r < 0)
		return error_set_errno(error, r, "cannot list the machine's CPUs");
	collect_counts(t);
	*ret = TAKE_PTR(t);
	return 0;
}

int topology_load(struct topology **ret, struct error *error)
{
	return load(NULL, ret, error);
}

int topology_load_synthetic(const char *description, struct topology **ret, struct error *error)
{
	return load(description, ret, error);
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

bool topology_allows(const struct topology *t, int cpu)
{
	return find_pu(t, cpu) != NULL;
}

/* First hardware threads of all cores, then all second ones, and so on. */
static size_t order_cores(const struct topology *t, int *ret_cpus)
{
	size_t n = 0;

	for (unsigned thread = 0; n < t->n_pus; thread++)
		for (size_t i = 0; i < t->n_pus; i++)
			if (t->pus[i].thread == thread)
				ret_cpus[n++] = t->pus[i].cpu;
	return n;
}

static size_t order_threads(const struct topology *t, int *ret_cpus)
{
	for (size_t i = 0; i < t->n_pus; i++)
		ret_cpus[i] = t->pus[i].cpu;
	return t->n_pus;
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
			return error_set_user(error, -EINVAL, "--pin: CPU %d is named twice", cpu);
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
static unsigned lanes_on_core(const struct topology *t, const struct placement *p, unsigned core)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->n_pus; i++)
		if (t->pus[i].core == core && lane_on_cpu(p, t->pus[i].cpu))
			n++;
	return n;
}

static int place_helpers(const struct topology *t, struct placement *p)
{
	size_t n = 0;

	p->helper_cpus = calloc(t->n_pus, sizeof(*p->helper_cpus));
	if (!p->helper_cpus)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_pus; i++)
		if (lanes_on_core(t, p, t->pus[i].core) == 0)
			p->helper_cpus[n++] = t->pus[i].cpu;
	for (size_t i = 0, idle = n; idle == 0 && i < t->n_pus; i++)
		if (!lane_on_cpu(p, t->pus[i].cpu))
			p->helper_cpus[n++] = t->pus[i].cpu;
	p->n_helper_cpus = n;
	if (n == 0) {
		free(p->helper_cpus);
		p->helper_cpus = NULL;
	}
	return 0;
}

void placement_done(struct placement *p)
{
	free(p->lane_cpus);
	free(p->helper_cpus);
	*p = (struct placement){0};
}

int topology_place(const struct topology *t, unsigned lanes, const char *pin, struct placement *ret,
	struct error *error)
{
	_cleanup_(placement_done) struct placement p = {.lanes = lanes};
	bool pinned = strcmp(pin, "none") != 0;
	size_t n = t->n_pus;
	int r;

	if (lanes == 0)
		return error_set_user(error, -EINVAL, "a run needs at least 1 core");
	p.lane_cpus = calloc(t->n_pus + 1, sizeof(*p.lane_cpus));
	if (!p.lane_cpus)
		return -ENOMEM;
	if (pinned) {
		r = candidates(t, pin, p.lane_cpus, &n, error);
		if (r < 0)
			return r;
	}
	if (lanes > n)
		return error_set_user(error, -EINVAL, "%u cores asked for, but %s %zu", lanes,
			n == t->n_pus ? "this machine lets us use" : "--pin names", n);
	if (!pinned) {
		free(TAKE_PTR(p.lane_cpus));
	} else {
		for (unsigned i = 0; i < lanes; i++)
			if (lanes_on_core(t, &p, find_pu(t, p.lane_cpus[i])->core) > 1)
				p.smt_lanes++;
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
	const struct topology_counts *c = &t->counts;
	char smt[48] = "no SMT";
	char limit[64] = "";
	char *text;

	if (c->smt)
		snprintf(smt, sizeof(smt), "SMT, up to %u per core",
			(c->pus + c->cores - 1) / c->cores);
	if (c->pus_allowed < c->pus)
		snprintf(limit, sizeof(limit), "; %u of them may be used", c->pus_allowed);
	if (asprintf(&text, "%u package%s, %u core%s, %u hardware thread%s (%s), %u NUMA node%s%s",
		    c->packages, plural(c->packages), c->cores, plural(c->cores), c->pus,
		    plural(c->pus), smt, c->numa_nodes, plural(c->numa_nodes), limit) < 0)
		return NULL;
	return text;
}
