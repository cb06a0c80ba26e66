/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/reference/reference.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/program_folder.h"
#include "reports/reference/csv_file.h"

#define CORES_MAX      65536
#define REPETITION_MAX 1000000
#define SECONDS_MAX    1e9

const struct claim_info claim_table[CLAIM_COUNT] = {
	[CLAIM_SPEEDUP] = {"speedup", "speed-up", "", 2},
	[CLAIM_EFFICIENCY] = {"efficiency_percent", "efficiency", " %", 1},
	[CLAIM_STDDEV] = {"stddev_seconds", "standard deviation", " s", 2},
	[CLAIM_BOOT] = {"boot_seconds", "boot", " s", 3},
	[CLAIM_MEAN] = {"mean_seconds", "mean run time", " s", 2},
};

/** A run as it stands in the file. */
struct row {
	const char *stack;
	const char *scenario;
	int64_t cores;
	int64_t repetition;
	double seconds;
	size_t line;
};

struct loader {
	struct reference *reference;
	const char *path;
	const struct csv_table *table;
	struct error *error;
};

static int out_of_memory(const struct loader *l)
{
	return error_set_errno(l->error, -ENOMEM, "cannot read %s", l->path);
}

/** Find @n columns by name; a message names the first that is missing. */
static int find_columns(const struct loader *l, const char *const *names, size_t n, int *ret)
{
	for (size_t i = 0; i < n; i++) {
		ret[i] = csv_column(l->table, names[i]);
		if (ret[i] < 0)
			return error_set(
				l->error, -EBADMSG, "%s has no column \"%s\"", l->path, names[i]);
	}
	return 0;
}

static int bad_field(const struct loader *l, size_t line, const char *what, const char *text)
{
	struct intern clean = {};
	const char *shown = text_intern(&clean, text, strnlen(text, 40), false);
	int r = error_set(l->error, -EBADMSG, "%s, line %zu: %s \"%s\"", l->path, line, what,
		shown ? shown : "");

	intern_clear(&clean);
	return r;
}

static bool take_integer(const char *text, int64_t max, int64_t *ret)
{
	char *end;
	long long v;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	v = strtoll(text, &end, 10);
	*ret = v;
	return errno == 0 && *end == '\0' && v >= 1 && v <= max;
}

/** A plain decimal number above zero: no "inf", no hexadecimal. */
static bool take_number(const char *text, double *ret)
{
	char *end;

	if (!*text || text[strspn(text, "0123456789.eE+-")] != '\0')
		return false;
	*ret = strtod(text, &end);
	return *end == '\0' && isfinite(*ret) && *ret > 0 && *ret < SECONDS_MAX;
}

static const char *keep(const struct loader *l, const char *text)
{
	return text_intern(&l->reference->strings, text, strlen(text), false);
}

static int read_run(const struct loader *l, size_t i, const int *columns, struct row *row)
{
	const char *stack = csv_field(l->table, i, columns[0]);
	const char *scenario = csv_field(l->table, i, columns[1]);
	const char *cores = csv_field(l->table, i, columns[2]);
	const char *repetition = csv_field(l->table, i, columns[3]);
	const char *seconds = csv_field(l->table, i, columns[4]);
	size_t line = l->table->lines[i + 1];

	row->line = line;
	row->stack = keep(l, stack);
	row->scenario = keep(l, scenario);
	if (!row->stack || !row->scenario)
		return out_of_memory(l);
	if (!*stack)
		return bad_field(l, line, "no stack", stack);
	if (!take_integer(cores, CORES_MAX, &row->cores))
		return bad_field(l, line, "bad number of cores", cores);
	if (!take_integer(repetition, REPETITION_MAX, &row->repetition))
		return bad_field(l, line, "bad repetition", repetition);
	if (!take_number(seconds, &row->seconds))
		return bad_field(l, line, "bad number of seconds", seconds);
	return 0;
}

static struct reference_configuration *configuration_for(struct reference *r, const struct row *row)
{
	struct reference_configuration *configuration;

	for (size_t i = 0; i < r->n_configurations; i++)
		if (r->configurations[i].stack == row->stack &&
			r->configurations[i].scenario == row->scenario &&
			r->configurations[i].cores == row->cores)
			return &r->configurations[i];
	configuration = ARRAY_PUSH(r->configurations, r->n_configurations);
	if (configuration)
		*configuration = (struct reference_configuration){
			.stack = row->stack, .scenario = row->scenario, .cores = row->cores};
	return configuration;
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->repetition != y->repetition)
		return x->repetition < y->repetition ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/** Put the runs, sorted by repetition, into their configurations. */
static int fill_configurations(const struct loader *l, const struct row *rows, size_t n)
{
	int64_t *last = calloc(n, sizeof(*last)); /* by configuration */
	int r = last ? 0 : out_of_memory(l);

	for (size_t i = 0; i < n && r >= 0; i++) {
		struct reference_configuration *configuration =
			configuration_for(l->reference, &rows[i]);
		size_t at;

		if (!configuration ||
			ARRAY_ADD(configuration->seconds, configuration->n, rows[i].seconds) < 0) {
			r = out_of_memory(l);
			break;
		}
		at = (size_t)(configuration - l->reference->configurations);
		if (last[at] == rows[i].repetition)
			r = error_set(l->error, -EBADMSG,
				"%s, line %zu: repetition %lld is there twice", l->path,
				rows[i].line, (long long)rows[i].repetition);
		last[at] = rows[i].repetition;
	}
	free(last);
	return r;
}

static int compare_configurations(const void *a, const void *b)
{
	const struct reference_configuration *x = a, *y = b;
	int r = strcmp(x->scenario, y->scenario);

	if (r == 0)
		r = strcmp(x->stack, y->stack);
	return r ? r : x->cores < y->cores ? -1 : x->cores > y->cores;
}

static int load_runs(struct loader *l)
{
	static const char *const names[] = {"stack", "scenario", "cores", "repetition", "seconds"};
	int columns[ARRAY_SIZE(names)], r = find_columns(l, names, ARRAY_SIZE(names), columns);
	size_t n = l->table->n_rows;
	_cleanup_free_ struct row *rows = NULL;

	if (r < 0)
		return r;
	if (n == 0)
		return error_set(l->error, -EBADMSG, "%s has no runs", l->path);
	rows = calloc(n, sizeof(*rows));
	if (!rows)
		return out_of_memory(l);
	for (size_t i = 0; i < n; i++) {
		r = read_run(l, i, columns, &rows[i]);
		if (r < 0)
			return r;
	}
	qsort(rows, n, sizeof(*rows), compare_rows);
	r = fill_configurations(l, rows, n);
	if (r >= 0)
		qsort(l->reference->configurations, l->reference->n_configurations,
			sizeof(*l->reference->configurations), compare_configurations);
	return r;
}

/** "", "8" or "4-8". */
static bool take_range(const char *text, int64_t *ret_low, int64_t *ret_high)
{
	const char *dash = strchr(text, '-');
	char low[16] = "";

	*ret_low = *ret_high = 0;
	if (!*text)
		return true;
	if (!dash) {
		bool good = take_integer(text, CORES_MAX, ret_low);

		*ret_high = *ret_low;
		return good;
	}
	if ((size_t)(dash - text) >= sizeof(low))
		return false;
	memcpy(low, text, (size_t)(dash - text));
	return take_integer(low, CORES_MAX, ret_low) &&
	       take_integer(dash + 1, CORES_MAX, ret_high) && *ret_low < *ret_high;
}

static int claim_kind(const char *name)
{
	for (int i = 0; i < CLAIM_COUNT; i++)
		if (strcmp(claim_table[i].name, name) == 0)
			return i;
	return -ENOENT;
}

/** Half a unit of the last digit of @text: 0.005 for "2.80", 0.5 for "40". */
static double rounding_of(const char *text)
{
	const char *point = strchr(text, '.');

	return 0.5 * pow(10, point ? -(double)strspn(point + 1, "0123456789") : 0);
}

static int read_claim(
	const struct loader *l, size_t i, const int *columns, struct reference_claim *claim)
{
	const char *cores = csv_field(l->table, i, columns[2]);
	const char *what = csv_field(l->table, i, columns[3]);
	const char *value = csv_field(l->table, i, columns[4]);
	size_t line = l->table->lines[i + 1];
	int kind = claim_kind(what);

	if (kind < 0)
		return bad_field(l, line, "nothing is known of", what);
	if (!take_range(cores, &claim->cores_low, &claim->cores_high))
		return bad_field(l, line, "bad number of cores", cores);
	if (!take_number(value, &claim->value))
		return bad_field(l, line, "bad value", value);
	claim->kind = (enum claim_kind)kind;
	claim->rounding = rounding_of(value);
	claim->stack = keep(l, csv_field(l->table, i, columns[0]));
	claim->scenario = keep(l, csv_field(l->table, i, columns[1]));
	claim->text = keep(l, value);
	return claim->stack && claim->scenario && claim->text ? 0 : out_of_memory(l);
}

static int load_claims(struct loader *l)
{
	static const char *const names[] = {"stack", "scenario", "cores", "what", "value"};
	int columns[ARRAY_SIZE(names)], r = find_columns(l, names, ARRAY_SIZE(names), columns);
	size_t n = l->table->n_rows;

	if (r < 0)
		return r;
	l->reference->claims = calloc(n + 1, sizeof(*l->reference->claims));
	if (!l->reference->claims)
		return out_of_memory(l);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = read_claim(l, i, columns, &l->reference->claims[i]);
	l->reference->n_claims = n;
	return r;
}

/** The file of a reference that comes with guestscope, beside this program or installed. */
static int find_shipped(const char *name, char **ret, struct error *error)
{
	static const char *const places[] = {"reference/", "../share/guestscope/reference/", NULL};
	_cleanup_free_ char *file = NULL;
	int r;

	if (asprintf(&file, "%s.csv", name) < 0) {
		file = NULL;
		return error_set_errno(error, -ENOMEM, "reference %s", name);
	}
	r = program_folder_find(places, file, R_OK, ret);
	return r == -ENOENT ? error_set(error, r,
				      "there is no reference \"%s\": name a CSV file, or "
				      "selvacoumar2023",
				      name)
			    : r;
}

static int find_file(const char *name, char **ret, struct error *error)
{
	size_t n = strlen(name);

	if (strchr(name, '/') || (n > 4 && strcmp(name + n - 4, ".csv") == 0) || n == 0) {
		*ret = strdup(name);
		return *ret ? 0 : error_set_errno(error, -ENOMEM, "reference %s", name);
	}
	return find_shipped(name, ret, error);
}

/** The file's name without folder and ".csv", up to @ret_stem in @path. */
static const char *base_name(const char *path, size_t *ret_length)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t n = strlen(base);

	*ret_length = n > 4 && strcmp(base + n - 4, ".csv") == 0 ? n - 4 : n;
	return base;
}

static int open_claims(struct loader *l)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_csv_ struct csv_table *table = NULL;
	size_t n = 0;
	const char *base = base_name(l->path, &n);
	int r;

	if (asprintf(&path, "%.*s-claims.csv", (int)(base - l->path + (ptrdiff_t)n), l->path) < 0) {
		path = NULL;
		return out_of_memory(l);
	}
	if (access(path, F_OK) < 0)
		return 0;
	r = csv_table_read(path, &table, l->error);
	if (r < 0)
		return r;
	l->path = path;
	l->table = table;
	return load_claims(l);
}

int reference_open(const char *name, struct reference **ret, struct error *error)
{
	_cleanup_reference_ struct reference *reference = calloc(1, sizeof(*reference));
	struct loader l = {.reference = reference, .path = name, .error = error};
	_cleanup_csv_ struct csv_table *table = NULL;
	_cleanup_free_ char *path = NULL;
	const char *base;
	size_t n = 0;
	int r;

	if (!reference)
		return out_of_memory(&l);
	r = find_file(name, &path, error);
	if (r >= 0)
		r = csv_table_read(path, &table, error);
	if (r < 0)
		return r;
	l.path = path;
	l.table = table;
	reference->source = keep(&l, table->comment);
	base = base_name(path, &n);
	reference->name = text_intern(&reference->strings, base, n, false);
	if (!reference->source || !reference->name)
		return out_of_memory(&l);
	r = load_runs(&l);
	if (r >= 0)
		r = open_claims(&l);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(reference);
	return 0;
}

void reference_free(struct reference *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_configurations; i++)
		free(r->configurations[i].seconds);
	free(r->configurations);
	free(r->claims);
	intern_clear(&r->strings);
	free(r);
}

const struct reference_configuration *reference_configuration(
	const struct reference *r, const char *stack, const char *scenario, int64_t cores)
{
	for (size_t i = 0; i < r->n_configurations; i++)
		if (r->configurations[i].cores == cores &&
			strcmp(r->configurations[i].stack, stack) == 0 &&
			strcmp(r->configurations[i].scenario, scenario) == 0)
			return &r->configurations[i];
	return NULL;
}

const struct reference_claim *reference_claim(const struct reference *r, enum claim_kind kind,
	const char *stack, const char *scenario, int64_t cores)
{
	for (size_t i = 0; i < r->n_claims; i++) {
		const struct reference_claim *claim = &r->claims[i];

		if (claim->kind == kind && claim->cores_low == cores &&
			claim->cores_high == cores && strcmp(claim->stack, stack) == 0 &&
			strcmp(claim->scenario, scenario) == 0)
			return claim;
	}
	return NULL;
}
