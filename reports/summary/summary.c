/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/summary/summary.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/summary/summary_internal.h"
#include "reports/text/text.h"

/* With the rest of the name below what file systems take. */
#define FILE_NAME_BYTES 180

struct book_series *configuration_phase(const struct configuration *configuration, const char *name)
{
	for (size_t i = 0; configuration && i < configuration->n_phases; i++)
		if (same_text(configuration->series.phases[i].name, name))
			return &configuration->series.phases[i];
	return NULL;
}

bool configurations_are_same(const struct configuration *a, const struct configuration *b)
{
	return a->cores == b->cores && same_text(a->guest, b->guest) &&
	       same_text(a->variant, b->variant) && same_text(a->scenario, b->scenario) &&
	       same_text(a->label, b->label);
}

const struct store_run *configuration_median(const struct configuration *configuration)
{
	const struct run_series *series = &configuration->series;

	for (size_t i = 0; i < series->n; i++) {
		size_t less = 0, equal = 0, middle = (series->n - 1) / 2;

		for (size_t k = 0; k < series->n; k++) {
			less += series->runtime_ns[k] < series->runtime_ns[i];
			equal += series->runtime_ns[k] == series->runtime_ns[i];
		}
		if (less <= middle && middle < less + equal)
			return series->runs[i];
	}
	return NULL;
}

const char *state_label(int state)
{
	return state < 0 ? NULL : term_info(state)->name;
}

bool phase_is_outside(const char *name)
{
	return strcmp(name, "boot") == 0;
}

void summary_free(struct summary *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_configurations; i++) {
		series_clear(&s->configurations[i].series, s->configurations[i].n_phases);
		free(s->configurations[i].own_name);
		free(s->configurations[i].own_file_name);
		free(s->configurations[i].words);
		free(s->configurations[i].phases);
		free(s->configurations[i].phase_ns);
		free(s->configurations[i].details);
		for (size_t j = 0; j < s->configurations[i].n_metrics; j++)
			free(s->configurations[i].metrics[j].values);
		free(s->configurations[i].metrics);
		free(s->configurations[i].threads);
		free(s->configurations[i].stack_ends.list);
		free(s->configurations[i].stack_modules.list);
		free(s->configurations[i].processes);
		free(s->configurations[i].work);
		free(s->configurations[i].queueing);
		free(s->configurations[i].detours);
	}
	summary_clear_failures(s);
	free(s->runs);
	free(s->configurations);
	free(s);
}

bool configuration_is_noise(const struct configuration *configuration)
{
	return configuration->scenario &&
	       strncmp(configuration->scenario, SUMMARY_NOISE, strlen(SUMMARY_NOISE)) == 0;
}

bool configuration_counts(const struct configuration *configuration, const struct store_run *run)
{
	return run->ok && run->counted && configuration_has(configuration, run);
}

struct configuration *summary_configuration(const struct summary *s, const struct store_run *run)
{
	for (size_t i = 0; i < s->n_configurations; i++)
		if (configuration_has(&s->configurations[i], run))
			return &s->configurations[i];
	return NULL;
}

/** The configuration of a run that counts, or NULL. */
static struct configuration *configuration_of(
	const struct summary *s, int64_t run_id, const struct store_run **ret)
{
	const struct store_run *run = store_run(s->store, run_id);

	if (!run || !run->ok || !run->counted)
		return NULL;
	if (ret)
		*ret = run;
	return summary_configuration(s, run);
}

const struct configuration *summary_configuration_of(const struct summary *s, int64_t run)
{
	return configuration_of(s, run, NULL);
}

static void add_time(struct statistic *s, int64_t ns)
{
	if (ns != STORE_NULL)
		statistic_add(s, (double)ns);
}

static void add_run(
	struct summary *s, struct configuration *configuration, const struct store_run *run)
{
	if (!run->counted) {
		configuration->n_warmups++;
		s->n_warmups++;
		return;
	}
	configuration->n_runs++;
	s->n_runs++;
	if (run->lost_events != STORE_NULL)
		configuration->lost_events += run->lost_events;
	if (!run->ok)
		return;
	configuration->n_ok++;
	s->n_ok++;
	configuration->n_closed += run->closed == 1;
	configuration->n_audited += run->audited == 1;
	configuration->n_not_audited += run->audited == STORE_NULL;
	add_time(&configuration->boot_ns, run->boot_ns);
	add_time(&configuration->runtime_ns, run->runtime_ns);
	add_time(&configuration->guest_runtime_ns, run->guest_runtime_ns);
	add_time(&configuration->residual_ns, run->residual_ns);
}

/** The customary order of stacks, from the fewest layers to the most; others follow by name. */
static const char *const stack_order[] = {
	"native", "docker", "podman", "bare", "osv", "nanos", "linux-minimal", "linux"};

static size_t stack_rank(const char *guest)
{
	for (size_t i = 0; i < ARRAY_SIZE(stack_order); i++) {
		size_t n = strlen(stack_order[i]);

		/* In merged stores a stack is called "<guest>@<folder>". */
		if (strncmp(guest, stack_order[i], n) == 0 && (guest[n] == '\0' || guest[n] == '@'))
			return i;
	}
	return ARRAY_SIZE(stack_order);
}

static int compare_configurations(const void *a, const void *b)
{
	const struct configuration *x = a, *y = b;

	if (x->scenario != y->scenario)
		return strcmp(x->scenario, y->scenario);
	if (x->cores != y->cores)
		return x->cores < y->cores ? -1 : 1;
	if (stack_rank(x->guest) != stack_rank(y->guest))
		return stack_rank(x->guest) < stack_rank(y->guest) ? -1 : 1;
	if (x->guest != y->guest)
		return strcmp(x->guest, y->guest);
	if (x->variant != y->variant)
		return strverscmp(x->variant, y->variant);
	return strcmp(x->label, y->label);
}

static bool file_name_is_taken(const struct summary *s, size_t n, const char *name)
{
	for (size_t j = 0; j < n; j++)
		if (strcmp(s->configurations[j].file_name, name) == 0)
			return true;
	return false;
}

/** Of the names of @n configurations, none the same as this one's, whatever it is made of. */
static int name_file(const struct summary *s, size_t n)
{
	struct configuration *configuration = &s->configurations[n];

	for (unsigned turn = 1;; turn++) {
		char number[16] = "";

		if (turn > 1)
			snprintf(number, sizeof(number), "~%u", turn);
		free(configuration->own_file_name);
		if (asprintf(&configuration->own_file_name, "%.*s%s", FILE_NAME_BYTES,
			    configuration->name, number) < 0) {
			configuration->own_file_name = NULL;
			return -ENOMEM;
		}
		text_clean_file_name(configuration->own_file_name);
		if (!file_name_is_taken(s, n, configuration->own_file_name))
			break;
	}
	configuration->file_name = configuration->own_file_name;
	return 0;
}

/** One name for all configurations that differ in their cores alone. */
static int name_configuration(const struct summary *s, size_t i, bool several)
{
	struct configuration *configuration = &s->configurations[i];
	_cleanup_free_ char *stack = NULL;

	for (size_t j = 0; j < i && !configuration->name; j++)
		if (configurations_are_kin(&s->configurations[j], configuration)) {
			configuration->name = s->configurations[j].name;
			configuration->file_name = s->configurations[j].file_name;
		}
	if (configuration->name)
		return 0;
	stack = text_stack(configuration->guest, configuration->variant, configuration->label);
	if (!stack || asprintf(&configuration->own_name, "%s%s%s", stack, several ? " " : "",
			      several ? configuration->scenario : "") < 0) {
		configuration->own_name = NULL;
		return -ENOMEM;
	}
	configuration->name = configuration->own_name;
	return name_file(s, i);
}

/** What tells a configuration from the others of its cores: the stack, the variant, the label; the scenario
 * only where there are several. */
static int name_configurations(struct summary *s)
{
	bool several = false;
	int r = 0;

	for (size_t i = 1; i < s->n_configurations; i++)
		several |= s->configurations[i].scenario != s->configurations[0].scenario;
	for (size_t i = 0; i < s->n_configurations && r >= 0; i++)
		r = name_configuration(s, i, several);
	return r;
}

static int make_configurations(struct summary *s)
{
	const struct store_tables *t = store_tables(s->store);

	s->configurations = calloc(t->n_runs + 1, sizeof(*s->configurations));
	if (!s->configurations)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_runs; i++) {
		const struct store_run *run = &t->runs[i];
		struct configuration *configuration = summary_configuration(s, run);

		if (!configuration) {
			configuration = &s->configurations[s->n_configurations++];
			*configuration = (struct configuration){.guest = run->guest,
				.cores = run->cores,
				.scenario = run->scenario,
				.label = run->label,
				.variant = run->variant,
				.words = variant_words(s->store, run),
				.weak = run_is_weak(s->store, run),
				.accel = run->accel,
				.window.name = "window",
				.audit_worst = NAN};
		}
		add_run(s, configuration, run);
	}
	qsort(s->configurations, s->n_configurations, sizeof(*s->configurations),
		compare_configurations);
	return name_configurations(s);
}

static struct book *find_phase(struct configuration *configuration, const char *name)
{
	for (size_t i = 0; i < configuration->n_phases; i++)
		if (configuration->phases[i].name == name)
			return &configuration->phases[i];
	return NULL;
}

static struct book *add_phase(struct configuration *configuration, const char *name)
{
	if (ARRAY_MORE(configuration->phases, configuration->n_phases, 1) < 0 ||
		ARRAY_MORE(configuration->phase_ns, configuration->n_phases, 1) < 0)
		return NULL;
	configuration->phases[configuration->n_phases] = (struct book){.name = name};
	configuration->phase_ns[configuration->n_phases] = (struct statistic){};
	return &configuration->phases[configuration->n_phases++];
}

/** Walls of phases: the whole that the books have to fill. */
static int add_phases(struct summary *s)
{
	const struct store_tables *t = store_tables(s->store);

	for (size_t i = 0; i < t->n_phases; i++) {
		const struct store_phase *phase = &t->phases[i];
		const struct store_run *run = NULL;
		struct configuration *configuration = configuration_of(s, phase->run, &run);
		double wall = (double)phase->end_ns - (double)phase->start_ns;
		struct book *book;

		if (!configuration || phase->start_ns == STORE_NULL || phase->end_ns == STORE_NULL)
			continue;
		book = find_phase(configuration, phase->name);
		if (!book)
			book = add_phase(configuration, phase->name);
		if (!book)
			return -ENOMEM;
		book->n_runs++;
		book->lane_time_ns += wall * (double)run->cores;
		statistic_add(&configuration->phase_ns[book - configuration->phases], wall);
		if (!phase_is_outside(phase->name))
			configuration->window.lane_time_ns += wall * (double)run->cores;
	}
	return 0;
}

/** Sums over the runs into means, and what the states leave of the whole into the residual. */
static void fill_book(struct book *book, const struct book_series *series, size_t n_series)
{
	double n = book->n_runs ? (double)book->n_runs : 1, sum = 0;

	book->has_accounts = series->accounted;
	book->lane_time_ns /= n;
	for (size_t i = 0; i < series->n_helpers; i++)
		for (size_t run = 0; run < n_series; run++)
			book->helper_ns += series->helpers[i].ns[run];
	book->helper_ns /= n;
	for (int k = 0; k < STATE_COUNT; k++) {
		for (size_t run = 0; run < n_series; run++)
			book->state_ns[k] += series->term_ns[k][run];
		book->state_ns[k] /= n;
		book->sampled[k] = series->sampled[k];
		sum += book->state_ns[k];
	}
	book->residual_ns = book->lane_time_ns - sum;
	/* Sums of means are rounded; a nanosecond is the least that can be missing. */
	if (fabs(book->residual_ns) < 0.5)
		book->residual_ns = 0;
}

static void fill_books(struct summary *s)
{
	for (size_t i = 0; i < s->n_configurations; i++) {
		struct configuration *configuration = &s->configurations[i];
		const struct run_series *series = &configuration->series;

		configuration->window.n_runs = configuration->n_ok;
		fill_book(&configuration->window, &series->window, series->n);
		for (size_t j = 0; j < configuration->n_phases; j++)
			fill_book(&configuration->phases[j], &series->phases[j], series->n);
		for (int k = 0; k < STATE_COUNT; k++)
			s->state_used[k] |= configuration->window.state_ns[k] > 0;
	}
}

static void add_audits(struct summary *s)
{
	const struct store_tables *t = store_tables(s->store);

	for (size_t i = 0; i < t->n_audits; i++) {
		const struct store_audit *audit = &t->audits[i];
		struct configuration *configuration = configuration_of(s, audit->run, NULL);
		double ratio;

		if (!configuration || audit->bound_ns == STORE_NULL || audit->bound_ns <= 0)
			continue;
		ratio = fabs((double)audit->books_ns - (double)audit->other_ns) /
			(double)audit->bound_ns;
		if (isnan(configuration->audit_worst) || ratio > configuration->audit_worst) {
			configuration->audit_worst = ratio;
			configuration->audit_farthest = audit;
		}
	}
}

int summary_make(struct store_reader *store, struct summary **ret)
{
	_cleanup_summary_ struct summary *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->store = store;
	r = make_configurations(s);
	if (r >= 0)
		r = add_phases(s);
	if (r >= 0)
		r = summary_make_series(s);
	if (r >= 0)
		r = summary_make_metrics(s);
	if (r == 0)
		r = summary_make_threads(s);
	if (r >= 0)
		r = summary_make_stacks(s);
	if (r >= 0)
		r = summary_make_processes(s);
	if (r >= 0)
		r = summary_make_sched(s);
	if (r >= 0)
		r = summary_make_queues(s);
	if (r >= 0)
		r = summary_make_failures(s);
	if (r >= 0)
		r = summary_make_terms(s);
	if (r >= 0)
		r = summary_make_detours(s);
	if (r >= 0)
		r = summary_make_details(s);
	if (r < 0)
		return r;
	fill_books(s);
	add_audits(s);
	*ret = TAKE_PTR(s);
	return 0;
}
