/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What workload/runtime.c takes of POSIX threads: a thread is a vCPU. The n-th call of
 * pthread_create() starts vCPU n; what it runs has that vCPU to itself, to the end.
 */

#include <stddef.h>

typedef unsigned pthread_t;

typedef struct {
	size_t stack_bytes; /**< not heeded: all stacks have STACK_BYTES */
} pthread_attr_t;

int pthread_attr_init(pthread_attr_t *attributes);
int pthread_attr_setstacksize(pthread_attr_t *attributes, size_t bytes);
int pthread_attr_destroy(pthread_attr_t *attributes);

/** 0, or EAGAIN if there is no vCPU left. */
int pthread_create(
	pthread_t *ret, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int pthread_join(pthread_t thread, void **ret);
pthread_t pthread_self(void);
int pthread_setname_np(pthread_t thread, const char *name);
