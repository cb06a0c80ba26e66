/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What KVM on Intel needs of user space, so that samples have the guest's registers. */

#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"

/** Does KVM know the guest's CR3 at all times? (Intel without EPT.) */
bool vmx_keeps_cr3(void);

/**
 * Make KVM read the guest's RIP at each exit of process @pid's vCPUs, now and in future, where the
 * sampling event does not tell it: on Intel, before Linux 6.3. The kernel's event kvm_exit does so
 * while it is counted, which costs each exit a few reads of the VMCS. It ends when *ret_fd is
 * closed; -1: not needed. -errno with a message.
 */
int vmx_read_rip(pid_t pid, int *ret_fd, struct error *error);
