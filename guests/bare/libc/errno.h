/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Linux' numbers. One variable for all vCPUs: only the first one parses options. */

extern int errno;

#define EIO       5
#define E2BIG     7
#define EINTR     4
#define EBADF     9
#define EAGAIN    11
#define ENOMEM    12
#define EBUSY     16
#define ENODEV    19
#define EINVAL    22
#define ERANGE    34
#define ENODATA   61
#define EBADMSG   74
#define ENOBUFS   105
#define ETIMEDOUT 110
#define ENOTSUP   95
