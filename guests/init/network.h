/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The network of a Linux guest whose program serves a port. */

/** Load what the network device needs, and give it and the loopback device their addresses; once
 * /sys is there. Powers off where the kernel sees no device for 20 s. */
void bring_up_network(void);
