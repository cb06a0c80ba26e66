/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/cleanup.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

enum fact_form {
	FACT_TEXT,  /**< as it is; JSON objects and arrays as lines */
	FACT_TRUTH, /**< 0 no, 1 yes */
	FACT_BYTES,
};

/** Settings with a place of their own; all others follow under their names. */
static const struct {
	const char *key;
	const char *title;
	enum fact_form form;
} known[] = {
	{"hostname", "Host", FACT_TEXT},
	{"cpu_model", "Processor", FACT_TEXT},
	{"cpu_vendor", "Processor vendor", FACT_TEXT},
	{"hypervisor", "Running under a hypervisor", FACT_TRUTH},
	{"cpu_flags_virtualisation", "Virtualisation by hardware", FACT_TEXT},
	{"smt", "SMT control", FACT_TEXT},
	{"smt_active", "SMT enabled", FACT_TRUTH},
	{"governor", "Frequency governor", FACT_TEXT},
	{"cpufreq_driver", "Frequency driver", FACT_TEXT},
	{"frequency_khz", "Frequency, kHz", FACT_TEXT},
	{"boost", "Boost", FACT_TRUTH},
	{"memory_bytes", "Memory", FACT_BYTES},
	{"swap_bytes", "Swap", FACT_BYTES},
	{"swap_used_bytes", "Swap in use", FACT_BYTES},
	{"thp", "Transparent huge pages", FACT_TEXT},
	{"clocksource", "Clock source", FACT_TEXT},
	{"clocksources", "Available clock sources", FACT_TEXT},
	{"kernel", "Kernel", FACT_TEXT},
	{"kernel_version", "Kernel build", FACT_TEXT},
	{"architecture", "Architecture", FACT_TEXT},
	{"cmdline", "Kernel command line", FACT_TEXT},
	{"isolated_cpus", "Isolated CPUs", FACT_TEXT},
	{"nmi_watchdog", "NMI watchdog", FACT_TRUTH},
	{"aslr", "Address randomisation", FACT_TEXT},
	{"mitigations", "Mitigations", FACT_TEXT},
	{"versions", "Versions", FACT_TEXT},
	{"guestscope", "guestscope", FACT_TEXT},
	{"scenario", "Scenario", FACT_TEXT},
	{"client", "Client, whose the run is", FACT_TEXT},
	{"pin", "Pinning", FACT_TEXT},
	{"seed", "Seed of the run order", FACT_TEXT},
	{"frequency_hz", "Sampling frequency, Hz", FACT_TEXT},
	{"frequency", "Sampling frequency chosen", FACT_TEXT},
	{"tick_cost_ns", "Cost of a sampling tick, ns", FACT_TEXT},
	{"started_utc", "Started (UTC)", FACT_TEXT},
};

/** Settings shown elsewhere, or too long to be read. */
static const char *const elsewhere[] = {
	"command", "local", "plan", "topology", "topology_shape", "topology_text", "until"};

/** Is @key that setting, or (in a merged store) that setting of one of the stores? */
static bool is_setting(const char *key, const char *name)
{
	size_t n = strlen(name);

	return strncmp(key, name, n) == 0 && (key[n] == '\0' || strncmp(key + n, " (", 2) == 0);
}

static void write_plain(const json_t *value, FILE *out)
{
	_cleanup_free_ char *dump = json_is_string(value) ? strdup(json_string_value(value))
							  : json_dumps(value, JSON_ENCODE_ANY);

	markup_text(out, dump ? dump : "");
}

/** Objects as "name value" lines, arrays as a list with commas, all else as it is written in JSON.
 */
static void write_json(json_t *value, FILE *out)
{
	const char *name, *separator = "";
	json_t *member;
	size_t i;

	if (json_is_array(value)) {
		json_array_foreach (value, i, member) {
			fputs(i ? ", " : "", out);
			write_plain(member, out);
		}
		return;
	}
	if (!json_is_object(value)) {
		write_plain(value, out);
		return;
	}
	json_object_foreach (value, name, member) {
		fputs(separator, out);
		markup_text(out, name);
		fputs(": ", out);
		write_plain(member, out);
		separator = "\n";
	}
}

static void write_value(const char *value, enum fact_form form, FILE *out)
{
	json_t *parsed = *value == '{' || *value == '[' ? json_loads(value, 0, NULL) : NULL;

	if (parsed)
		write_json(parsed, out);
	else if (form == FACT_TRUTH && (strcmp(value, "0") == 0 || strcmp(value, "1") == 0))
		fputs(*value == '1' ? "yes" : "no", out);
	else if (form == FACT_BYTES)
		fprintf(out, "%.1f MiB", strtod(value, NULL) / 1048576);
	else
		markup_text(out, value);
	json_decref(parsed);
}

static void write_setting(
	const struct store_setting *setting, const char *title, enum fact_form form, FILE *out)
{
	const char *of = strstr(setting->key, " (");

	if (!*setting->value)
		return;
	fputs("<dt>", out);
	markup_text(out, title ? title : setting->key);
	if (title && of)
		markup_text(out, of);
	fputs("</dt><dd>", out);
	write_value(setting->value, form, out);
	fputs("</dd>\n", out);
}

static bool is_known(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (is_setting(key, known[i].key))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		if (is_setting(key, elsewhere[i]))
			return true;
	return false;
}

static void write_long(const struct store_tables *t, const char *name, const char *title, FILE *out)
{
	for (size_t i = 0; i < t->n_settings; i++) {
		if (!is_setting(t->settings[i].key, name) || !*t->settings[i].value)
			continue;
		fprintf(out, "<details class=\"quiet\"><summary>%s", title);
		markup_text(out, t->settings[i].key + strlen(name));
		fputs("</summary><pre tabindex=\"0\">", out);
		markup_text(out, t->settings[i].value);
		fputs("</pre></details>\n", out);
	}
}

int page_machine(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;
	const struct store_tables *t = store_tables(s->store);

	fputs("<dl class=\"facts\">\n", out);
	for (size_t k = 0; k < ARRAY_SIZE(known); k++)
		for (size_t i = 0; i < t->n_settings; i++)
			if (is_setting(t->settings[i].key, known[k].key))
				write_setting(&t->settings[i], known[k].title, known[k].form, out);
	for (size_t i = 0; i < t->n_settings; i++)
		if (!is_known(t->settings[i].key))
			write_setting(&t->settings[i], NULL, FACT_TEXT, out);
	fputs("</dl>\n", out);
	for (size_t i = 0; i < t->n_settings; i++) {
		if (!is_setting(t->settings[i].key, "topology_text"))
			continue;
		fputs("<h3>Topology", out);
		markup_text(out, t->settings[i].key + strlen("topology_text"));
		fputs("</h3><pre tabindex=\"0\">", out);
		markup_text(out, t->settings[i].value);
		fputs("</pre>\n", out);
	}
	write_long(t, "topology", "Topology as hwloc XML", out);
	return 0;
}
