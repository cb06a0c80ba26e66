/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/qemu/qemu.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/console.h"
#include "common/spawn.h"
#include "common/text_file.h"
#include "guests/guest_files.h"
#include "guests/guest_process.h"
#include "guests/machine_type.h"
#include "guests/process/command.h"
#include "guests/qemu/qemu_network.h"
#include "guests/qemu/qemu_own.h"
#include "guests/qemu/qmp.h"

#define MIB              ((uint64_t)1 << 20)
#define RAM_STEP         (64 * MIB)
#define RAM_MIN          (512 * MIB)
#define VERSION_WAIT_MS  10000
#define LANES_WAIT_MS    100
#define QUIT_WAIT_MS     2000
#define QMP_QUIT_WAIT_MS 300
#define LANES_MAX        1024

struct qemu {
	struct qmp qmp;
	struct qemu_trial trial;
	char *socket;
};

int qemu_available(struct error *error)
{
	_cleanup_free_ char *path = NULL;
	int r = spawn_find_program(QEMU_PROGRAM, &path);

	if (r == -ENOENT)
		return error_set(
			error, r, "%s is not installed: apt install qemu-system-x86", QEMU_PROGRAM);
	return r < 0 ? error_set_errno(error, r, QEMU_PROGRAM) : 0;
}

int qemu_stack_available(const struct guest_spec *spec,
	int (*find_kernel)(const struct guest_spec *spec, char **ret, struct error *error),
	struct error *error)
{
	_cleanup_free_ char *kernel = NULL;
	int r = qemu_available(error);

	if (r == 0)
		r = find_kernel(spec, &kernel, error);
	return r < 0 ? r : guest_symbols_available(spec->symbols, error);
}

static uint64_t ram_bytes(const struct guest_spec *spec, uint64_t kernel_bytes)
{
	uint64_t program = spec->memory_bytes;
	uint64_t bytes;

	if (spec->ram_bytes)
		return spec->ram_bytes;
	if (program > UINT64_MAX / 4)
		program = UINT64_MAX / 4;
	bytes = kernel_bytes + 2 * program;
	bytes = (bytes + RAM_STEP - 1) / RAM_STEP * RAM_STEP;
	return bytes < RAM_MIN ? RAM_MIN : bytes;
}

/* Of a machine that runs what is its own only the user can tell what that is. */
static int add_own_program(struct guest *g, bool (*skip)(const char *name), struct error *error)
{
	int r = g->spec.own ? guest_inside_add_program(g->inside, g->spec.program, skip, error) : 0;

	for (size_t i = 0; i < g->spec.n_with && r == 0; i++)
		r = guest_inside_add_program(g->inside, g->spec.with[i].source, skip, error);
	return r;
}

static int describe_inside(struct guest *g, const struct qemu_machine *m, struct error *error)
{
	_cleanup_(strv_freep) char **files = NULL;
	int r = guest_inside_new(&m->inside, m->kernel,
		g->spec.symbols ? g->spec.symbols : m->symbols,
		ram_bytes(&g->spec, m->kernel_bytes), machine_type(g->spec.machine), &g->inside);
	if (r < 0)
		return error_set_errno(error, r, "%s", g->ops->name);
	if (g->spec.alone)
		return add_own_program(g, m->library_inside, error);
	if (m->program_inside)
		return 0;
	r = guest_executables(&g->spec, &files, error);
	for (size_t i = 0; r == 0 && files[i]; i++)
		r = guest_inside_add_program(g->inside, files[i], m->library_inside, error);
	return r;
}

bool qemu_host_is_emulated(void)
{
	_cleanup_free_ char *model = file_value("model name", "/proc/cpuinfo");

	return model && strstr(model, "QEMU TCG");
}

/* In an option's value QEMU takes a comma as the end, two for one. */
char *qemu_double_commas(const char *text)
{
	char *copy = malloc(2 * strlen(text) + 1), *p = copy;

	if (!copy)
		return NULL;
	for (; *text; text++) {
		*p++ = *text;
		if (*text == ',')
			*p++ = ',';
	}
	*p = '\0';
	return copy;
}

/* "QEMU emulator version 7.2.22 (Debian ...)": the first line of --version. */
static int read_version(char **ret, struct error *error)
{
	char *const argv[] = {(char *)QEMU_PROGRAM, (char *)"--version", NULL};
	char *text;
	int r;

	r = spawn_output(argv, VERSION_WAIT_MS, &text, NULL, error);
	if (r < 0)
		return r;
	text[strcspn(text, "\r\n")] = '\0';
	*ret = text;
	return 0;
}

static void add_machine(struct strv *v, const struct guest *g, const struct qemu_machine *m)
{
	const struct machine_type *type = machine_type(g->spec.machine);
	bool kvm = g->spec.accel == ACCEL_KVM;

	strv_add(v, QEMU_PROGRAM);
	strv_add(v, "-name");
	strv_addf(v, "guestscope-%s,debug-threads=on", g->spec.nonce);
	strv_add(v, "-nodefaults");
	strv_add(v, "-no-user-config");
	strv_add(v, "-machine");
	strv_addf(v, "%s,memory-backend=ram,%s", type->name, type->settings);
	if (type->global) {
		strv_add(v, "-global");
		strv_add(v, type->global);
	}
	strv_add(v, "-accel");
	strv_add(v, kvm ? "kvm" : "tcg,thread=multi");
	strv_add(v, "-cpu");
	strv_add(v, kvm ? m->cpu_kvm : m->cpu_tcg);
	strv_add(v, "-smp");
	strv_addf(v, "cpus=%u,sockets=1,cores=%u,threads=1", g->spec.lanes, g->spec.lanes);
	strv_add(v, "-m");
	strv_addf(v, "%lluM", (unsigned long long)(g->inside->ram_bytes / MIB));
	/* One shared mapping: the guest's memory can be found, and read, from outside. */
	strv_add(v, "-object");
	strv_addf(v, "memory-backend-memfd,id=ram,share=on,size=%lluM",
		(unsigned long long)(g->inside->ram_bytes / MIB));
	strv_add(v, "-display");
	strv_add(v, "none");
	strv_add(v, "-no-reboot");
	strv_add(v, "-sandbox");
	strv_add(v, "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	strv_add(v, "-chardev");
	strv_add(v, "stdio,id=console,signal=off");
	strv_add(v, "-serial");
	strv_add(v, "chardev:console");
	if (m->exit_port) {
		strv_add(v, "-device");
		strv_add(v, "isa-debug-exit");
	}
}

static int add_disk(struct strv *v, const char *device, const struct qemu_disk *d, size_t i)
{
	_cleanup_free_ char *file = qemu_double_commas(d->file);

	if (!file)
		return -ENOMEM;
	strv_add(v, "-drive");
	strv_addf(v, "file=%s,if=none,id=disk%zu,format=%s,%s", file, i, d->format,
		d->writable ? "snapshot=on" : "readonly=on");
	strv_add(v, "-device");
	strv_addf(v, "%s,drive=disk%zu%s%s", device, i, d->serial ? ",serial=" : "",
		d->serial ? d->serial : "");
	return 0;
}

static void add_kernel(
	struct strv *v, const struct machine_type *type, const struct qemu_machine *m)
{
	if (m->low_pvh && type->firmware) {
		strv_add(v, "-bios");
		strv_add(v, type->firmware);
	}
	strv_add(v, "-kernel");
	strv_add(v, m->kernel);
	if (m->initrd) {
		strv_add(v, "-initrd");
		strv_add(v, m->initrd);
	}
	if (m->append) {
		strv_add(v, "-append");
		strv_add(v, m->append);
	}
}

static int make_argv(
	struct guest *g, const struct qemu_machine *m, const char *socket, struct error *error)
{
	const struct machine_type *type = machine_type(g->spec.machine);
	_cleanup_free_ char *quoted_socket = qemu_double_commas(socket);
	_cleanup_(strv_clear) struct strv v = {0};
	int r = quoted_socket ? 0 : -ENOMEM;

	if (r < 0)
		return error_set_errno(error, r, "command line of QEMU");
	add_machine(&v, g, m);
	strv_add(&v, "-qmp");
	strv_addf(&v, "unix:%s,server=on,wait=off", quoted_socket);
	if (m->kernel)
		add_kernel(&v, type, m);
	if (g->spec.alone)
		strv_add(&v, "-no-shutdown");
	for (size_t i = 0; i < QEMU_DISKS_MAX && r == 0; i++)
		if (m->disks[i].file)
			r = add_disk(&v, type->disk, &m->disks[i], i);
	qemu_network_add(&v, type->network, &g->spec);
	if (r == 0)
		r = strv_take(&v, &g->argv);
	return r < 0 ? error_set_errno(error, r, "command line of QEMU") : 0;
}

/* The state that the functions below need. */
static int begin(struct guest *g, struct error *error)
{
	_cleanup_free_ char *socket = NULL;
	struct qemu *q;

	if (g->data || g->argv)
		return error_set(error, -EALREADY, "guest %s is prepared already", g->ops->name);
	if (asprintf(&socket, "%s/%s.qmp", g->spec.work_dir, g->spec.nonce) < 0) {
		socket = NULL;
		return error_set_errno(error, -ENOMEM, "QEMU");
	}
	if (strlen(socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return error_set(error, -ENAMETOOLONG,
			"the work folder's path is too long for a socket in it: %s",
			g->spec.work_dir);
	q = calloc(1, sizeof(*q));
	if (!q)
		return error_set_errno(error, -ENOMEM, "QEMU");
	qmp_init(&q->qmp);
	q->trial.fd = -EBADF;
	q->socket = TAKE_PTR(socket);
	g->data = q;
	g->event_fd = -1;
	return 0;
}

int qemu_prepare(struct guest *g, const struct qemu_machine *m, struct error *error)
{
	int r = begin(g, error);

	if (r == 0)
		r = describe_inside(g, m, error);
	if (r == 0)
		r = read_version(&g->note, error);
	if (r == 0)
		r = make_argv(g, m, ((struct qemu *)g->data)->socket, error);
	return r;
}

int qemu_prepare_own(struct guest *g, char *const *words, const char *kernel, struct error *error)
{
	const struct guest_inside like = {.unplaced = true, .fixed = qemu_own_is_fixed(words)};
	int r = begin(g, error);

	if (r == 0)
		r = guest_inside_new(
			&like, kernel, g->spec.symbols, 0, machine_type(MACHINE_PC), &g->inside);
	if (r == 0)
		r = add_own_program(g, NULL, error);
	if (r == 0)
		r = read_version(&g->note, error);
	if (r == 0)
		r = qemu_own_argv(
			&g->spec, words, ((struct qemu *)g->data)->socket, &g->argv, error);
	return r;
}

int qemu_start(struct guest *g, struct error *error)
{
	/* QEMU's threads inherit this; the vCPUs get CPUs of their own in qemu_lanes(). */
	const int *cpus = g->spec.lane_cpus ? g->spec.helper_cpus : NULL;

	if (!g->data)
		return error_set(error, -EINVAL, "guest %s is not prepared", g->ops->name);
	return guest_spawn(g, cpus, g->spec.n_helper_cpus, error);
}

static int pin(pid_t tid, const int *cpus, size_t n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (size_t i = 0; i < n; i++) {
		if (cpus[i] < 0 || cpus[i] >= CPU_SETSIZE)
			return -EINVAL;
		CPU_SET(cpus[i], &set);
	}
	return sched_setaffinity(tid, sizeof(set), &set) < 0 ? -errno : 0;
}

static bool is_vcpu(pid_t tid, const pid_t *vcpus, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (vcpus[i] == tid)
			return true;
	return false;
}

/* All threads but the vCPUs go to the helpers' CPUs. A thread that ends meanwhile is no error. */
static int pin_helpers(struct guest *g, const pid_t *vcpus, size_t n)
{
	char path[64];
	struct dirent *e;
	DIR *d;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)g->pid);
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d)) && r == 0) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);

		if (tid <= 0 || is_vcpu(tid, vcpus, n))
			continue;
		r = pin(tid, g->spec.helper_cpus, g->spec.n_helper_cpus);
		if (r == -ESRCH)
			r = 0;
	}
	closedir(d);
	return r;
}

/* Thread ids come from QEMU: touch none that is not QEMU's. */
static bool is_thread_of(pid_t pid, pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid, (int)tid);
	return access(path, F_OK) == 0;
}

static int pin_all(struct guest *g, const pid_t *vcpus, size_t n, struct error *error)
{
	int r = 0;

	for (size_t i = 0; i < n && g->spec.lane_cpus; i++) {
		r = pin(vcpus[i], &g->spec.lane_cpus[i], 1);
		if (r < 0)
			return error_set_errno(
				error, r, "cannot pin vCPU %zu to CPU %d", i, g->spec.lane_cpus[i]);
	}
	if (g->spec.helper_cpus)
		r = pin_helpers(g, vcpus, n);
	return r < 0 ? error_set_errno(error, r, "cannot pin QEMU's threads") : 0;
}

int qemu_lanes(struct guest *g, struct guest_lane *ret, size_t max, struct error *error)
{
	struct qemu *q = g->data;
	size_t n = g->spec.lanes;
	pid_t vcpus[LANES_MAX];
	int r;

	if (!q || g->pid <= 0)
		return error_set(error, -ESRCH, "QEMU does not run");
	if (n > max || n > LANES_MAX)
		return error_set(error, -E2BIG, "%zu vCPUs are more than can be told", n);
	r = qmp_connect(&q->qmp, q->socket, LANES_WAIT_MS, error);
	if (r < 0)
		return r;
	r = qmp_vcpus(&q->qmp, 10 * LANES_WAIT_MS, vcpus, n, error);
	if (r < 0)
		return r;
	if ((size_t)r != n)
		return error_set(error, -EPROTO, "QEMU names %d vCPUs instead of %zu", r, n);
	for (size_t i = 0; i < n; i++)
		if (!is_thread_of(g->pid, vcpus[i]))
			return error_set(
				error, -ESRCH, "vCPU %zu is no thread of QEMU any more", i);
	r = pin_all(g, vcpus, n, error);
	if (r < 0)
		return r;
	g->event_fd = q->qmp.fd;
	for (size_t i = 0; i < n; i++)
		ret[i] = (struct guest_lane){.lane = (unsigned)i, .tid = vcpus[i]};
	return (int)n;
}

int qemu_answers(struct guest *g, struct error *error)
{
	struct qemu *q = g->data;
	int r;

	if (!q || g->pid <= 0)
		return 0;
	r = qmp_connect(&q->qmp, q->socket, LANES_WAIT_MS, error);
	if (r < 0)
		return r == -EAGAIN ? 0 : r;
	return qemu_network_answers(&q->trial, &q->qmp, &g->spec, error);
}

bool qemu_shut_down(struct guest *g)
{
	struct qemu *q = g->data;

	return q && qmp_shut_down(&q->qmp);
}

void qemu_stop(struct guest *g, bool orderly)
{
	struct qemu *q = g->data;

	if (!q)
		return;
	if (orderly && g->pid > 0 && !g->reaped && g->release_fd < 0) {
		/* The answer may be lost in QEMU's end: what counts is whether that comes. */
		if (qmp_connect(&q->qmp, q->socket, QMP_QUIT_WAIT_MS, NULL) == 0)
			(void)qmp_command(&q->qmp, "quit", QMP_QUIT_WAIT_MS, NULL, NULL);
		(void)guest_reap(g, q->qmp.fd >= 0 ? QUIT_WAIT_MS : 0);
	}
	guest_kill(g);
	qemu_trial_end(&q->trial);
	qmp_close(&q->qmp);
	unlink(q->socket);
}

void qemu_destroy(struct guest *g)
{
	struct qemu *q = g->data;

	if (!q)
		return;
	qmp_close(&q->qmp);
	free(q->socket);
	free(q);
	g->data = NULL;
}

int qemu_verdict(struct guest *g, const char *console, size_t length, struct error *error)
{
	char words[CONSOLE_WORDS_SIZE];
	const char *line;
	size_t n;

	/* The console's end and the process's come together, within a moment. */
	if (guest_reap(g, QUIT_WAIT_MS) < 0 || !g->reaped)
		return 0;
	if (WIFSIGNALED(g->wait_status))
		return error_set(error, -EIO, "QEMU was killed by signal %d (%s)",
			WTERMSIG(g->wait_status), strsignal(WTERMSIG(g->wait_status)));
	if (WEXITSTATUS(g->wait_status) == 0)
		return 0;
	console_last_words(words, console, length);
	if (console_find(console, length, QEMU_PROGRAM ":", false, &line, &n)) {
		memcpy(words, ": ", 3);
		console_quote(words + 2, sizeof(words) - 2, line, n);
	}
	return error_set(error, -EIO, "QEMU ended with status %d%s", WEXITSTATUS(g->wait_status),
		words[0] ? words : ": it said nothing");
}
