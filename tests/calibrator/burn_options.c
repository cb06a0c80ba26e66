/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "tests/calibrator/burn.h"
#include "tests/calibrator/hostile.h"
#include "workload/options.h"

#define WEIGHT_MAX  10000
#define SECONDS_MAX 3600
#define DEPTH_MAX   1000 /* what a stack has room for, with much to spare */
#define THREADS_MAX 1000
#define EXITS_MAX   10000000
#define WORDS_MAX   256

struct option {
	const char *name;
	int (*set)(const char *value, struct burn_options *o, struct error *error);
};

static int set_whole(const char *name, const char *value, int64_t minimum, int64_t maximum,
	int64_t *ret, struct error *error)
{
	char *end;

	errno = 0;
	*ret = strtoll(value, &end, 10);
	if (errno || end == value || *end || *ret < minimum || *ret > maximum)
		return error_set_user(error, -EINVAL,
			"-%s: '%s' is no whole number between %ld and %ld", name, value, minimum,
			maximum);
	return 0;
}

/* The part of *@list before the next comma, copied to @ret; moves on. False at the end. */
static bool next_item(const char **list, char *ret, size_t size)
{
	size_t n = strcspn(*list, ",");

	if (!**list)
		return false;
	if (n >= size)
		n = size - 1;
	memcpy(ret, *list, n);
	ret[n] = '\0';
	*list += strcspn(*list, ",");
	*list += **list == ',';
	return true;
}

static int set_burn(const char *value, struct burn_options *o, struct error *error)
{
	char item[32];

	while (next_item(&value, item, sizeof(item))) {
		size_t length = strcspn(item, "="), i = 0;
		int64_t weight;
		int r;

		while (i < BURN_N_FUNCTIONS && (strncmp(burn_names[i], item, length) != 0 ||
						       burn_names[i][length] != '\0'))
			i++;
		if (i == BURN_N_FUNCTIONS || item[length] != '=')
			return error_set_user(error, -EINVAL,
				"-burn: '%s' is not FUNCTION=WEIGHT with a FUNCTION of alpha, "
				"beta, "
				"gamma, delta, epsilon, zeta, eta, theta",
				item);
		r = set_whole("burn", item + length + 1, 0, WEIGHT_MAX, &weight, error);
		if (r < 0)
			return r;
		o->weights[i] = (unsigned)weight;
	}
	return 0;
}

static int set_seconds(const char *value, struct burn_options *o, struct error *error)
{
	char *end;

	o->seconds = strtod(value, &end);
	if (end == value || *end || !(o->seconds > 0 && o->seconds <= SECONDS_MAX))
		return error_set_user(error, -EINVAL,
			"-seconds: '%s' is no number above 0 and up to %d", value, SECONDS_MAX);
	return 0;
}

static int set_depth(const char *value, struct burn_options *o, struct error *error)
{
	return set_whole("depth", value, 1, DEPTH_MAX, &o->depth, error);
}

static int set_threads(const char *value, struct burn_options *o, struct error *error)
{
	return set_whole("threads", value, 0, THREADS_MAX, &o->threads, error);
}

static int set_on(const char *value, struct burn_options *o, struct error *error)
{
	char item[16];

	memset(o->on, 0, sizeof(o->on));
	while (next_item(&value, item, sizeof(item))) {
		int64_t vcpu;
		int r = set_whole("on", item, 0, (int64_t)vcpu_count() - 1, &vcpu, error);

		if (r < 0)
			return r;
		o->on[vcpu] = o->has_on = true;
	}
	return o->has_on ? 0 : error_set_user(error, -EINVAL, "-on: no vCPU is named");
}

static int set_frame_pointers(const char *value, struct burn_options *o, struct error *error)
{
	static const struct {
		const char *name;
		const struct burn_set *set;
	} sets[] = {{"yes", &burn_framed}, {"no", &burn_frameless}, {"garbage", &burn_garbled}};

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		if (strcmp(value, sets[i].name) == 0) {
			o->set = sets[i].set;
			return 0;
		}
	return error_set_user(
		error, -EINVAL, "-frame-pointers: '%s' is not yes, no or garbage", value);
}

static int set_hostile(const char *value, struct burn_options *o, struct error *error)
{
	for (const struct hostile_mode *m = hostile_table; m->name; m++)
		if (strcmp(value, m->name) == 0) {
			o->hostile = m;
			return 0;
		}
	return error_set_user(error, -EINVAL,
		"-hostile: '%s' is not loop, range, unmapped, switch, sched-loop, sched-nowhere or sched-rewrite",
		value);
}

static int set_crash(const char *value, struct burn_options *o, struct error *error)
{
	for (const struct crash *c = crash_table; c->name; c++)
		if (strcmp(value, c->name) == 0) {
			o->crash = c->run;
			return 0;
		}
	return error_set_user(
		error, -EINVAL, "-crash: '%s' is not read, instruction, stack or hang", value);
}

static int set_pages(const char *value, struct burn_options *o, struct error *error)
{
	return set_whole("pages", value, 0, EXITS_MAX, &o->exits.pages, error);
}

static int set_msr_writes(const char *value, struct burn_options *o, struct error *error)
{
	return set_whole("msr-writes", value, 0, EXITS_MAX, &o->exits.writes, error);
}

static int set_wait(const char *value, struct burn_options *o, struct error *error)
{
	return set_whole("wait", value, 0, SECONDS_MAX * INT64_C(1000), &o->wait_ms, error);
}

static int set_wait_kernel(const char *value, struct burn_options *o, struct error *error)
{
	return set_whole(
		"wait-kernel", value, 0, SECONDS_MAX * INT64_C(1000), &o->wait_kernel_ms, error);
}

static const struct option option_table[] = {
	{"burn", set_burn},
	{"seconds", set_seconds},
	{"depth", set_depth},
	{"threads", set_threads},
	{"on", set_on},
	{"frame-pointers", set_frame_pointers},
	{"hostile", set_hostile},
	{"crash", set_crash},
	{"pages", set_pages},
	{"msr-writes", set_msr_writes},
	{"wait", set_wait},
	{"wait-kernel", set_wait_kernel},
};

/* The option that @word is, if it is one of ours; *ret_value points behind its "=", or is NULL. */
static const struct option *find(const char *word, const char **ret_value)
{
	size_t length;

	*ret_value = NULL;
	if (*word++ != '-')
		return NULL;
	word += *word == '-';
	length = strcspn(word, "=");
	for (size_t i = 0; i < ARRAY_SIZE(option_table); i++) {
		const char *name = option_table[i].name;

		if (strlen(name) != length || strncmp(name, word, length) != 0)
			continue;
		*ret_value = word[length] ? word + length + 1 : NULL;
		return &option_table[i];
	}
	return NULL;
}

/* What follows from several options together. */
static int check(struct burn_options *o, unsigned cores, struct error *error)
{
	unsigned sum = 0, burning = 0;

	if (cores > vcpu_count())
		return error_set_user(error, -ERANGE, "-cores: %u asked for, there are %u vCPUs",
			cores, vcpu_count());
	o->cores = cores ? cores : vcpu_count();
	for (unsigned i = 0; i < o->cores && !o->has_on; i++)
		o->on[i] = true;
	for (size_t i = 0; i < BURN_N_FUNCTIONS; i++)
		sum += o->weights[i];
	for (unsigned i = 0; i < VCPUS_MAX; i++)
		burning += o->on[i];
	if (sum == 0 && !o->crash)
		return error_set_user(error, -EINVAL, "-burn: no function has a weight");
	if ((o->exits.pages || o->exits.writes) && burning > 1)
		return error_set_user(error, -EINVAL,
			"-pages and -msr-writes: their numbers are of one vCPU, not of %u",
			burning);
	if (o->threads && o->threads < burning)
		return error_set_user(error, -EINVAL,
			"-threads: %ld are too few for %u vCPUs: a thread runs on one at a time",
			o->threads, burning);
	if (o->hostile && o->hostile->traps)
		o->set = &burn_garbled;
	return 0;
}

int burn_options_parse(int argc, char **argv, struct burn_options *ret, struct error *error)
{
	char *rest[WORDS_MAX + 1];
	struct options program;
	int n = 0, parsed, r = 0;

	*ret = (struct burn_options){.seconds = 1, .depth = 1, .set = &burn_framed};
	for (int i = 0; i < argc; i++) {
		const char *value;
		const struct option *o = i ? find(argv[i], &value) : NULL;

		if (!o) {
			if (n < WORDS_MAX)
				rest[n++] = argv[i];
			continue;
		}
		if (!value && i + 1 < argc)
			value = argv[++i];
		if (r == 0)
			r = value ? o->set(value, ret, error)
				  : error_set_user(error, -EINVAL, "-%s needs a value", o->name);
	}
	rest[n] = NULL;
	parsed = options_parse(n, rest, &program, r == 0 ? error : NULL);
	ret->markers = program.markers;
	if (r == 0)
		r = parsed;
	return r < 0 ? r : check(ret, program.cores, error);
}
