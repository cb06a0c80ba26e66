/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/init/network.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guests/init/common.h"
#include "guests/init/disks.h"
#include "guests/init/modules.h"
#include "guests/init/words.h"

#define DEVICE_WAIT_MS 20000
#define DEVICE_POLL_MS 10

/* The device that has hardware behind it; there is one. Its name is the guest's to give. */
static bool find_device(char ret_name[static IFNAMSIZ])
{
	DIR *d = opendir("/sys/class/net");
	bool found = false;
	struct dirent *e;

	while (d && !found && (e = readdir(d))) {
		char path[300];

		snprintf(path, sizeof(path), "/sys/class/net/%s/device", e->d_name);
		found = e->d_name[0] != '.' && strlen(e->d_name) < IFNAMSIZ &&
			access(path, F_OK) == 0;
		if (found)
			memcpy(ret_name, e->d_name, strlen(e->d_name) + 1);
	}
	if (d)
		closedir(d);
	return found;
}

static void wait_for_device(char ret_name[static IFNAMSIZ])
{
	for (int ms = 0; ms < DEVICE_WAIT_MS; ms += DEVICE_POLL_MS) {
		if (find_device(ret_name))
			return;
		usleep(DEVICE_POLL_MS * 1000);
	}
	fail("the kernel sees no network device: it needs virtio_pci and virtio_net, built in or as "
	     "modules beside it",
		NULL, -1);
}

static struct sockaddr as_address(const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(text)};
	struct sockaddr any;

	memcpy(&any, &in, sizeof(any));
	return any;
}

static void set_up(int fd, const char *name, const char *address)
{
	struct ifreq request = {0};

	memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (address) {
		request.ifr_addr = as_address(address);
		if (ioctl(fd, SIOCSIFADDR, &request) < 0)
			say("cannot set the address of", name, errno);
		request.ifr_netmask = as_address(GUEST_NETMASK);
		if (ioctl(fd, SIOCSIFNETMASK, &request) < 0)
			say("cannot set the network of", name, errno);
	}
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0)
		request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		say("cannot set up", name, errno);
}

static void add_gateway(int fd)
{
	struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY,
		.rt_dst = as_address("0.0.0.0"),
		.rt_genmask = as_address("0.0.0.0"),
		.rt_gateway = as_address(GUEST_GATEWAY)};

	if (ioctl(fd, SIOCADDRT, &route) < 0 && errno != EEXIST)
		say("cannot add the route to", GUEST_GATEWAY, errno);
}

void bring_up_network(void)
{
	char name[IFNAMSIZ] = "";
	int fd;

	load_modules("virtio");
	load_modules(NETWORK_MODULES);
	wait_for_device(name);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail("the kernel has no network", NULL, errno);
	set_up(fd, "lo", NULL);
	set_up(fd, name, GUEST_ADDRESS);
	add_gateway(fd);
	close(fd);
}
