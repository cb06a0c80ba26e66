/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/machine/machine.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "collector/machine/machine_files.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/text_file.h"

#define CPU_DIR "/sys/devices/system/cpu"

/* Kernel text is not always UTF-8; a fact that cannot be said in JSON is left out. */
static void set_string(json_t *facts, const char *key, const char *value)
{
	if (value)
		json_object_set_new(facts, key, json_string(value));
}

static void set_line(json_t *facts, const char *key, const char *root, const char *path)
{
	_cleanup_free_ char *line = read_line_at(root, "%s", path);

	set_string(facts, key, line);
}

static void set_flag(json_t *facts, const char *key, const char *root, const char *path)
{
	uint64_t value;

	if (read_u64_at(root, &value, "%s", path) == 0)
		json_object_set_new(facts, key, json_boolean(value));
}

static void facts_uname(json_t *facts)
{
	struct utsname u;

	if (uname(&u) < 0)
		return;
	set_string(facts, "kernel", u.release);
	set_string(facts, "kernel_version", u.version);
	set_string(facts, "architecture", u.machine);
	set_string(facts, "hostname", u.nodename);
}

static void facts_cpuinfo(json_t *facts, const char *root)
{
	_cleanup_free_ char *model = file_value("model name", "%s/proc/cpuinfo", root),
			    *vendor = file_value("vendor_id", "%s/proc/cpuinfo", root),
			    *flags = file_value("flags", "%s/proc/cpuinfo", root);

	set_string(facts, "cpu_model", model);
	set_string(facts, "cpu_vendor", vendor);
	if (!flags)
		return;
	json_object_set_new(facts, "hypervisor", json_boolean(has_word(flags, "hypervisor")));
	set_string(facts, "cpu_flags_virtualisation",
		has_word(flags, "vmx")   ? "vmx"
		: has_word(flags, "svm") ? "svm"
					 : NULL);
}

/* Call @f with every N for which CPU_DIR/cpuN is there, in any order. */
static void each_cpu(const char *root, void (*f)(const char *root, int cpu, void *data), void *data)
{
	_cleanup_free_ char *path = NULL;
	struct dirent *entry;
	DIR *dir;

	if (asprintf(&path, "%s" CPU_DIR, root ? root : "") < 0) {
		path = NULL;
		return;
	}
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		char *end;
		long cpu;

		if (strncmp(entry->d_name, "cpu", 3) != 0 || entry->d_name[3] < '0' ||
			entry->d_name[3] > '9')
			continue;
		cpu = strtol(entry->d_name + 3, &end, 10);
		if (*end == '\0' && cpu >= 0 && cpu < 1 << 20)
			f(root, (int)cpu, data);
	}
	closedir(dir);
}

struct frequencies {
	json_t *governors;
	json_t *current;
	uint64_t min, max;
};

static void add_distinct(json_t *array, const char *value)
{
	json_t *item;
	size_t i;

	json_array_foreach (array, i, item)
		if (strcmp(json_string_value(item), value) == 0)
			return;
	json_array_append_new(array, json_string(value));
}

static void read_frequency(const char *root, int cpu, void *data)
{
	struct frequencies *f = data;
	_cleanup_free_ char *governor =
		read_line_at(root, CPU_DIR "/cpu%d/cpufreq/scaling_governor", cpu);
	uint64_t khz;

	if (governor)
		add_distinct(f->governors, governor);
	if (read_u64_at(root, &khz, CPU_DIR "/cpu%d/cpufreq/scaling_cur_freq", cpu) == 0)
		json_array_append_new(f->current, json_integer((json_int_t)khz));
	if (read_u64_at(root, &khz, CPU_DIR "/cpu%d/cpufreq/cpuinfo_min_freq", cpu) == 0 &&
		(f->min == 0 || khz < f->min))
		f->min = khz;
	if (read_u64_at(root, &khz, CPU_DIR "/cpu%d/cpufreq/cpuinfo_max_freq", cpu) == 0 &&
		khz > f->max)
		f->max = khz;
}

static void facts_frequency(json_t *facts, const char *root)
{
	struct frequencies f = {.governors = json_array(), .current = json_array()};

	each_cpu(root, read_frequency, &f);
	if (json_array_size(f.governors) > 0)
		json_object_set(facts, "governor", f.governors);
	if (f.max > 0)
		json_object_set_new(facts, "frequency_khz",
			json_pack("{s:I, s:I, s:O}", "min", (json_int_t)f.min, "max",
				(json_int_t)f.max, "current", f.current));
	json_decref(f.governors);
	json_decref(f.current);
	set_line(facts, "cpufreq_driver", root, CPU_DIR "/cpu0/cpufreq/scaling_driver");
}

/* Turbo: two drivers say it in two ways, one of them the wrong way round. */
static void facts_boost(json_t *facts, const char *root)
{
	uint64_t value;

	if (read_u64_at(root, &value, CPU_DIR "/cpufreq/boost") == 0)
		json_object_set_new(facts, "boost", json_boolean(value));
	else if (read_u64_at(root, &value, CPU_DIR "/intel_pstate/no_turbo") == 0)
		json_object_set_new(facts, "boost", json_boolean(!value));
}

static void facts_mitigations(json_t *facts, const char *root)
{
	_cleanup_free_ char *path = NULL;
	json_t *lines = json_object();
	struct dirent *entry;
	DIR *dir;

	if (asprintf(&path, "%s" CPU_DIR "/vulnerabilities", root ? root : "") < 0)
		path = NULL;
	dir = path ? opendir(path) : NULL;
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.') {
			_cleanup_free_ char *line =
				read_line_at(root, CPU_DIR "/vulnerabilities/%s", entry->d_name);

			set_string(lines, entry->d_name, line);
		}
	}
	if (dir)
		closedir(dir);
	if (json_object_size(lines) > 0)
		json_object_set(facts, "mitigations", lines);
	json_decref(lines);
}

/* "always [madvise] never": the word in brackets. */
static void facts_thp(json_t *facts, const char *root)
{
	_cleanup_free_ char *line =
		read_line_at(root, "/sys/kernel/mm/transparent_hugepage/enabled");
	char *open = line ? strchr(line, '[') : NULL;
	char *close = open ? strchr(open, ']') : NULL;

	if (!close)
		return;
	*close = '\0';
	set_string(facts, "thp", open + 1);
}

static bool read_memory(const char *root, const char *key, json_int_t *ret_bytes)
{
	_cleanup_free_ char *kib = file_value(key, "%s/proc/meminfo", root);

	if (kib)
		*ret_bytes = strtoll(kib, NULL, 10) * 1024;
	return kib;
}

static void facts_memory(json_t *facts, const char *root)
{
	json_int_t total = 0, swap = 0, swap_free = 0;

	if (read_memory(root, "MemTotal", &total))
		json_object_set_new(facts, "memory_bytes", json_integer(total));
	if (!read_memory(root, "SwapTotal", &swap))
		return;
	read_memory(root, "SwapFree", &swap_free);
	json_object_set_new(facts, "swap_bytes", json_integer(swap));
	json_object_set_new(
		facts, "swap_used_bytes", json_integer(swap_free < swap ? swap - swap_free : 0));
}

/* The kernel keeps its coarse clock by the timer tick: that is its resolution, CONFIG_HZ the other way round. */
static void facts_tick(json_t *facts)
{
	struct timespec t;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &t) == 0 && t.tv_sec == 0)
		json_object_set_new(facts, "tick_ns", json_integer((json_int_t)t.tv_nsec));
}

json_t *machine_facts(const char *root)
{
	json_t *facts = json_object();
	uint64_t value;

	if (!facts)
		return NULL;
	facts_uname(facts);
	facts_cpuinfo(facts, root ? root : "");
	facts_frequency(facts, root);
	facts_boost(facts, root);
	set_flag(facts, "smt_active", root, CPU_DIR "/smt/active");
	facts_mitigations(facts, root);
	set_line(facts, "clocksource", root,
		"/sys/devices/system/clocksource/clocksource0/current_clocksource");
	set_line(facts, "clocksources", root,
		"/sys/devices/system/clocksource/clocksource0/available_clocksource");
	facts_thp(facts, root);
	facts_tick(facts);
	if (read_u64_at(root, &value, "/proc/sys/kernel/randomize_va_space") == 0)
		json_object_set_new(facts, "aslr", json_integer((json_int_t)value));
	facts_memory(facts, root ? root : "");
	set_line(facts, "cmdline", root, "/proc/cmdline");
	set_flag(facts, "nmi_watchdog", root, "/proc/sys/kernel/nmi_watchdog");
	set_line(facts, "isolated_cpus", root, CPU_DIR "/isolated");
	return facts;
}

/* The kernel's include/linux/proc_ns.h: fixed, as they are told to user space. */
static const struct {
	const char *name;
	const char *first;
} namespaces[] = {
	[MACHINE_PID_NAMESPACE] = {"pid", "pid:[4026531836]"},    /* PROC_PID_INIT_INO */
	[MACHINE_TIME_NAMESPACE] = {"time", "time:[4026531834]"}, /* PROC_TIME_INIT_INO */
};

bool machine_kernel_is_known(void)
{
	unsigned oldest[2] = {0}, running[2] = {0};
	struct utsname u;

	sscanf(MACHINE_OLDEST_KERNEL, "%u.%u", &oldest[0], &oldest[1]);
	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &running[0], &running[1]) != 2)
		return true;
	return running[0] != oldest[0] ? running[0] > oldest[0] : running[1] >= oldest[1];
}

bool machine_in_first_namespace(enum machine_namespace which)
{
	char path[32], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", namespaces[which].name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return true;
	target[n] = '\0';
	return strcmp(target, namespaces[which].first) == 0;
}
