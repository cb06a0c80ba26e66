/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/experiment/experiment.h"

#include <errno.h>
#include <jansson.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "collector/counters/counters.h"
#include "collector/experiment/experiment_internal.h"
#include "collector/experiment/file_digest.h"
#include "collector/experiment/progress.h"
#include "collector/experiment/workload_path.h"
#include "collector/run/attach_guest.h"
#include "collector/symbols/debug_server.h"
#include "collector/symbols/symbols.h"
#include "collector/unwind/unwind.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/shell_words.h"
#include "common/store_format.h"
#include "common/store_wait.h"
#include "guests/guest_port.h"
#include "guests/inside.h"
#include "guests/keeper/keeper.h"
#include "guests/process/tree.h"
#include "reports/report.h"

static int place_lanes(struct experiment *x, struct error *error)
{
	struct options *o = x->o;

	if (!o->n_cores) {
		o->cores[0] = topology_counts(x->topology)->pus_allowed;
		o->n_cores = 1;
	}
	x->placements = calloc(o->n_cores * x->n_variants, sizeof(*x->placements));
	if (!x->placements)
		return -ENOMEM;
	for (size_t i = 0; i < o->n_cores * x->n_variants; i++) {
		int r = topology_place(x->topology, o->cores[i % o->n_cores],
			x->variants[i / o->n_cores].o.pin, o->overcommit, &x->placements[i], error);

		if (r < 0)
			return r;
		x->n_placements++;
	}
	return 0;
}

struct guest_spec experiment_trial_spec(
	const struct experiment *x, enum accel accel, const char *variant)
{
	const struct run_settings s = experiment_settings(x, variant);

	return (struct guest_spec){
		.lanes = x->o->cores[0],
		.image = s.image,
		.program = s.program,
		.arguments = s.arguments,
		.own = x->settings.own,
		.environment = s.environment,
		.cwd = x->settings.cwd,
		.with = x->settings.with,
		.n_with = x->settings.n_with,
		.run = 1,
		.seed = x->o->seed,
		.port = x->o->port,
		.host_port = x->o->host_port,
		.accel = accel,
		.kernel = s.kernel,
		.symbols = s.symbols,
		.disk = x->o->disk,
		.machine = s.machine,
		.append = s.append,
		.alone = x->o->alone,
		.memory_bytes = s.memory_bytes,
		.ram_bytes = s.ram_bytes,
		.runtime_args = s.runtime_args,
		.work_dir = x->work_dir,
		.nonce = x->nonce[0] ? x->nonce : "00000000",
	};
}

static void note_emulation(struct experiment *x, const char *reason)
{
	snprintf(x->accel_note, sizeof(x->accel_note),
		"QEMU emulates the virtual machines (TCG)%s%s; absolute times under emulation say "
		"nothing about real hardware",
		reason ? ": " : "", reason ? reason : "");
}

/* Can it run all variants? */
static int check_runs(const struct experiment *x, const struct guest_ops *ops, struct error *error)
{
	int r = 0;

	for (size_t i = 0; i < x->n_variants && ops->runs && r == 0; i++) {
		struct guest_spec spec = experiment_trial_spec(x, ACCEL_NONE, x->variants[i].name);

		r = ops->runs(&spec, error);
	}
	return r;
}

/* Not every stack can run every program: the others are measured. What was planned has to be run. */
static int leave_guests_out(struct experiment *x, struct error *error)
{
	struct options *o = x->o;
	size_t kept = 0;

	for (size_t i = 0; i < o->n_guests; i++) {
		char *text = NULL;

		if (check_runs(x, o->guests[i], error) == 0) {
			o->guests[kept++] = o->guests[i];
			continue;
		}
		if (o->resume)
			return error_prefix(error, -ENOEXEC, "%s", o->guests[i]->name);
		if (asprintf(&text, "%s is left out: %s", o->guests[i]->name, error->text) < 0)
			text = NULL;
		if (array_add_text(&x->left_out, &x->n_left_out, text) < 0)
			return error_set_errno(error, -ENOMEM, "%s", o->guests[i]->name);
	}
	if (!kept && o->n_guests == 1)
		return error_prefix(error, -ENOEXEC, "%s", o->guests[0]->name);
	o->n_guests = kept;
	for (size_t i = 0; i < x->n_left_out; i++)
		fprintf(stderr, "collector: %s\n", x->left_out[i]);
	return kept ? 0
		    : error_set(error, -ENOEXEC, "none of the stacks asked for can run %s",
			      x->program);
}

/* A server that somebody else runs would be measured in place of the program. */
static int check_port(const struct experiment *x, const struct guest_ops *ops, struct error *error)
{
	unsigned port;

	return x->o->port ? guest_port_choose(ops, x->o->port, x->o->host_port, &port, error) : 0;
}

static int check_available(const struct experiment *x, const struct guest_ops *ops,
	enum accel accel, struct error *error)
{
	int r = 0;

	for (size_t i = 0; i < x->n_variants && r == 0; i++) {
		struct guest_spec spec = experiment_trial_spec(x, accel, x->variants[i].name);

		r = ops->available(&spec, error);
	}
	return r;
}

/* Before anything is started: could every stack run here? */
static int check_guests(struct experiment *x, struct error *error)
{
	for (size_t i = 0; i < x->o->n_guests; i++) {
		const struct guest_ops *ops = x->o->guests[i];
		const char *reason = NULL;
		int r;

		x->accel[i] = ACCEL_NONE;
		if (ops->is_vm) {
			r = accel_resolve(x->o->accel, &x->accel[i], &reason, error);
			if (r < 0)
				return r;
			if (x->accel[i] == ACCEL_TCG)
				note_emulation(x, reason);
		}
		r = check_available(x, ops, x->accel[i], error);
		if (r == 0)
			r = check_port(x, ops, error);
		if (r < 0)
			return error_prefix(error, r, "%s", ops->name);
	}
	return 0;
}

static bool counts(const struct options *o)
{
	return !o->counters || strcmp(o->counters, "none") != 0;
}

/* An event that nobody knows must not be found out only after a folder was made. */
static int check_counters(const struct experiment *x, struct error *error)
{
	struct counter_set *set = NULL;
	int r = counts(x->o) ? counter_set_new(x->o->counters, &set, error) : 0;

	counter_set_free(set);
	return r;
}

static int make_plan(struct experiment *x, struct error *error)
{
	size_t n = x->o->n_guests * x->n_placements, at = 0;
	_cleanup_free_ struct plan_configuration *configurations =
		calloc(n + 1, sizeof(*configurations));
	struct plan_request q;
	int r;

	if (!configurations)
		return -ENOMEM;
	for (size_t g = 0; g < x->o->n_guests; g++)
		for (size_t p = 0; p < x->n_placements; p++)
			configurations[at++] = (struct plan_configuration){
				.ops = x->o->guests[g],
				.accel = x->accel[g],
				.lanes = x->placements[p].lanes,
				.placement = &x->placements[p],
				.variant = x->variants[p / x->o->n_cores].name,
			};
	if (!x->o->has_seed)
		x->o->seed = (uint64_t)time(NULL);
	x->settings.seed = x->o->seed;
	q = (struct plan_request){
		.configurations = configurations,
		.n_configurations = n,
		.repeat = x->o->until.share > 0 ? x->o->max_runs : x->o->repeat,
		.warmup = x->o->warmup,
		.aa = x->o->aa,
		.seed = x->o->seed,
		.shard = x->o->shard,
		.shards = x->o->shards,
	};
	r = plan_make(&x->plan, &q);
	if (r < 0)
		return error_set_errno(error, r, "cannot plan");
	return stopping_begin(&x->stopping, x->o, &x->plan, error);
}

static int add_identity(
	struct experiment *x, const struct guest *g, const char *variant, struct error *error)
{
	char name[128], of[96];

	snprintf(of, sizeof(of), "%s%s%s%s", g->ops->name, variant ? " (" : "",
		variant ? variant : "", variant ? ")" : "");
	if (g->inside && g->inside->kernel) {
		snprintf(name, sizeof(name), "kernel of %s", of);
		return file_digest_add(x->files, name, g->inside->kernel, error);
	}
	if (!g->identity)
		return 0;
	snprintf(name, sizeof(name), "image of %s", of);
	return json_object_set_new(x->files, name, json_string(g->identity)) < 0 ? -ENOMEM : 0;
}

/* The kernel that a virtual machine boots, wherever it was found; the user's image as the engine has it. */
static int digest_stack(
	struct experiment *x, size_t i, const struct variant *v, struct error *error)
{
	const struct guest_ops *ops = x->o->guests[i];
	struct guest_spec spec = experiment_trial_spec(x, x->accel[i], v->name);
	struct guest *g = NULL;
	int r;

	if (!ops->is_vm && !spec.image)
		return 0;
	spec.keeper = x->keeper;
	r = guest_new(ops, &spec, &g);
	if (r < 0)
		return r;
	r = ops->prepare(g, error);
	if (r == 0)
		r = add_identity(x, g, v->name, error);
	guest_free(g);
	return r;
}

/* What a variant has of its own. */
static int digest_variant(struct experiment *x, const struct variant *v, struct error *error)
{
	bool first = v == x->variants;
	char name[96];
	int r = 0;

	if (v->program && x->program && !v->o.image && strcmp(v->program, x->program) != 0) {
		snprintf(name, sizeof(name), "program of %s", v->name);
		r = file_digest_add(x->files, name, v->program, error);
	}
	for (size_t i = 0; i < x->o->n_guests && r == 0; i++)
		if (first || v->o.kernel != x->o->kernel || v->o.image != x->o->image ||
			(x->o->alone && !x->o->own))
			r = digest_stack(x, i, v, error);
	return r;
}

/* By what is in them, two machines can tell that they measure the same. */
static int digest_files(struct experiment *x, struct error *error)
{
	int r;

	x->files = json_object();
	r = x->program && !x->o->image ? file_digest_add(x->files, "program", x->program, error)
				       : 0;
	if (r == 0 && x->o->disk)
		r = file_digest_add(x->files, "disk", x->o->disk, error);
	if (r == 0)
		r = own_program_digest(&x->own, x->files, error);
	if (r == 0)
		r = client_digest(&x->client, x->files, error);
	for (size_t v = 0; v < x->n_variants && r == 0; v++)
		r = digest_variant(x, &x->variants[v], error);
	return r;
}

/* Files are found again from another folder, too. */
static int write_paths_out(struct experiment *x)
{
	const char **paths[] = {&x->o->kernel, &x->o->symbols, &x->o->disk};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (!*paths[i])
			continue;
		x->paths[i] = realpath(*paths[i], NULL);
		if (x->paths[i])
			*paths[i] = x->paths[i];
	}
	x->o->program = x->program;
	if (x->o->own)
		x->o->cwd = x->own.cwd;
	for (size_t i = 0; i < x->own.n_with; i++)
		x->o->with[i] = x->own.words[i];
	if (x->o->n_variants)
		x->variant_texts = calloc(x->o->n_variants + 1, sizeof(*x->variant_texts));
	for (size_t i = 0; x->variant_texts && i < x->o->n_variants; i++) {
		x->variant_texts[i] = variant_write_out(&x->variants[i]);
		if (!x->variant_texts[i])
			return -ENOMEM;
		x->o->variants[i] = x->variant_texts[i];
	}
	return x->o->n_variants && !x->variant_texts ? -ENOMEM : 0;
}

/* Whoever goes on has the plan already. */
static int write_plan_down(struct experiment *x, struct error *error)
{
	int r = digest_files(x, error);

	if (r < 0 || x->o->resume)
		return r;
	if (write_paths_out(x) < 0)
		return error_set_errno(error, -ENOMEM, "cannot write the plan down");
	r = plan_document_make(x->o, x->files, &x->document);
	return r < 0 ? error_set_user(error, r, "the command line has a text that is not UTF-8")
		     : 0;
}

/* What is for the inside of a virtual machine. */
static int check_attached(const struct experiment *x, struct error *error)
{
	static const char *const options[] = {"program", "with", "symbols"};

	for (size_t i = 0; i < ARRAY_SIZE(options) && !x->attach->ops.is_vm; i++)
		if (options_given(x->o, options[i]))
			return error_set_user(error, -EINVAL,
				"--%s with --attach is for the inside of a virtual machine, and %s is "
				"none",
				options[i], x->attach->title);
	return 0;
}

static int plan_attach(struct experiment *x, struct error *error)
{
	struct run_request *request;
	int r = attach_open(x->o->attach, &x->attach, error);

	if (r == 0)
		r = check_attached(x, error);
	if (r == 0 && x->settings.inside && x->settings.oncpu)
		r = attach_look_inside(x->attach, &x->settings, error);
	if (r < 0)
		return r;
	request = calloc(1, sizeof(*request));
	if (!request)
		return -ENOMEM;
	*request = (struct run_request){
		.id = 1,
		.ops = &x->attach->ops,
		.accel = x->attach->accel,
		.lanes = x->attach->lanes,
		.attach = x->attach,
		.repetition = 1,
		.position = 1,
		.block = 1,
		.counted = true,
		.label = "",
	};
	x->plan = (struct plan){request, 1};
	x->settings.scenario = SCENARIO_ATTACH;
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

/* In an image of the user's it is the stack's to find. */
static int find_program(struct experiment *x, struct error *error)
{
	const struct options *o = x->o;

	if ((o->attach || o->alone) && !o->own)
		return 0;
	if (!o->image)
		return workload_find(o->program, o->scenario->program, &x->program, error);
	snprintf(x->nonce, sizeof(x->nonce), "%08x", (unsigned)getpid());
	x->program = o->program ? strdup(o->program) : NULL;
	return o->program && !x->program ? error_set_errno(error, -ENOMEM, "%s", o->program) : 0;
}

/* Names are no reason to keep who interrupts us waiting. */
static bool wait_for_file(const char *path, uint64_t done, uint64_t all, void *userdata)
{
	const struct experiment *x = userdata;

	progress_fetching(path, done, all);
	return !*x->settings.interrupted;
}

static int prepare(struct experiment *x, struct error *error)
{
	struct options *o = x->o;
	int r;

	r = variants_make(o, &x->variants, &x->n_variants, error);
	if (r == 0)
		r = keeper_start(&x->keeper, error);
	if (r < 0)
		return r;
	r = symbols_new(&x->names, error);
	if (r == 0)
		r = unwind_new(&x->unwind);
	if (r < 0)
		return r;
	symbols_servers(x->names)->wait = wait_for_file;
	symbols_servers(x->names)->userdata = x;
	r = find_program(x, error);
	if (r < 0)
		return r;
	r = o->own || o->attach || o->alone ? own_program_open(o, &x->own, error) : 0;
	if (r == 0)
		r = client_open(o, &x->client, error);
	if (r == 0)
		r = make_work_dir(x, error);
	if (r < 0)
		return r;
	x->settings = (struct run_settings){
		.scenario = options_scenario(o),
		.image = o->image,
		.program = x->program,
		.arguments = o->arguments,
		.own = o->own && !o->attach,
		.environment = x->own.environment,
		.cwd = x->own.cwd,
		.with = x->own.with,
		.n_with = x->own.n_with,
		.port = o->port,
		.host_port = o->host_port,
		.client = x->client.words,
		.memory_bytes = experiment_memory(o, o->arguments),
		.ram_bytes = o->ram_bytes,
		.kernel = o->kernel,
		.symbols = o->symbols,
		.disk = o->disk,
		.machine = o->machine,
		.append = o->append,
		.alone = o->alone,
		.runtime_args = o->container_args,
		.counters = o->counters,
		.work_dir = x->work_dir,
		.keeper = x->keeper,
		.names = x->names,
		.unwind = x->unwind,
		.oncpu = o->oncpu,
		.inside = o->inside,
		.offcpu = o->offcpu,
		.exits = o->exits,
		.timeline = o->timeline,
		.exact_split = o->exact_split,
		.boot_only = o->boot_only,
		.phases = &o->phases,
		.metrics = &o->metrics,
		.result = &o->result,
		.same_output = o->same_output,
		.count = counts(o),
		.frequency_hz = o->oncpu ? o->frequency_hz : 0,
		.timeout_s = o->timeout_s,
		.interrupted = x->settings.interrupted,
		.attached = progress_attached,
	};
	experiment_warn_of_words(x->client.words, true);
	r = experiment_prepare_variants(x, error);
	if (r < 0)
		return r;
	if (o->attach)
		return plan_attach(x, error);
	r = place_lanes(x, error);
	if (r < 0)
		return r;
	r = o->own || !o->alone ? leave_guests_out(x, error) : 0;
	if (r == 0)
		r = check_guests(x, error);
	if (r < 0)
		return r;
	r = check_counters(x, error);
	if (r < 0)
		return r;
	r = make_plan(x, error);
	return r < 0 ? r : write_plan_down(x, error);
}

/* Nothing of ours must stay behind, whatever happened. */
static int done(struct experiment *x, int r, struct error *error)
{
	struct error last = {0};

	store_writer_close(x->store);
	symbols_free(x->names);
	unwind_free(x->unwind);
	json_decref(x->versions);
	if (x->work_dir && tree_remove(x->work_dir, &last) == 0)
		keeper_remove(x->keeper, KEEPER_FOLDER, x->work_dir);
	if (keeper_finish(x->keeper, &last) < 0 && r >= 0)
		r = error_set(error, -EIO, "%s", last.text);
	plan_done(&x->plan);
	attach_free(x->attach);
	plan_document_done(&x->document);
	json_decref(x->files);
	for (size_t i = 0; i < x->n_placements; i++)
		placement_done(&x->placements[i]);
	for (size_t i = 0; i < ARRAY_SIZE(x->paths); i++)
		free(x->paths[i]);
	free(x->placements);
	variants_free(x->variants, x->n_variants);
	for (size_t i = 0; x->variant_texts && x->variant_texts[i]; i++)
		free(x->variant_texts[i]);
	free(x->variant_texts);
	free(x->measured);
	free(x->times_ns);
	stopping_done(&x->stopping);
	own_program_done(&x->own);
	client_done(&x->client);
	for (size_t i = 0; i < x->n_left_out; i++)
		free(x->left_out[i]);
	free(x->left_out);
	free(x->program);
	free(x->work_dir);
	run_said_done(&x->said);
	output_folder_release(&x->output);
	return r;
}

static void report_warning(const char *text, void *userdata)
{
	(void)userdata;
	fprintf(stderr, "collector: %s\n", text);
}

/* The report, and its summary on standard output. */
static int make_report(struct experiment *x, struct error *error)
{
	json_t *json = NULL;
	const struct report_closing closing = {
		.text = x->o->json ? NULL : stdout,
		.json = x->o->json ? &json : NULL,
		.verbose = x->o->verbose,
		.warn = report_warning,
	};
	int r;

	x->all_kept = x->n_measured >= x->plan.n;
	r = report_make(x->output.path, &closing, error);

	if (r < 0)
		return r;
	if (x->o->json) {
		json_dumpf(json, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(json);
	} else {
		putchar('\n');
		if (!x->o->verbose) {
			fputs("all tables: report --verbose ", stdout);
			shell_word(stdout, x->output.path);
			putchar('\n');
		}
		printf("report: %s/report/index.html\n", x->output.path);
	}
	return 0;
}

/* Not so what is measured: a stack that inherited this would be preempted by nobody. */
static void be_prompt(void)
{
	const struct sched_param none = {0};

	if (sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none) == 0)
		setpriority(PRIO_PROCESS, 0, -20);
}

/* The store, from the first moment on or as it was left. */
static int open_results(struct experiment *x, char **argv, struct error *error)
{
	int r;

	if (!x->o->resume)
		r = experiment_create(x, argv, error);
	else
		r = experiment_check_same(x, error);
	if (r == 0 && x->o->resume && x->n_measured < x->plan.n)
		r = experiment_note_resumed(x, error);
	for (size_t i = 0; i < x->n_left_out && r == 0; i++)
		r = store_writer_warn(x->store, x->left_out[i], error);
	if (r == 0 && x->tick_words[0])
		r = store_writer_warn(x->store, x->tick_words, error);
	x->settings.log_dir = x->output.log_path;
	return r;
}

/* All is measured: no machine and no stack is needed for the report. */
static int report_again(struct experiment *x, struct error *error)
{
	int r;

	store_writer_close(TAKE_PTR(x->store));
	r = make_report(x, error);
	if (r < 0)
		return r;
	return x->n_failed ? EXIT_RUN_FAILED : EXIT_ALL_MEASURED;
}

static int measure(struct experiment *x, char **argv, struct error *error)
{
	int status, r;

	r = x->o->resume ? experiment_reopen(x, error) : experiment_check_output(x, error);
	if (r == 0 && x->o->resume) {
		r = experiment_is_finished(x, error);
		if (r != 0)
			return r < 0 ? r : report_again(x, error);
	}
	if (r == 0)
		r = prepare(x, error);
	if (r == 0)
		r = experiment_choose_frequency(x, error);
	if (r == 0)
		r = open_results(x, argv, error);
	if (r < 0)
		return r;
	if (x->accel_note[0])
		fprintf(stderr, "collector: %s\n", x->accel_note);
	/* Markers are stamped when they are read: be there at once. Without the privilege: later.
	 */
	be_prompt();
	x->begun = true;
	status = experiment_run_all(x, error);
	store_writer_close(x->store);
	x->store = NULL;
	if (status < 0)
		return status;
	r = make_report(x, error);
	return r < 0 ? r : status;
}

/* A disk can be given room. */
static bool is_for_room(int r)
{
	return r == -ENOSPC || r == -EDQUOT;
}

/* An experiment that could not measure at all is not to be continued but begun again. */
static bool can_continue(const struct experiment *x, int r)
{
	return x->begun && !x->attach && x->n_measured < x->plan.n &&
	       (x->n_measured || r == EXIT_INTERRUPTED || is_for_room(r));
}

int experiment_measure(struct options *o, const struct topology *topology, char **argv,
	const volatile sig_atomic_t *interrupted, struct experiment_next *ret_next,
	struct error *error)
{
	struct experiment x = {.o = o, .topology = topology, .output = OUTPUT_FOLDER_NONE};
	int r;

	x.settings.interrupted = interrupted;
	store_wait_heed(interrupted);
	r = measure(&x, argv, error);
	if (x.all_kept ? r < 0 : can_continue(&x, r))
		*ret_next = (struct experiment_next){
			strdup(x.output.path), x.all_kept ? "report" : "collector --resume"};
	return done(&x, r, error);
}

int experiment_dry_run(struct options *o, const struct topology *topology, struct error *error)
{
	struct experiment x = {.o = o, .topology = topology, .output = OUTPUT_FOLDER_NONE};
	int r = o->resume ? experiment_reopen(&x, error) : experiment_check_output(&x, error);

	if (r == 0)
		r = prepare(&x, error);
	if (r == 0 && o->resume)
		r = experiment_check_same(&x, error);
	if (r == 0)
		r = experiment_print_plan(&x, error);
	return done(&x, r, error);
}
