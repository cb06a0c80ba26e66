/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/probes/probe_refusal.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "collector/machine/machine.h"
#include "collector/machine/machine_files.h"
#include "collector/machine/rights.h"
#include "common/cleanup.h"
#include "common/version.h"

#define LOG_BEGIN "-- BEGIN PROG LOAD LOG --\n"
#define LOG_END   "-- END PROG LOAD LOG --"
#define LINES_MAX 2

struct refusal_words {
	libbpf_print_fn_t before;
	char *text; /* malloced by the stream */
	size_t size;
	FILE *stream;
	char program[64];
};

/* libbpf has one listener, without a pointer of its own. */
static struct refusal_words *listener;

static int on_word(enum libbpf_print_level level, const char *format, va_list ap)
{
	va_list copy;

	if (listener && listener->stream && level != LIBBPF_DEBUG) {
		va_copy(copy, ap);
		vfprintf(listener->stream, format, copy);
		va_end(copy);
	}
	return listener && listener->before ? listener->before(level, format, ap) : 0;
}

struct refusal_words *refusal_listen(void)
{
	struct refusal_words *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->stream = open_memstream(&w->text, &w->size);
	if (!w->stream) {
		free(w);
		return NULL;
	}
	listener = w;
	w->before = libbpf_set_print(on_word);
	return w;
}

void refusal_done(struct refusal_words *w)
{
	if (!w)
		return;
	libbpf_set_print(w->before);
	listener = NULL;
	if (w->stream)
		fclose(w->stream);
	free(w->text);
	free(w);
}

void refusal_forget(struct refusal_words *w)
{
	if (w->stream)
		fclose(w->stream);
	free(w->text);
	w->text = NULL;
	w->stream = open_memstream(&w->text, &w->size);
}

static const char *said(struct refusal_words *w)
{
	if (w->stream)
		fflush(w->stream);
	return w->text ? w->text : "";
}

const char *refusal_program(struct refusal_words *w)
{
	static const char mark[] = "prog '";
	const char *at = said(w), *last = NULL;
	size_t n;

	while ((at = strstr(at, mark)))
		last = at += sizeof(mark) - 1;
	n = last ? strcspn(last, "'\n") : 0;
	snprintf(w->program, sizeof(w->program), "%.*s", (int)n, last ? last : "");
	return w->program;
}

/* Why, in the words of the verifier: its last lines but the one with statistics. */
static bool verifier_lines(struct refusal_words *w, char *ret, size_t size)
{
	const char *begin = strstr(said(w), LOG_BEGIN), *end, *lines[LINES_MAX];
	size_t lengths[LINES_MAX], n = 0;

	if (!begin)
		return false;
	begin += strlen(LOG_BEGIN);
	end = strstr(begin, LOG_END);
	end = end ? end : begin + strlen(begin);
	while (end > begin && n < LINES_MAX) {
		const char *stop = end - 1, *start;

		for (start = stop; start > begin && start[-1] != '\n'; start--)
			;
		end = start;
		if (stop == start || strncmp(start, "processed ", 10) == 0 ||
			strncmp(start, "libbpf: ", 8) == 0)
			continue;
		lines[n] = start;
		lengths[n++] = (size_t)(stop - start);
	}
	ret[0] = '\0';
	while (n-- > 0) {
		size_t used = strlen(ret);

		snprintf(ret + used, size - used, "%s%.*s", used ? "; " : "",
			lengths[n] < 200 ? (int)lengths[n] : 200, lines[n]);
	}
	return ret[0] != '\0';
}

/* The first complaint, without libbpf's own name; the others follow from it. */
static int first_line(struct refusal_words *w, const char **ret)
{
	static const char own[] = "libbpf: ";

	*ret = said(w);
	if (strncmp(*ret, own, sizeof(own) - 1) == 0)
		*ret += sizeof(own) - 1;
	return (int)strcspn(*ret, "\n");
}

/* The path of the file with all that was said, or NULL. */
static char *write_file(struct refusal_words *w, const char *folder, const char *release)
{
	const char *temporary = getenv("TMPDIR");
	_cleanup_free_ char *path = NULL;
	FILE *f;
	int fd = -1;
	bool bad;

	if (folder && asprintf(&path, "%s/probes.log", folder) < 0)
		return NULL;
	if (!folder &&
		asprintf(&path, "%s/guestscope-probes-XXXXXX", temporary ? temporary : "/tmp") < 0)
		return NULL;
	if (!folder)
		fd = mkostemp(path, 02000000 /* O_CLOEXEC */);
	f = folder ? fopen(path, "we") : fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f)
		return NULL;
	fprintf(f, "Linux %s, probes compiled by %s, libbpf %s\n\n", release,
		version_probes_compiler, libbpf_version_string());
	bad = fputs(said(w), f) == EOF;
	bad |= fclose(f) == EOF;
	return bad ? NULL : TAKE_PTR(path);
}

/* Is bpf() itself refused? Then a negative errno. */
static int try_bpf(void)
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(uint32_t),
		.max_entries = 1};
	_cleanup_close_ int fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : 0;
}

int refusal_of_machine(struct error *error)
{
	_cleanup_free_ char *lockdown = read_line_at(NULL, "/sys/kernel/security/lockdown");
	char lacking[256];
	int r;

	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return error_set(error, -ENOENT,
			"this kernel has no BTF (/sys/kernel/btf/vmlinux): a kernel built with "
			"CONFIG_DEBUG_INFO_BTF is needed, as every distribution's is since 2021");
	if (rights_lacking(lacking, sizeof(lacking), false))
		return error_set(error, -EPERM,
			"not allowed to load eBPF programs, for want of %s: run as root (sudo), or "
			"with these capabilities, too (see PRIVILEGES in collector(1))",
			lacking);
	r = try_bpf();
	if (r < 0 && rights_have_seccomp_filter())
		return error_set(error, r,
			"bpf() is forbidden by a filter of system calls (seccomp), as containers "
			"and "
			"services have: run outside of it, or with a filter that lets bpf() and "
			"perf_event_open() through (docker run --security-opt seccomp=unconfined)");
	if (r < 0)
		return error_set_errno(error, r,
			"bpf() is refused although the rights are there: a security module forbids "
			"it, or the kernel is built without CONFIG_BPF_SYSCALL");
	if (lockdown && strstr(lockdown, "[confidentiality]"))
		return error_set(error, -EPERM,
			"kernel lockdown forbids eBPF programs to read the kernel's memory: boot "
			"with lockdown=integrity or none instead of lockdown=confidentiality");
	return 0;
}

void refusal_explain(struct refusal_words *w, int r, const struct refusal_of *of,
	const char *folder, struct error *error)
{
	_cleanup_free_ char *path = NULL;
	const char *words;
	struct utsname u = {0};
	int length;
	char lines[420] = "", old[128] = "";

	uname(&u);
	path = write_file(w, folder, u.release);
	length = first_line(w, &words);
	if (!machine_kernel_is_known())
		snprintf(old, sizeof(old),
			"; Linux " MACHINE_OLDEST_KERNEL " is the oldest that is known to work");
	if (verifier_lines(w, lines, sizeof(lines)))
		error_set(error, r,
			"the verifier of Linux %s refuses the eBPF program %s, compiled by %s "
			"(%s)%s; "
			"all that it said is in %s",
			u.release, of->program, version_probes_compiler, lines, old,
			path ? path : "no file: none can be written");
	else
		error_set(error, r,
			"cannot %s the eBPF program%s%s, compiled by %s, on Linux %s: %s (%.*s)%s; "
			"all that was said is in %s",
			of->doing, of->program[0] ? " " : "s", of->program, version_probes_compiler,
			u.release, strerror(-r), length, words, old,
			path ? path : "no file: none can be written");
}
