/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Details of states that somebody looks for: the collector writes these words into the store, the
 * reports and the tests' stores know them by the same names. All other details are only shown.
 */

/* Of blocked; collector/books/detail.c has the rest. */
#define DETAIL_NOT_CREATED "not created"  /* the lane's thread is not there yet */
#define DETAIL_EXITED      "exited"       /* or not any more */
#define DETAIL_HALT        "halt"         /* a vCPU whose guest has nothing to do */
#define DETAIL_WRITE_PIPE  "write pipe"   /* a system call and what it waits on */
#define DETAIL_HALT_POLL   "halt polling" /* the same, on the CPU */

/* Of guest; collector/inside/subsystems.c has the rest. */
#define DETAIL_APPLICATION     "application"
#define DETAIL_IDLE            "idle"
#define DETAIL_OTHER           "other"           /* functions of the kernel of no named subsystem */
#define DETAIL_OTHER_PROCESSES "other processes" /* programs, but not the one that is measured */

/* Who took a lane's CPU: column taker of a preempted account. */
#define DETAIL_TAKER_OTHER     "other"     /* a thread outside of the stack */
#define DETAIL_TAKER_LANE      "lane"      /* another lane of the stack */
#define DETAIL_TAKER_HELPER    "helper"    /* another thread of the stack */
#define DETAIL_TAKER_COLLECTOR "collector" /* guestscope itself */
