/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first process of the guest linux, from an initramfs: loads what the disks need, mounts the
 * program's disk and the one with the root file system, adds to /run (which is memory) the unit
 * that runs the program, and hands over to the root's own init. Nothing is asked of the root but a
 * systemd; nothing on it is changed. Linked statically.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guests/init/common.h"
#include "guests/init/disks.h"
#include "guests/init/modules.h"
#include "guests/init/words.h"

#define NEW_ROOT         "/root"
#define UNITS            "/run/systemd/system"
#define PARTITIONS_MAX   64
#define SUPERBLOCK_BYTES 0x10080

/* How file systems are told: some bytes at some place. */
static const struct {
	const char *type, *magic;
	size_t at;
} magics[] = {
	{"ext4", "\x53\xef", 1080},
	{"xfs", "XFSB", 0},
	{"btrfs", "_BHRfS_M", 0x10040},
	{"vfat", "FAT32", 82},
	{"vfat", "FAT1", 54},
};

/*
 * The unit waits for what the system calls its whole boot, and then until nothing more is being
 * started, as a login prompt does.
 */
static const char program_unit[] = "[Unit]\n"
				   "Description=the measured program\n"
				   "After=multi-user.target\n"
				   "[Service]\n"
				   "Type=idle\n"
				   "ExecStart=" PROGRAM_MOUNT PROGRAM_RUNNER "\n";

/* In place of a prompt that nobody answers. */
static const char emergency_unit[] =
	"[Unit]\n"
	"Description=the boot failed\n"
	"DefaultDependencies=no\n"
	"[Service]\n"
	"Type=idle\n"
	"ExecStart=" PROGRAM_MOUNT PROGRAM_RUNNER
	" \"the boot failed: the system went into its emergency mode\"\n";

static const char *file_system_of(const char *device)
{
	static unsigned char block[SUPERBLOCK_BYTES];
	int fd = open(device, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, block, sizeof(block), 0);

	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		size_t length = strlen(magics[i].magic);

		if (n >= (ssize_t)(magics[i].at + length) &&
			memcmp(block + magics[i].at, magics[i].magic, length) == 0)
			return magics[i].type;
	}
	return NULL;
}

/* Is there a file of that name, with links followed as they will be once this is the root? */
static bool in_new_root(const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	int root = open(NEW_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	long fd = root < 0 ? -1 : syscall(SYS_openat2, root, path, &how, sizeof(how));

	if (fd >= 0)
		close((int)fd);
	if (root >= 0)
		close(root);
	return fd >= 0;
}

/* What runs on the disk is its own. */
static bool is_alone(void)
{
	return access(COMMAND_FILE, F_OK) < 0;
}

static bool has_systemd(void)
{
	return in_new_root("/usr/lib/systemd/systemd") || in_new_root("/lib/systemd/systemd");
}

/* Mount @device if it has a root file system. True if it has. */
static bool try_root(const char *device)
{
	const char *type = file_system_of(device);

	if (!type)
		return false;
	load_modules(type); /* others than the root's too: its fstab may want them mounted */
	if (mount(device, NEW_ROOT, type, 0, NULL) < 0) {
		dprintf(STDOUT_FILENO, BOOT_SAYS " cannot mount %s (%s): %s\n", device, type,
			strerror(errno));
		return false;
	}
	if (in_new_root("/sbin/init"))
		return true;
	umount(NEW_ROOT);
	return false;
}

static int compare_names(const void *a, const void *b)
{
	return strverscmp(a, b);
}

/* The disk itself, and its partitions in order: folders of its own whose names begin with its. */
static size_t list_devices(const char *disk, char ret[PARTITIONS_MAX][DISK_NAME_BYTES])
{
	char folder[300];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	snprintf(ret[n++], DISK_NAME_BYTES, "%s", disk);
	snprintf(folder, sizeof(folder), "/sys/block/%s", disk);
	d = opendir(folder);
	while (d && n < PARTITIONS_MAX && (e = readdir(d)))
		if (strncmp(e->d_name, disk, strlen(disk)) == 0 &&
			strlen(e->d_name) < DISK_NAME_BYTES)
			memcpy(ret[n++], e->d_name, strlen(e->d_name) + 1);
	if (d)
		closedir(d);
	qsort(ret, n, sizeof(ret[0]), compare_names);
	return n;
}

/* All are looked at, so that the modules of each are there; the first root found is the one. */
static void mount_root(const char *disk)
{
	static char names[PARTITIONS_MAX][DISK_NAME_BYTES];
	size_t n = list_devices(disk, names);
	bool found = false;

	mkdir(NEW_ROOT, 0755);
	for (size_t i = 0; i < n; i++) {
		char device[DISK_NAME_BYTES + 8];

		snprintf(device, sizeof(device), "/dev/%.*s", DISK_NAME_BYTES - 1, names[i]);
		if (found) {
			const char *type = file_system_of(device);

			load_modules(type ? type : "");
			continue;
		}
		found = try_root(device);
		if (found)
			dprintf(STDOUT_FILENO, BOOT_SAYS " root is %s\n", device);
	}
	if (!found)
		fail("no file system with /sbin/init on the disk (looked for: ext4, xfs, btrfs, in "
		     "partitions or without; no LVM, no encryption)",
			NULL, -1);
	if (!is_alone() && !has_systemd())
		fail("the disk's init is no systemd, which alone can be told to run the program",
			NULL, -1);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail("cannot write", path, errno);
	close(fd);
}

static void add_units(void)
{
	mkdir("/run/systemd", 0755);
	mkdir(UNITS, 0755);
	mkdir(UNITS "/multi-user.target.wants", 0755);
	write_file(UNITS "/guestscope.service", program_unit);
	write_file(UNITS "/emergency.service", emergency_unit);
	if (symlink("../guestscope.service", UNITS "/multi-user.target.wants/guestscope.service") <
			0 ||
		/* No login on the console: it is the program's. */
		symlink("/dev/null", UNITS "/serial-getty@ttyS0.service") < 0)
		fail("cannot write units in", UNITS, errno);
}

/* The initramfs, where it is, will be gone. */
static void hand_command_over(void)
{
	static char text[COMMAND_MAX];
	int from = open(COMMAND_FILE, O_RDONLY | O_CLOEXEC);
	int to = open(COMMAND_HANDED, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ssize_t n = read(from, text, sizeof(text));

	if (n < 0 || write(to, text, (size_t)n) != n)
		fail("cannot hand over", COMMAND_FILE, errno);
	close(from);
	close(to);
}

/* "init=PATH" of the kernel's command line, which it heeds only where there is no initramfs. */
static const char *chosen_init(void)
{
	static char line[4096];
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	char *save = NULL;

	if (fd >= 0)
		close(fd);
	for (char *word = n > 0 ? strtok_r(line, " \n", &save) : NULL; word;
		word = strtok_r(NULL, " \n", &save))
		if (strncmp(word, "init=/", 6) == 0)
			return word + 5;
	return NULL;
}

/* @words: what the kernel hands to the first process beside its name. */
static void hand_over(char **words)
{
	static const char *const moved[] = {"/dev", "/proc", "/sys", "/run"};
	static char *environment[] = {
		(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	static char *alone[] = {(char *)"/sbin/init", NULL};
	char **argv = is_alone() ? words : alone;
	const char *chosen = is_alone() ? chosen_init() : NULL;

	for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
		char target[64];

		snprintf(target, sizeof(target), NEW_ROOT "%s", moved[i]);
		if (mount(moved[i], target, NULL, MS_MOVE, NULL) < 0)
			fail("the disk's root file system lacks the folder", moved[i], errno);
	}
	say_step("starting /sbin/init");
	argv[0] = chosen ? (char *)chosen : (char *)"/sbin/init";
	if (chdir(NEW_ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
		chdir("/") < 0)
		fail("cannot change the root", NULL, errno);
	execve(argv[0], argv, environment);
	fail("cannot run", argv[0], errno);
}

int main(int argc, char **argv)
{
	static const struct mount_point run = {"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755"};
	char disk[DISK_NAME_BYTES];

	if (getpid() != 1) {
		fputs(INIT_SAYS " only for the first process of a guest\n", stderr);
		return 2;
	}
	mount_kernel_views();
	mount_one(&run);
	say_step("init");
	if (is_alone()) {
		load_modules("virtio");
	} else {
		mount_program_disk();
		load_modules(NETWORK_MODULES); /* those that the host put there */
		hand_command_over();
	}
	wait_for_disk(ROOT_DISK, disk);
	mount_root(disk);
	if (!is_alone())
		add_units();
	(void)argc;
	hand_over(argv);
}
