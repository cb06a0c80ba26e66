/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the page says of the inside of guests: functions, subsystems, threads. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/flames/flames.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

#define FUNCTIONS_SHOWN 25
#define THREADS_SHOWN   16
#define PROCESSES_SHOWN 32

static const char open_table[] = "<div class=\"scroll\" role=\"group\" tabindex=\"0\" "
				 "aria-label=\"Table: inside the guest\"><table class=\"wide\">";

/** A function of the guest, wherever it was in the stacks. */
struct function {
	const char *symbol, *module;
	enum frame_side side;
	struct sampled self, total;
	struct sampled all; /**< functions */
	double runs;
};

static const char *function_of(const void *row)
{
	const struct function *f = row;

	return *f->module ? f->module : frame_side_title(f->side);
}

static double self_a_run(const void *row)
{
	const struct function *f = row;

	return f->self.ns / f->runs;
}

static double total_a_run(const void *row)
{
	const struct function *f = row;

	return f->total.ns / f->runs;
}

static struct format_text self_share(const void *row, enum look *look)
{
	const struct function *f = row;

	(void)look;
	return format_sampled(&f->self, &f->all);
}

static struct format_text total_share(const void *row, enum look *look)
{
	const struct function *f = row;

	(void)look;
	return format_sampled(&f->total, &f->all);
}

#define ROW struct function
static const struct column function_columns[] = {
	TABLE,
	COL(NULL, NULL, TEXT, symbol, ON_PAGE(1, "function"), .field = PAGE_CODE),
	{.type = COLUMN_TEXT, .text = function_of, ON_PAGE(2, "of")},
	{.type = COLUMN_NS, .number = self_a_run, ON_PAGE(3, "#self s")},
	{.type = COLUMN_OWN, .own = self_share, ON_PAGE(4, "#self %")},
	{.type = COLUMN_NS, .number = total_a_run, ON_PAGE(5, "#total s")},
	{.type = COLUMN_OWN, .own = total_share, ON_PAGE(6, "#total %")},
	{},
};
#undef ROW

struct functions {
	struct function *items;
	size_t n;
	struct sampled all;
};

static bool in_guest(const struct stack_node *node)
{
	return node->frame.side == SIDE_GUEST_KERNEL || node->frame.side == SIDE_GUEST_USER;
}

static bool same_function(const struct stack_node *node, const struct stack_node *other)
{
	return node->frame.side == other->frame.side &&
	       strcmp(node->frame.symbol, other->frame.symbol) == 0 &&
	       strcmp(node->frame.module, other->frame.module) == 0;
}

/* A function that calls itself counts once in its own total. */
static bool has_itself_below(const struct stack_tree *tree, const struct stack_node *node)
{
	for (uint32_t i = node->parent; i; i = tree->nodes[i].parent)
		if (same_function(&tree->nodes[i], node))
			return true;
	return false;
}

/** What the hypervisor does for a function of the guest is that function's own, in whichever order
 * stacks are shown: the node of the guest that @node stands on, or 0. */
static uint32_t whose(const struct stack_tree *tree, uint32_t node)
{
	while (node && !in_guest(&tree->nodes[node]))
		node = tree->nodes[node].parent;
	return node;
}

/** The guest's functions' own times, by node. -ENOMEM. */
static int own_times(const struct stack_tree *tree, struct sampled **ret)
{
	struct sampled *own = calloc(tree->n_nodes, sizeof(*own));

	if (!own)
		return -ENOMEM;
	for (uint32_t i = 1; i < tree->n_nodes; i++) {
		const struct stack_node *node = &tree->nodes[i];

		sampled_add(&own[whose(tree, i)], &(struct sampled){(double)node->self_ns[TREE_A],
							  (double)node->self_samples[TREE_A]});
	}
	*ret = own;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct function *x = a, *y = b;
	int r = strcmp(x->symbol, y->symbol);

	if (r == 0)
		r = strcmp(x->module, y->module);
	return r ? r : (int)x->side - (int)y->side;
}

static int by_self(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	if (x->self.ns != y->self.ns)
		return x->self.ns < y->self.ns ? 1 : -1;
	if (x->total.ns != y->total.ns)
		return x->total.ns < y->total.ns ? 1 : -1;
	return by_name(a, b);
}

static int collect(const struct stack_tree *tree, struct functions *ret)
{
	struct function *items = calloc(tree->n_nodes, sizeof(*items));
	_cleanup_free_ struct sampled *own = NULL;
	size_t n = 0, merged = 0;

	if (!items || own_times(tree, &own) < 0) {
		free(items);
		return -ENOMEM;
	}
	for (size_t i = 1; i < tree->n_nodes; i++) {
		const struct stack_node *node = &tree->nodes[i];
		struct function *f = &items[n];

		if (!in_guest(node))
			continue;
		n++;
		*f = (struct function){
			.symbol = node->frame.symbol,
			.module = node->frame.module,
			.side = node->frame.side,
			.self = own[i],
		};
		if (!has_itself_below(tree, node))
			f->total = (struct sampled){
				(double)node->total_ns[TREE_A], (double)node->samples[TREE_A]};
		sampled_add(&ret->all, &f->self);
	}
	qsort(items, n, sizeof(*items), by_name);
	for (size_t i = 0; i < n; i++) {
		if (merged && by_name(&items[merged - 1], &items[i]) == 0) {
			sampled_add(&items[merged - 1].self, &items[i].self);
			sampled_add(&items[merged - 1].total, &items[i].total);
		} else {
			items[merged++] = items[i];
		}
	}
	qsort(items, merged, sizeof(*items), by_self);
	ret->items = items;
	ret->n = merged;
	return 0;
}

static void write_functions(const struct functions *f, size_t n_runs, FILE *out)
{
	page_columns_open(out, "inside the guest",
		"Time by function of the guest, by samples: its own, and with all it called; inlined "
		"functions count where there is debug information; with what the hypervisor did "
		"for it. Seconds a run; shares of few samples with their 95 % interval.",
		function_columns);
	for (size_t i = 0; i < f->n && i < FUNCTIONS_SHOWN; i++) {
		struct function x = f->items[i];

		x.all = f->all;
		x.runs = n_runs ? (double)n_runs : 1;
		page_rows(function_columns, &x, 1, out);
	}
	page_table_close(out);
}

static double guest_ns(const struct configuration *configuration)
{
	double ns = 0;

	for (size_t i = 0; i < configuration->n_details; i++)
		if (configuration->details[i].state == STATE_GUEST)
			ns += configuration->details[i].ns;
	return ns;
}

static void write_subsystems(const struct configuration *configuration, FILE *out)
{
	static const char *const names[] = {"subsystem", "#s", "#% of guest", "#95 % interval, s"};
	double whole = guest_ns(configuration);

	page_table_open(out, "inside the guest",
		"Time in the guest by subsystem; the interval is of the sampling alone. Seconds a "
		"run.",
		names, ARRAY_SIZE(names));
	for (size_t i = 0; i < configuration->n_details; i++) {
		const struct book_detail *d = &configuration->details[i];

		if (d->state != STATE_GUEST)
			continue;
		fputs("<tr><td class=\"t\">", out);
		markup_text(out, *d->detail ? d->detail : "(not looked into)");
		fprintf(out, "</td><td class=\"n\">%s</td><td class=\"n\">%s</td>",
			format_seconds(d->ns).text, format_percent(d->ns, whole).text);
		if (d->exact)
			fputs("<td></td></tr>\n", out);
		else
			fprintf(out, "<td class=\"n\">%s to %s</td></tr>\n",
				format_seconds(d->low_ns).text, format_seconds(d->high_ns).text);
	}
	page_table_close(out);
}

static void write_processes(const struct configuration *configuration, FILE *out)
{
	size_t n = configuration->n_processes;

	if (n < 2)
		return;
	page_columns_open(out, "inside the guest",
		"Processes of the guest, by samples of the vCPUs in them or for them, the boot left "
		"out; in brackets: threads of the guest’s kernel. A process has the name that it "
		"had at the time: one that called exec has two.",
		process_columns);
	page_rows(process_columns, configuration->processes,
		n < PROCESSES_SHOWN ? n : PROCESSES_SHOWN, out);
	page_table_close(out);
}

/* The number of the configuration's last run that ended well, or 0. Threads are of one run:
 * addresses differ from run to run. */
static int64_t last_run(const struct summary *s, const struct configuration *configuration)
{
	const struct store_tables *t = store_tables(s->store);
	int64_t id = 0;

	for (size_t i = 0; i < t->n_runs; i++)
		if (configuration_counts(configuration, &t->runs[i]) && t->runs[i].id > id)
			id = t->runs[i].id;
	return id;
}

#define THREADS_SQL(name)                                                                          \
	"SELECT lane, fs_base, samples, switches, (SELECT total(samples) FROM guest_thread b"      \
	" WHERE b.run = a.run AND b.lane = a.lane), ifnull(" name ", '')"                          \
	" FROM guest_thread a WHERE run = ?1 AND samples > 0"                                      \
	" ORDER BY lane, samples DESC, fs_base"

static int write_threads(
	const struct summary *s, const struct configuration *configuration, FILE *out)
{
	_cleanup_free_ char *file = flame_name(&flame_guest_threads, configuration);
	_cleanup_query_ sqlite3_stmt *query = NULL;
	size_t n = 0;
	int r;

	if (!file)
		return -ENOMEM;
	if (!store_has_table(s->store, "guest_thread"))
		return 0;
	r = store_prepare(s->store, &query,
		store_has_column(s->store, "guest_thread", "name") ? THREADS_SQL("name")
								   : THREADS_SQL("NULL"));
	if (r < 0)
		return r;
	sqlite3_bind_int64(query, 1, last_run(s, configuration));
	while ((r = store_step(s->store, query)) > 0) {
		double samples = (double)store_number(query, 2);
		double whole = sqlite3_column_double(query, 4);
		const struct sampled part = {samples, samples}, all = {whole, whole};

		/* Threads that were hardly seen say nothing, and there may be thousands. */
		if (samples < 0.005 * whole || n >= THREADS_SHOWN * 4UL)
			continue;
		if (n++ == 0) {
			fputs(open_table, out);
			fputs("<caption>Threads of the guest in the last run, told apart by FS "
			      "base, and OSv's by name, too; those with at least 0.5 % of a vCPU's samples. Switches: to "
			      "this thread, seen between two samples: a lower bound. Their stacks, "
			      "thread by thread: ",
				out);
			page_file_link(out, "", file, ".svg");
			fputs("</caption>"
			      "<thead><tr><th scope=\"col\" class=\"n\">vCPU</th>"
			      "<th scope=\"col\">thread</th>"
			      "<th scope=\"col\">FS base</th>"
			      "<th scope=\"col\" class=\"n\">% of vCPU</th>"
			      "<th scope=\"col\" class=\"n\">samples</th>"
			      "<th scope=\"col\" class=\"n\">switches</th></tr></thead><tbody>\n",
				out);
		}
		fprintf(out, "<tr><td class=\"n\">%lld</td><td><code>",
			(long long)store_number(query, 0));
		markup_text(out, (const char *)sqlite3_column_text(query, 5));
		fprintf(out,
			"</code></td><td><code>0x%llx</code></td>"
			"<td class=\"n\">%s</td><td class=\"n\">%s</td><td "
			"class=\"n\">%s</td></tr>\n",
			(unsigned long long)store_number(query, 1),
			format_sampled(&part, &all).text, format_count(samples).text,
			format_count((double)store_number(query, 3)).text);
	}
	if (n)
		page_table_close(out);
	return r;
}

static int write_configuration(
	const struct analysis *a, const struct configuration *configuration, bool *first, FILE *out)
{
	const struct stack_tree *tree = NULL;
	struct functions f = {0};
	int r = flame_tree_kept(a->flames, &flame_table[0], configuration, &tree);

	if (r < 0 || !tree)
		return r;
	r = collect(tree, &f);
	if (r < 0)
		return r;
	if (f.all.ns > 0) {
		fprintf(out, "<details%s><summary>", *first ? " open" : "");
		*first = false;
		page_configuration_name(out, configuration);
		fputs("</summary>\n", out);
		write_subsystems(configuration, out);
		write_processes(configuration, out);
		page_guest_queues(configuration, out);
		page_guest_work(configuration, out);
		write_functions(&f, tree->n_runs[TREE_A], out);
		r = page_guest_lines(a, configuration, &f.all, out);
		if (r >= 0)
			r = write_threads(a->summary, configuration, out);
		fputs("</details>\n", out);
	}
	free(f.items);
	return r;
}

int page_guest(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;
	bool first = true;

	for (size_t i = 0; i < s->n_configurations; i++) {
		int r = write_configuration(page->analysis, &s->configurations[i], &first, out);

		if (r < 0)
			return r;
	}
	return 0;
}
