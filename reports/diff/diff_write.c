/* SPDX-License-Identifier: GPL-2.0-or-later */
/** What changed, as text, CSV and JSON. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/diff/diff.h"
#include "reports/text/csv.h"
#include "reports/text/format.h"
#include "reports/text/json.h"
#include "reports/text/text.h"

#define FUNCTIONS_SHOWN 15

/** Seconds, with a sign. */
static struct format_text signed_seconds(double ns)
{
	struct format_text t;

	snprintf(t.text, sizeof(t.text), "%+.3f", ns / 1e9);
	return t;
}

static void put_row(FILE *out, const char *name, const double ns[TREE_SIDES], double whole)
{
	double difference = ns[TREE_B] - ns[TREE_A];

	fprintf(out, "  %-12s%12s%12s%12s", name, format_seconds(ns[TREE_A]).text,
		format_seconds(ns[TREE_B]).text, signed_seconds(difference).text);
	if (whole != 0)
		fprintf(out, "%9.1f %%", 100 * difference / whole);
	fputc('\n', out);
}

static bool is_significant(const struct diff *d)
{
	const struct statistic *a = &d->pair.sides[TREE_A].cell->runtime_ns;
	const struct statistic *b = &d->pair.sides[TREE_B].cell->runtime_ns;

	return a->n >= 2 && b->n >= 2 && statistic_differ(a, b);
}

/* A share of what may be nothing means nothing. */
static void put_states(const struct diff *d, FILE *out)
{
	double whole = is_significant(d) ? d->runtime_ns[TREE_B] - d->runtime_ns[TREE_A] : 0;

	fprintf(out, "\n  %-12s%12s%12s%12s%11s\n", "state", "A", "B", "B - A",
		whole != 0 ? "share" : "");
	for (size_t i = 0; i < d->n_states; i++)
		put_row(out, d->states[i].name, d->states[i].ns, whole);
	put_row(out, "run time", d->runtime_ns, whole);
	fputs("  Seconds, mean over lanes and runs; the states sum to the run time.\n", out);
}

/** The name in @width columns, cut with an ellipsis. */
static void put_name(FILE *out, const char *name, size_t width)
{
	size_t n = 0, room = text_width(name) > width ? width - 1 : width;

	for (const char *p = name; *p; p++) {
		n += ((unsigned char)*p & 0xc0) != 0x80;
		if (n > room) {
			fputs("…", out);
			return;
		}
		fputc(*p, out);
	}
}

static void put_function(const struct diff_function *f, FILE *out)
{
	double difference = f->ns[TREE_B] - f->ns[TREE_A];
	char error[FORMAT_MAX] = "";

	if (f->on_cpu)
		snprintf(error, sizeof(error), "%.3f", f->error_ns / 1e9);
	fprintf(out, "  %12s%10s%10s%10s  %-4s", signed_seconds(difference).text, error,
		format_seconds(f->ns[TREE_A]).text, format_seconds(f->ns[TREE_B]).text,
		f->on_cpu ? "on" : "off");
	put_name(out, f->symbol, 50);
	fputc('\n', out);
}

static void put_functions(const struct diff *d, FILE *out)
{
	double rest[TREE_SIDES] = {};

	if (d->n_functions == 0) {
		fputs("\n  No samples: what functions take is not known.\n", out);
		return;
	}
	fprintf(out, "\n  %12s%10s%10s%10s  %-4sfunction\n", "B - A", "±", "A", "B", "CPU");
	for (size_t i = 0; i < d->n_functions; i++) {
		if (i < FUNCTIONS_SHOWN) {
			put_function(&d->functions[i], out);
			continue;
		}
		rest[TREE_A] += d->functions[i].ns[TREE_A];
		rest[TREE_B] += d->functions[i].ns[TREE_B];
	}
	if (d->n_functions > FUNCTIONS_SHOWN)
		fprintf(out, "  %12s%10s%10s%10s      %zu others\n",
			signed_seconds(rest[TREE_B] - rest[TREE_A]).text, "",
			format_seconds(rest[TREE_A]).text, format_seconds(rest[TREE_B]).text,
			d->n_functions - FUNCTIONS_SHOWN);
	fprintf(out, "  %12s%10s%10s%10s      in no stack\n",
		signed_seconds(d->unsampled_ns[TREE_B] - d->unsampled_ns[TREE_A]).text, "",
		format_seconds(d->unsampled_ns[TREE_A]).text,
		format_seconds(d->unsampled_ns[TREE_B]).text);
	fputs("  Own time of functions in seconds, per run and lane; these rows, too, sum to the "
	      "run time. On\n  the CPU by sampling (± its 95 % interval), off the CPU as "
	      "measured.\n",
		out);
}

int diff_write_text(const struct diff *d, FILE *out)
{
	const struct diff_operand *a = &d->pair.sides[TREE_A], *b = &d->pair.sides[TREE_B];
	char why[512];

	fprintf(out, "A: %s, %lld %s, %zu %s of %s\nB: %s, %lld %s, %zu %s of %s\n", a->name,
		(long long)a->cell->cores, cores_word(a->cell->cores, a->cell->scenario),
		a->cell->n_ok, a->cell->n_ok == 1 ? "run" : "runs", a->cell->scenario, b->name,
		(long long)b->cell->cores, cores_word(b->cell->cores, b->cell->scenario),
		b->cell->n_ok, b->cell->n_ok == 1 ? "run" : "runs", b->cell->scenario);
	diff_workloads(&d->pair, why, sizeof(why));
	if (*why)
		fprintf(out, "Attention: %s.\n", why);
	if (!(d->runtime_ns[TREE_A] > 0))
		fprintf(out, "A has no run time to compare with");
	else if (d->runtime_ns[TREE_B] >= 2 * d->runtime_ns[TREE_A])
		fprintf(out, "B takes %.3g times as long as A",
			d->runtime_ns[TREE_B] / d->runtime_ns[TREE_A]);
	else
		fprintf(out, "B takes %s %% of A's run time",
			format_percent(d->runtime_ns[TREE_B], d->runtime_ns[TREE_A]).text);
	fprintf(out, "%s.\n",
		a->cell->runtime_ns.n < 2 || b->cell->runtime_ns.n < 2
			? "; significance is not known from single runs"
		: is_significant(d) ? ", a significant difference (Welch's test, 5 %)"
				    : ", not a significant difference (Welch's test, 5 %)");
	put_states(d, out);
	put_functions(d, out);
	return ferror(out) ? -EIO : 0;
}

static void put_pair(const struct diff *d, FILE *out)
{
	csv_text(out, d->pair.sides[TREE_A].name);
	fputc(',', out);
	csv_text(out, d->pair.sides[TREE_B].name);
	csv_number(out, d->pair.sides[TREE_A].cell->cores);
	csv_number(out, d->pair.sides[TREE_B].cell->cores);
	fputc(',', out);
}

static void put_times(const double ns[TREE_SIDES], FILE *out)
{
	csv_seconds(out, ns[TREE_A]);
	csv_seconds(out, ns[TREE_B]);
	csv_seconds(out, ns[TREE_B] - ns[TREE_A]);
}

int diff_write_states_csv(const struct diff *d, bool heading, FILE *out)
{
	if (heading)
		fputs("a,b,a_cores,b_cores,state,a_s,b_s,difference_s\n", out);
	for (size_t i = 0; i < d->n_states; i++) {
		put_pair(d, out);
		csv_text(out, d->states[i].name);
		put_times(d->states[i].ns, out);
		fputc('\n', out);
	}
	put_pair(d, out);
	fputs("runtime", out);
	put_times(d->runtime_ns, out);
	fputc('\n', out);
	return ferror(out) ? -EIO : 0;
}

int diff_write_functions_csv(const struct diff *d, bool heading, FILE *out)
{
	if (heading)
		fputs("a,b,a_cores,b_cores,function,module,cpu,a_s,b_s,difference_s,error_s,"
		      "a_samples,b_samples\n",
			out);
	for (size_t i = 0; i < d->n_functions; i++) {
		const struct diff_function *f = &d->functions[i];

		put_pair(d, out);
		csv_text(out, f->symbol);
		fputc(',', out);
		csv_text(out, f->module);
		fputs(f->on_cpu ? ",on" : ",off", out);
		put_times(f->ns, out);
		csv_seconds(out, f->error_ns);
		csv_number(out, (int64_t)f->samples[TREE_A]);
		csv_number(out, (int64_t)f->samples[TREE_B]);
		fputc('\n', out);
	}
	put_pair(d, out);
	fputs("[in no stack],,", out);
	put_times(d->unsampled_ns, out);
	fputs(",,,\n", out);
	return ferror(out) ? -EIO : 0;
}

static json_t *both(const double ns[TREE_SIDES])
{
	json_t *o = json_object();
	bool bad = !o;

	bad |= put(o, "a_ns", real(ns[TREE_A]));
	bad |= put(o, "b_ns", real(ns[TREE_B]));
	bad |= put(o, "difference_ns", real(ns[TREE_B] - ns[TREE_A]));
	return finish(o, bad);
}

static json_t *operand(const struct diff_operand *o)
{
	json_t *object = json_object();
	bool bad = !object;

	bad |= put(object, "name", text(o->name));
	bad |= put(object, "guest", text(o->cell->guest));
	bad |= put(object, "cores", number(o->cell->cores));
	bad |= put(object, "scenario", text(o->cell->scenario));
	bad |= put(object, "runs", number((int64_t)o->cell->n_ok));
	return finish(object, bad);
}

static json_t *functions(const struct diff *d)
{
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; i < d->n_functions; i++) {
		const struct diff_function *f = &d->functions[i];
		json_t *o = both(f->ns);

		bad |= !o || put(o, "function", text(f->symbol));
		bad |= !o || put(o, "module", text(f->module));
		bad |= !o || put(o, "on_cpu", json_boolean(f->on_cpu));
		bad |= !o || put(o, "error_ns", real(f->error_ns));
		bad |= !o || put(o, "a_sum_ns", number((int64_t)f->sum_ns[TREE_A]));
		bad |= !o || put(o, "b_sum_ns", number((int64_t)f->sum_ns[TREE_B]));
		bad |= !o || put(o, "a_samples", number((int64_t)f->samples[TREE_A]));
		bad |= !o || put(o, "b_samples", number((int64_t)f->samples[TREE_B]));
		bad |= json_array_append_new(array, o) < 0;
	}
	return finish(array, bad);
}

json_t *diff_json(const struct diff *d)
{
	json_t *o = json_object(), *states = json_array();
	char why[512];
	bool bad = !o || !states;

	diff_workloads(&d->pair, why, sizeof(why));
	for (size_t i = 0; i < d->n_states; i++) {
		json_t *state = both(d->states[i].ns);

		bad |= !state || put(state, "state", text(d->states[i].name));
		bad |= !state || put(state, "exact", json_boolean(d->states[i].exact));
		bad |= json_array_append_new(states, state) < 0;
	}
	bad |= put(o, "a", operand(&d->pair.sides[TREE_A]));
	bad |= put(o, "b", operand(&d->pair.sides[TREE_B]));
	bad |= put(o, "not_comparable", *why ? text(why) : json_null());
	bad |= put(o, "runtime", both(d->runtime_ns));
	bad |= put(o, "states", states);
	bad |= put(o, "functions", functions(d));
	bad |= put(o, "unsampled", both(d->unsampled_ns));
	return finish(o, bad);
}
