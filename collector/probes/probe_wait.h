/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Wait until every eBPF program that runs now has ended, on all CPUs; those that begin meanwhile may still run. What a
 * program writes before it ends can be read afterwards. It waits for as long as the kernel needs: also for a program
 * whose virtual CPU does not run. Detaching does not wait for that: the kernel frees what was detached later.
 *
 * Programs that may sleep (uprobes that fault pages in) are not waited for; there are none here.
 *
 * Return: 0, or a negative errno value: it did not wait.
 */
int probe_wait_programs(void);
