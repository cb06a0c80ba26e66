/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Kernel modules that stand between the kernel and a disk or the network, each list in the order in
 * which they can be loaded. What a kernel has built in is not there as a file, and is left out.
 * guests/fetch-kernel keeps the same.
 */

#include <stddef.h>

struct module_list {
	const char *purpose; /**< "virtio", NETWORK_MODULES, or the name of a file system */
	const char *names[10];
};

#define NETWORK_MODULES "network"

static const struct module_list module_lists[] = {
	{"virtio", {"virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev",
			   "virtio_pci", "virtio_blk"}},
	{NETWORK_MODULES, {"failover", "net_failover", "virtio_net"}},
	{"iso9660", {"cdrom", "isofs"}},
	{"ext4", {"crc16", "mbcache", "jbd2", "crc32c_generic", "ext4"}},
	{"xfs", {"crc32c_generic", "libcrc32c", "xfs"}},
	{"btrfs", {"crc32c_generic", "libcrc32c", "xor", "raid6_pq", "zstd_compress",
			  "xxhash_generic", "blake2b_generic", "btrfs"}},
	{"vfat", {"nls_cp437", "nls_ascii", "nls_utf8", "fat", "vfat"}},
};

#define MODULE_LISTS_N (sizeof(module_lists) / sizeof(module_lists[0]))

/** A module's file is its name and one of these. */
static const char *const module_suffixes[] = {".ko", ".ko.xz", ".ko.zst", ".ko.gz"};

#define MODULE_SUFFIXES_N (sizeof(module_suffixes) / sizeof(module_suffixes[0]))
