/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/experiment.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/counters.h"
#include "collector/machine.h"
#include "collector/plan.h"
#include "collector/progress.h"
#include "collector/store_writer.h"
#include "collector/workload_path.h"
#include "common/cleanup.h"
#include "guests/keeper.h"
#include "guests/tree.h"
#include "reports/report.h"

struct experiment {
	const struct options *o;
	const struct topology *topology;
	struct placement *placements; /**< one for each number of cores */
	unsigned *cores;
	size_t n_cores;
	struct attach *attach; /**< or NULL */
	struct plan plan;
	uint64_t seed;
	enum accel accel[OPTIONS_LIST_MAX]; /**< one for each guest */
	char accel_note[256];               /**< why virtual machines are emulated, if they are */
	char *program;
	char *work_dir;
	char *output;
	char *log_dir;
	struct keeper *keeper;
	struct symbols *names;
	struct store_writer *store;
	json_t *versions; /**< by guest: what each stack says of itself */
	struct run_settings settings;
};

static int place_lanes(struct experiment *x, struct error *error)
{
	unsigned all = topology_counts(x->topology)->pus_allowed;

	x->n_cores = x->o->n_cores ? x->o->n_cores : 1;
	x->cores = calloc(x->n_cores, sizeof(*x->cores));
	x->placements = calloc(x->n_cores, sizeof(*x->placements));
	if (!x->cores || !x->placements)
		return -ENOMEM;
	for (size_t i = 0; i < x->n_cores; i++) {
		int r;

		x->cores[i] = x->o->n_cores ? x->o->cores[i] : all;
		r = topology_place(x->topology, x->cores[i], x->o->pin, &x->placements[i], error);
		if (r < 0)
			return r;
	}
	return 0;
}

static struct guest_spec trial_spec(const struct experiment *x, enum accel accel)
{
	return (struct guest_spec){
		.lanes = x->cores[0],
		.program = x->program,
		.arguments = x->o->arguments,
		.accel = accel,
		.kernel = x->o->kernel,
		.symbols = x->o->symbols,
		.disk = x->o->disk,
		.memory_bytes = x->settings.memory_bytes,
		.runtime_args = x->o->container_args,
		.work_dir = x->work_dir,
		.nonce = "00000000",
	};
}

static void note_emulation(struct experiment *x, const char *reason)
{
	snprintf(x->accel_note, sizeof(x->accel_note),
		"virtual machines are emulated (TCG)%s%s; absolute times under emulation say "
		"nothing about real hardware",
		reason ? ": " : "", reason ? reason : "");
}

/* Before anything is started: could every stack run here? */
static int check_guests(struct experiment *x, struct error *error)
{
	for (size_t i = 0; i < x->o->n_guests; i++) {
		const struct guest_ops *ops = x->o->guests[i];
		const char *reason = NULL;
		struct guest_spec spec;
		int r;

		x->accel[i] = ACCEL_NONE;
		if (ops->is_vm) {
			r = accel_resolve(x->o->accel, &x->accel[i], &reason, error);
			if (r < 0)
				return r;
			if (x->accel[i] == ACCEL_TCG)
				note_emulation(x, reason);
		}
		spec = trial_spec(x, x->accel[i]);
		r = ops->available(&spec, error);
		if (r < 0)
			return error_prefix(error, r, "%s", ops->name);
	}
	return 0;
}

/* An event that nobody knows must not be found out only after a folder was made. */
static int check_counters(const struct experiment *x, struct error *error)
{
	struct counter_set *set = NULL;
	int r = x->o->count ? counter_set_new(x->o->counters, &set, error) : 0;

	counter_set_free(set);
	return r;
}

static int make_plan(struct experiment *x, struct error *error)
{
	size_t n = x->o->n_guests * x->n_cores, at = 0;
	_cleanup_free_ struct plan_cell *cells = calloc(n, sizeof(*cells));
	int r;

	if (!cells)
		return -ENOMEM;
	for (size_t g = 0; g < x->o->n_guests; g++)
		for (size_t c = 0; c < x->n_cores; c++)
			cells[at++] = (struct plan_cell){
				.ops = x->o->guests[g],
				.accel = x->accel[g],
				.lanes = x->cores[c],
				.placement = &x->placements[c],
			};
	x->seed = x->o->has_seed ? x->o->seed : (uint64_t)time(NULL);
	r = plan_make(&x->plan, cells, n, x->o->repeat, x->seed);
	return r < 0 ? error_set_errno(error, r, "cannot plan") : 0;
}

static int plan_attach(struct experiment *x, struct error *error)
{
	struct run_request *request;
	int r = attach_open(x->o->attach, &x->attach, error);

	if (r < 0)
		return r;
	request = calloc(1, sizeof(*request));
	if (!request)
		return -ENOMEM;
	*request = (struct run_request){
		.id = 1,
		.ops = x->attach->ops,
		.accel = x->attach->accel,
		.lanes = x->attach->lanes,
		.attach = x->attach,
		.repetition = 1,
		.position = 1,
	};
	x->plan = (struct plan){request, 1};
	x->settings.scenario = "attach";
	x->accel[0] = x->attach->accel;
	if (x->attach->accel == ACCEL_TCG)
		note_emulation(x, NULL);
	return 0;
}

static int make_work_dir(struct experiment *x, struct error *error)
{
	/* Short, since the path of a socket in it has to fit into 108 bytes. */
	char path[] = "/tmp/" TREE_PREFIX "XXXXXX";

	if (!mkdtemp(path))
		return error_set_errno(error, -errno, "cannot make a temporary folder in /tmp");
	x->work_dir = strdup(path);
	if (!x->work_dir)
		return -ENOMEM;
	return keeper_add(x->keeper, KEEPER_FOLDER, x->work_dir, error);
}

static int prepare(struct experiment *x, struct error *error)
{
	const struct options *o = x->o;
	int r;

	r = keeper_start(&x->keeper, error);
	if (r < 0)
		return r;
	r = symbols_new(&x->names, error);
	if (r < 0)
		return r;
	r = o->attach ? 0 : workload_find(o->program, &x->program, error);
	if (r < 0)
		return r;
	r = make_work_dir(x, error);
	if (r < 0)
		return r;
	x->settings = (struct run_settings){
		.scenario = o->own_arguments ? "own" : o->scenario->name,
		.program = x->program,
		.arguments = o->arguments,
		.memory_bytes = scenario_memory(o->arguments),
		.kernel = o->kernel,
		.symbols = o->symbols,
		.disk = o->disk,
		.runtime_args = o->container_args,
		.counters = o->counters,
		.work_dir = x->work_dir,
		.keeper = x->keeper,
		.names = x->names,
		.oncpu = o->oncpu,
		.offcpu = o->offcpu,
		.exact_split = o->exact_split,
		.boot_only = o->boot_only,
		.count = o->count,
		.frequency_hz = o->frequency_hz,
		.timeout_s = o->timeout_s,
		.interrupted = x->settings.interrupted,
	};
	if (x->settings.memory_bytes == UINT64_MAX)
		return error_set_user(error, -EOVERFLOW, "the picture asked for is too large");
	if (o->attach)
		return plan_attach(x, error);
	r = place_lanes(x, error);
	if (r < 0)
		return r;
	r = check_guests(x, error);
	if (r < 0)
		return r;
	r = check_counters(x, error);
	if (r < 0)
		return r;
	return make_plan(x, error);
}

/* Nothing of ours must stay behind, whatever happened. */
static int done(struct experiment *x, int r, struct error *error)
{
	struct error last = {0};

	store_writer_close(x->store);
	symbols_free(x->names);
	json_decref(x->versions);
	if (x->work_dir && tree_remove(x->work_dir, &last) == 0)
		keeper_remove(x->keeper, KEEPER_FOLDER, x->work_dir);
	if (keeper_finish(x->keeper, &last) < 0 && r >= 0)
		r = error_set(error, -EIO, "%s", last.text);
	plan_done(&x->plan);
	attach_free(x->attach);
	for (size_t i = 0; x->placements && i < x->n_cores; i++)
		placement_done(&x->placements[i]);
	free(x->placements);
	free(x->cores);
	free(x->program);
	free(x->work_dir);
	free(x->log_dir);
	free(x->output);
	return r;
}

static void print_argv(char *const *argv)
{
	for (; argv && *argv; argv++) {
		bool plain = **argv != '\0';

		for (const char *c = *argv; *c; c++)
			if (!isalnum((unsigned char)*c) && !strchr("-_./=:,+@%", *c))
				plain = false;
		printf(plain ? " %s" : " '%s'", *argv);
	}
	putchar('\n');
}

static int print_run(
	const struct experiment *x, const struct run_request *q, size_t i, struct error *error)
{
	struct guest_spec spec = trial_spec(x, q->accel);
	struct guest *g = NULL;
	int r;

	spec.lanes = q->lanes;
	spec.lane_cpus = q->placement->lane_cpus;
	spec.helper_cpus = q->placement->helper_cpus;
	spec.n_helper_cpus = q->placement->n_helper_cpus;
	spec.keeper = x->keeper;
	r = guest_new(q->ops, &spec, &g);
	if (r < 0)
		return r;
	r = g->ops->prepare(g, error);
	if (r < 0) {
		guest_free(g);
		return r;
	}
	printf("run %zu: %s, %u %s, repetition %u", i + 1, q->ops->name, q->lanes,
		q->lanes == 1 ? "core" : "cores", q->repetition);
	if (q->accel != ACCEL_NONE)
		printf(", %s", accel_name(q->accel));
	for (unsigned l = 0; q->placement->lane_cpus && l < q->lanes; l++)
		printf("%s%d", l ? "," : ", lanes on CPU ", q->placement->lane_cpus[l]);
	printf("\n ");
	print_argv(g->argv);
	guest_free(g);
	return 0;
}

int experiment_dry_run(
	const struct options *o, const struct topology *topology, struct error *error)
{
	struct experiment x = {.o = o, .topology = topology};
	int r = prepare(&x, error);

	if (r == 0 && !x.attach) {
		printf("%zu %s, seed %llu", x.plan.n, x.plan.n == 1 ? "run" : "runs",
			(unsigned long long)x.seed);
		if (x.accel_note[0])
			printf("; %s", x.accel_note);
		putchar('\n');
	}
	if (x.attach && r == 0)
		attach_describe(x.attach, stdout);
	for (size_t i = 0; i < x.plan.n && r == 0 && !x.attach; i++)
		r = print_run(&x, &x.plan.runs[i], i, error);
	return done(&x, r, error);
}

/* The folder of results */

static int make_folders(const char *path, struct error *error)
{
	_cleanup_free_ char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	for (char *slash = strchr(copy + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (mkdir(copy, 0777) < 0 && errno != EEXIST)
			return error_set_errno(error, -errno, "cannot make folder %s", copy);
		if (!slash)
			return 0;
		*slash = '/';
	}
}

static int make_output(struct experiment *x, struct error *error)
{
	char when[32], names[256] = "";
	time_t now = time(NULL);
	struct tm utc;
	int r;

	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
	if (x->attach)
		snprintf(names, sizeof(names), "-%s-%d", x->attach->ops->name, x->attach->pid);
	for (size_t i = 0; i < x->o->n_guests && !x->attach; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "-%s",
			x->o->guests[i]->name);
	if (x->o->output)
		x->output = strdup(x->o->output);
	else if (asprintf(&x->output, "results/%s%s", when, names) < 0)
		x->output = NULL;
	if (!x->output || asprintf(&x->log_dir, "%s/logs", x->output) < 0)
		return -ENOMEM;
	r = make_folders(x->log_dir, error);
	if (r < 0)
		return r;
	x->settings.log_dir = x->log_dir;
	return store_writer_create(x->output, &x->store, error);
}

static int set_text(struct experiment *x, const char *key, const char *value, struct error *error)
{
	json_t *text = json_string(value ? value : "");
	int r = store_writer_set(x->store, key, text, error);

	json_decref(text);
	return r;
}

static int write_command(struct experiment *x, char **argv, struct error *error)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&line, &size);

	if (!f)
		return -ENOMEM;
	for (char **a = argv; *a; a++) {
		bool plain =
			**a && strspn(*a, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789-_./=:,+@%") == strlen(*a);
		/* The program's path says nothing to others. */
		const char *word = a == argv ? "collector" : *a;

		fprintf(f, plain ? "%s%s" : "%s'%s'", a == argv ? "" : " ", word);
	}
	fclose(f);
	return set_text(x, "command", line, error);
}

struct warn_context {
	struct experiment *x;
	struct error *error;
	int result;
};

static void warn(const char *sentence, void *userdata)
{
	struct warn_context *c = userdata;
	struct error *error = c->error;

	if (c->result == 0)
		c->result = store_writer_warn(c->x->store, sentence, error);
}

static int write_machine(struct experiment *x, struct error *error)
{
	json_t *facts = machine_facts(NULL), *value;
	struct warn_context c = {x, error, 0};
	const char *key;
	int r = 0;

	if (!facts)
		return -ENOMEM;
	json_object_foreach (facts, key, value) {
		r = store_writer_set(x->store, key, value, error);
		if (r < 0)
			break;
	}
	if (r == 0) {
		machine_warnings(facts, x->topology,
			x->placements ? &x->placements[x->n_cores - 1] : NULL, warn, &c);
		r = c.result;
	}
	for (size_t i = 0; i < x->o->n_guests && r == 0; i++) {
		if (x->accel[i] == ACCEL_TCG) {
			r = store_writer_warn(x->store, x->accel_note, error);
			break;
		}
	}
	json_decref(facts);
	return r;
}

static int write_experiment(struct experiment *x, char **argv, struct error *error)
{
	_cleanup_free_ char *xml = NULL, *text = topology_describe(x->topology);
	char seed[32], now[32];
	time_t t = time(NULL);
	struct tm utc;
	int r;

	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)x->seed);
	strftime(now, sizeof(now), "%FT%TZ", gmtime_r(&t, &utc));
	r = topology_xml(x->topology, &xml, error);
	if (r == 0)
		r = set_text(x, "topology", xml, error);
	if (r == 0)
		r = set_text(x, "topology_text", text, error);
	if (r == 0)
		r = set_text(x, "seed", seed, error);
	if (r == 0)
		r = set_text(x, "started_utc", now, error);
	if (r == 0)
		r = set_text(x, "guestscope", GUESTSCOPE_VERSION, error);
	if (r == 0)
		r = set_text(x, "scenario", x->settings.scenario, error);
	if (r == 0)
		r = set_text(x, "pin", x->o->pin, error);
	if (r == 0)
		r = set_text(x, "boot_only", x->o->boot_only ? "1" : "0", error);
	if (r == 0)
		r = write_command(x, argv, error);
	if (r == 0)
		r = write_machine(x, error);
	return r;
}

/* The runs */

/* Somebody else's work on the lanes' CPUs spoils a measurement: say so. */
#define NOISY_SHARE 0.05

static void warn_noise(struct run_result *r)
{
	uint64_t waited = 0, wall = 0;
	char text[160];
	char **grown;

	for (size_t i = 0; i < r->books.n; i++)
		if (r->books.accounts[i].phase > 0 && r->books.accounts[i].state == STATE_PREEMPTED)
			waited += r->books.accounts[i].ns;
	for (unsigned i = 1; i < r->n_phases; i++)
		wall += (r->phases[i].end_ns - r->phases[i].start_ns) * r->lanes;
	if (!wall || (double)waited < NOISY_SHARE * (double)wall)
		return;
	snprintf(text, sizeof(text),
		"noisy neighbours: other work ran in place of the lanes for %.1f %% of their time",
		100.0 * (double)waited / (double)wall);
	grown = realloc(r->warnings, (r->n_warnings + 1) * sizeof(*grown));
	if (!grown)
		return;
	r->warnings = grown;
	grown[r->n_warnings] = strdup(text);
	if (grown[r->n_warnings])
		r->n_warnings++;
}

/* Process numbers come round: the next run's must not meet this one's mappings. */
static void forget_processes(struct experiment *x, const struct run_result *r)
{
	for (size_t i = 0; i < r->profile.n; i++)
		symbols_process_forget(x->names, (pid_t)r->profile.entries[i]->tgid);
}

static int note_version(struct experiment *x, const struct run_request *q,
	const struct run_result *r, struct error *error)
{
	if (!r->note || json_object_get(x->versions, q->ops->name))
		return 0;
	if (!x->versions)
		x->versions = json_object();
	if (json_object_set_new(x->versions, q->ops->name, json_string(r->note)) < 0)
		return 0; /* not UTF-8: nothing to keep */
	return store_writer_set(x->store, "versions", x->versions, error);
}

static int run_all(struct experiment *x, struct error *error)
{
	struct progress progress;
	int status = EXIT_ALL_MEASURED;

	progress_begin(&progress, x->plan.n);
	for (size_t i = 0; i < x->plan.n; i++) {
		struct run_request *q = &x->plan.runs[i];
		struct run_result result;
		int r;

		if (*x->settings.interrupted)
			return EXIT_INTERRUPTED;
		progress_run(&progress, q);
		r = run_execute(&x->settings, q, &result, error);
		if (r == 0 && !result.interrupted) {
			warn_noise(&result);
			r = store_writer_run(x->store, &x->settings, q, &result, error);
		}
		if (r == 0)
			r = note_version(x, q, &result, error);
		forget_processes(x, &result);
		if (r == 0 && !result.interrupted)
			progress_done(&progress, q, &result);
		if (r == 0 && !result.ok)
			status = EXIT_RUN_FAILED;
		if (r == 0 && result.interrupted)
			status = EXIT_INTERRUPTED;
		run_result_done(&result);
		if (r < 0)
			return r;
		if (status == EXIT_INTERRUPTED)
			return status;
	}
	return status;
}

static int print_summary(const struct experiment *x, struct error *error)
{
	json_t *json = NULL;
	int r;

	if (!x->o->json) {
		r = report_text(x->output, stdout, error);
		if (r == 0)
			printf("\nreport: %s/report/index.html\n", x->output);
		return r;
	}
	r = report_json(x->output, &json, error);
	if (r < 0)
		return r;
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
	return 0;
}

/* Not so what is measured: a stack that inherited this would be preempted by nobody. */
static void be_prompt(void)
{
	const struct sched_param none = {0};

	if (sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none) == 0)
		setpriority(PRIO_PROCESS, 0, -20);
}

static int measure(struct experiment *x, char **argv, struct error *error)
{
	int status, r;

	r = prepare(x, error);
	if (r < 0)
		return r;
	r = make_output(x, error);
	if (r < 0)
		return r;
	r = write_experiment(x, argv, error);
	if (r < 0)
		return r;
	if (x->accel_note[0])
		fprintf(stderr, "collector: %s\n", x->accel_note);
	/* Markers are stamped when they are read: be there at once. Without the privilege: later.
	 */
	be_prompt();
	status = run_all(x, error);
	store_writer_close(x->store);
	x->store = NULL;
	if (status < 0)
		return status;
	r = report_make(x->output, error);
	if (r == 0)
		r = print_summary(x, error);
	return r < 0 ? r : status;
}

int experiment_measure(const struct options *o, const struct topology *topology, char **argv,
	const volatile sig_atomic_t *interrupted, struct error *error)
{
	struct experiment x = {.o = o, .topology = topology};
	int r;

	x.settings.interrupted = interrupted;
	r = measure(&x, argv, error);
	return done(&x, r, error);
}
