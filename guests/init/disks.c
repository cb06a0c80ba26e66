/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/init/disks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guests/init/common.h"
#include "guests/init/modules.h"
#include "guests/init/words.h"

#define DISK_WAIT_MS 20000
#define DISK_POLL_MS 10
#define COMPRESSED   4 /* MODULE_INIT_COMPRESSED_FILE */

static void load_module(const char *name)
{
	for (size_t i = 0; i < MODULE_SUFFIXES_N; i++) {
		char path[128];
		int fd;

		snprintf(path, sizeof(path), MODULES_FOLDER "/%s%s", name, module_suffixes[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (syscall(SYS_finit_module, fd, "", i ? COMPRESSED : 0) < 0 && errno != EEXIST)
			say("cannot load module", name, errno);
		close(fd);
		return;
	}
}

void load_modules(const char *purpose)
{
	for (size_t i = 0; i < MODULE_LISTS_N; i++)
		if (strcmp(module_lists[i].purpose, purpose) == 0)
			for (const char *const *name = module_lists[i].names; *name; name++)
				load_module(*name);
}

static bool has_serial(const char *disk, const char *serial)
{
	char path[300], text[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/block/%s/serial", disk);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text));
	close(fd);
	return n >= (ssize_t)strlen(serial) && memcmp(text, serial, strlen(serial)) == 0;
}

static bool find_disk(const char *serial, char ret_name[static DISK_NAME_BYTES])
{
	DIR *d = opendir("/sys/block");
	bool found = false;
	struct dirent *e;

	while (d && !found && (e = readdir(d)))
		if (strlen(e->d_name) < DISK_NAME_BYTES && has_serial(e->d_name, serial)) {
			memcpy(ret_name, e->d_name, strlen(e->d_name) + 1);
			found = true;
		}
	if (d)
		closedir(d);
	return found;
}

void wait_for_disk(const char *serial, char ret_name[static DISK_NAME_BYTES])
{
	for (int ms = 0; ms < DISK_WAIT_MS; ms += DISK_POLL_MS) {
		if (find_disk(serial, ret_name))
			return;
		usleep(DISK_POLL_MS * 1000);
	}
	fail("the kernel sees no virtio disk: it needs virtio_pci and virtio_blk, built in or as "
	     "modules beside it; missing:",
		serial, -1);
}

void mount_program_disk(void)
{
	char disk[DISK_NAME_BYTES], device[DISK_NAME_BYTES + 8];

	load_modules("virtio");
	wait_for_disk(PROGRAM_DISK, disk);
	load_modules("iso9660");
	snprintf(device, sizeof(device), "/dev/%s", disk);
	mkdir("/run", 0755);
	mkdir(PROGRAM_MOUNT, 0755);
	if (mount(device, PROGRAM_MOUNT, "iso9660", MS_RDONLY, NULL) < 0)
		fail("cannot mount the program's disk", device, errno);
}
