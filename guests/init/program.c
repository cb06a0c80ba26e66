/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the program of a Linux guest: mounts what a program expects, runs the command in
 * COMMAND_FILE, says how it ended, and powers off. In linux-minimal it is the first process, and the
 * program the only other one. In linux a unit of systemd starts it from the program's disk, which
 * becomes its root. A program of the user's own knows nothing of markers: they are written here,
 * just before its exec and at its end. Linked statically, so that it brings nothing along.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "guests/init/common.h"
#include "guests/init/disks.h"
#include "guests/init/mark_line.h"
#include "guests/init/network.h"
#include "guests/init/words.h"

#define LEFT_GRACE_MS 200 /* what ends with its parent needs a moment */
#define LEFT_STEP_MS  10
#define LEFT_MAX      8

struct command {
	char *argv[WORDS_MAX + 1];
	char *environment[WORDS_MAX + 1];
	size_t n_arguments, n_variables;
	const char *folder; /* or NULL: the program is the workload */
	bool on_disk;
	bool networked;
};

/* Every byte as it is: no "\n" to "\r\n", no echo, no signals from the other side. */
static void make_console_raw(void)
{
	struct termios t;

	if (tcgetattr(STDOUT_FILENO, &t) < 0)
		return;
	cfmakeraw(&t);
	(void)tcsetattr(STDOUT_FILENO, TCSANOW, &t);
}

static size_t read_words(const char *path, char text[static COMMAND_MAX + 1])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got;

	while (fd >= 0 && (got = read(fd, text + used, COMMAND_MAX - used)) > 0)
		used += (size_t)got;
	text[used] = '\0';
	if (fd >= 0)
		close(fd);
	return used;
}

static void take_word(struct command *c, char *word)
{
	switch (word[0]) {
	case WORD_ARGUMENT:
		if (c->n_arguments < WORDS_MAX)
			c->argv[c->n_arguments++] = word + 1;
		break;
	case WORD_VARIABLE:
		if (c->n_variables < WORDS_MAX)
			c->environment[c->n_variables++] = word + 1;
		break;
	case WORD_FOLDER:
		c->folder = word + 1;
		break;
	case WORD_NETWORK:
		c->networked = true;
		break;
	case WORD_DISK:
		c->on_disk = true;
		break;
	default:
		break;
	}
}

static bool sets(const struct command *c, const char *variable)
{
	size_t length = strcspn(variable, "=") + 1;

	for (size_t i = 0; i < c->n_variables; i++)
		if (strncmp(c->environment[i], variable, length) == 0)
			return true;
	return false;
}

static void add_defaults(struct command *c)
{
	static char *const defaults[] = {
		(char *)"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", (char *)"HOME=/",
		(char *)"TERM=dumb", (char *)"LD_LIBRARY_PATH=/lib"};

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if (!sets(c, defaults[i]) && c->n_variables < WORDS_MAX)
			c->environment[c->n_variables++] = defaults[i];
}

static void read_command(const char *path, struct command *c)
{
	static char text[COMMAND_MAX + 1];
	size_t used = read_words(path, text);

	for (char *p = text; p < text + used; p += strlen(p) + 1)
		take_word(c, p);
	if (!c->n_arguments)
		fail("cannot read", path, errno);
	add_defaults(c);
}

/* Under an init system output goes to its journal: the console is what the host reads. */
static void take_console(void)
{
	int fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

/* systemd shares mounts with all that is bound to them: what is mounted on the disk's folders would be
 * seen at INIT_UNDER too. */
static void enter_program_disk(void)
{
	if (mount(NULL, PROGRAM_MOUNT, NULL, MS_PRIVATE, NULL) < 0)
		say("cannot make private", PROGRAM_MOUNT, errno);
	if (chdir(PROGRAM_MOUNT) < 0 || chroot(".") < 0)
		fail("cannot enter", PROGRAM_MOUNT, errno);
}

/* What is @name in @under is seen in @folder too: a folder by a mount, so that it is the same place,
 * anything else by a link. */
static void show(const char *under, const char *folder, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct stat st;
	int r;

	snprintf(from, sizeof(from), "%.1000s/%.255s", under, name);
	snprintf(to, sizeof(to), "%.1000s/%.255s", folder, name);
	if (lstat(from, &st) == 0 && S_ISDIR(st.st_mode))
		r = mkdir(to, 0755) < 0 ? -1 : mount(from, to, NULL, MS_BIND, NULL);
	else
		r = symlink(from, to);
	if (r < 0)
		say("cannot show", to, errno);
}

/*
 * The disk can only be read. Put memory over @folder, and show in it all that is below: a
 * program may write there beside what it was given.
 */
static void make_writable(const char *folder, int number)
{
	struct mount_point memory = {"tmpfs", folder, MS_NOSUID | MS_NODEV, "size=100%"};
	char under[64];
	struct dirent *e;
	DIR *d;

	snprintf(under, sizeof(under), INIT_UNDER "/%d", number);
	if (mount(folder, under, NULL, MS_BIND, NULL) < 0) {
		say("cannot mount", folder, errno);
		return;
	}
	mount_one(&memory);
	d = opendir(under);
	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			show(under, folder, e->d_name);
	if (d)
		closedir(d);
}

static void make_folders(const struct command *c)
{
	/* The picture goes there: no limit but the memory there is. */
	static const struct mount_point tmp = {"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "size=100%"};
	/* Where the C library keeps shared memory and named semaphores. */
	static const struct mount_point shared = {
		"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777,size=100%"};

	if (!c->folder)
		mount_one(&tmp);
	else
		mount_one(&shared);
	if (!c->folder || !c->on_disk)
		return;
	make_writable("/tmp", 0);
	if (strcmp(c->folder, "/") != 0 && strcmp(c->folder, "/tmp") != 0)
		make_writable(c->folder, 1);
}

static void mark(const char *body)
{
	int r = mark_line(body);

	if (r < 0)
		say("cannot write a marker", NULL, -r);
}

static void mark_begin(uint64_t *ret_ns)
{
	char body[128];

	snprintf(body, sizeof(body), "phase name=run by=init t=%" PRIu64, clock_ns());
	mark(body);
	/* The host stamps the line when all of it is there, and a serial port takes its time. */
	tcdrain(STDOUT_FILENO);
	*ret_ns = clock_ns();
}

/* What the program said last need not end with a newline; the marker begins one. */
static void mark_end(uint64_t begin_ns, uint64_t end_ns, int status)
{
	char body[128];

	snprintf(body, sizeof(body), "end by=init status=%d t=%" PRIu64 " runtime=%" PRIu64, status,
		end_ns, end_ns - begin_ns);
	mark(body);
}

/* Nobody types: natively and in containers there is nothing to read either. */
static void close_input(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	close(fd);
}

static void __attribute__((noreturn)) execute(const struct command *c, uint64_t *ret_begin_ns)
{
	if (c->folder && chdir(c->folder) < 0)
		say("cannot enter", c->folder, errno);
	if (c->folder) {
		close_input();
		mark_begin(ret_begin_ns);
	}
	execve(c->argv[0], c->argv, c->environment);
	say("cannot run", c->argv[0], errno);
	_exit(127);
}

static int wait_for(pid_t pid)
{
	int status = 0;
	pid_t ended;

	do
		ended = wait(&status);
	while (pid > 0 && ended != pid && (ended > 0 || errno == EINTR));
	return status;
}

/* The name of process @pid, if it is a child of ours that has not ended. */
static bool read_child(const char *pid, char name[static NAME_MAX + 1])
{
	char path[64], text[512], state;
	ssize_t n = -1;
	int fd, parent;

	snprintf(path, sizeof(path), "/proc/%.16s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%*d (%255[^)]) %c %d", name, &state, &parent) == 3 && state != 'Z' &&
	       parent == getpid();
}

/* What a program leaves behind is ours now: the machine ends it. */
static void say_left(void)
{
	char name[NAME_MAX + 1];
	struct dirent *e;
	DIR *d;

	for (int ms = 0; ms < LEFT_GRACE_MS && waitpid(-1, NULL, WNOHANG) >= 0; ms += LEFT_STEP_MS)
		poll(NULL, 0, LEFT_STEP_MS);
	d = opendir("/proc");
	for (int said = 0; d && said < LEFT_MAX && (e = readdir(d));)
		if (read_child(e->d_name, name)) {
			say(INIT_LEFT, name, -1);
			said++;
		}
	if (d)
		closedir(d);
}

static void run(const struct command *c)
{
	/* Shared with the child, which writes it. */
	uint64_t *begin_ns = mmap(
		NULL, sizeof(*begin_ns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t end_ns;
	pid_t pid;
	int status;

	if (begin_ns == MAP_FAILED)
		fail("no memory", NULL, errno);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* of a unit, too */
	pid = fork();
	if (pid == 0)
		execute(c, begin_ns);
	if (pid < 0)
		say("cannot fork", NULL, errno);
	status = wait_for(pid);
	end_ns = clock_ns();
	if (c->folder && *begin_ns)
		mark_end(*begin_ns, end_ns,
			WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	say_left();
	if (WIFSIGNALED(status))
		say("killed by signal", NULL, WTERMSIG(status));
	else
		say("exit status", NULL, WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	static struct command command;
	bool first = getpid() == 1;

	if (!first) {
		take_console();
		if (argc > 1) /* a unit has something to say */
			fail(argv[1], NULL, -1);
	}
	if (first) {
		say_step("init");
		mount_kernel_views();
	}
	read_command(first ? COMMAND_FILE : COMMAND_HANDED, &command);
	command.on_disk |= !first;
	if (first && command.on_disk)
		mount_program_disk();
	if (command.networked)
		bring_up_network();
	if (command.on_disk) {
		enter_program_disk();
		mount_kernel_views();
	}
	make_folders(&command);
	make_console_raw();
	say_step("program");
	run(&command);
	power_off();
}
