/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/qemu/qemu_own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "guests/process/command.h"
#include "guests/qemu/qemu.h"

static bool is_option(const char *word, const char *name)
{
	size_t dashes = strspn(word, "-");

	return (dashes == 1 || dashes == 2) && strcmp(word + dashes, name) == 0;
}

static bool has(char *const *words, const char *name)
{
	for (; words && *words; words++)
		if (is_option(*words, name))
			return true;
	return false;
}

const char *qemu_own_option(char *const *words, const char *name)
{
	for (; words && words[0] && words[1]; words++)
		if (is_option(words[0], name))
			return words[1];
	return NULL;
}

bool qemu_own_is_fixed(char *const *words)
{
	const char *append = qemu_own_option(words, "append");

	return append && strstr(append, "nokaslr");
}

/* The number behind @key in "cpus=2,cores=2", or that which stands first and alone; 0: there is none. */
static unsigned long number_of(const char *value, const char *key, bool first)
{
	size_t length = strlen(key);

	for (; value; value = strchr(value, ','), value += value != NULL) {
		if (first && *value >= '0' && *value <= '9')
			return strtoul(value, NULL, 10);
		if (strncmp(value, key, length) == 0 && value[length] == '=')
			return strtoul(value + length + 1, NULL, 10);
		first = false;
	}
	return 0;
}

/* As QEMU counts them where only the topology is given. */
static unsigned long vcpus_of(const char *smp)
{
	static const char *const parts[] = {"sockets", "dies", "clusters", "cores", "threads"};
	unsigned long n = number_of(smp, "cpus", true), product = 1, part;

	if (n)
		return n;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		part = number_of(smp, parts[i], false);
		product *= part ? part : 1;
	}
	return product;
}

static int check_smp(const struct guest_spec *spec, char *const *words, struct error *error)
{
	const char *smp = qemu_own_option(words, "smp");

	if (!smp || strstr(smp, "{cores}") || vcpus_of(smp) == spec->lanes)
		return 0;
	return error_set_user(error, -EINVAL,
		"-smp %s is %lu vCPUs, but --cores %u: leave -smp out, or write {cores} in it, and name the "
		"numbers with --cores",
		smp, vcpus_of(smp), spec->lanes);
}

int qemu_check_own(const struct guest_spec *spec, char *const *words, struct error *error)
{
	static const struct {
		const char *name, *why;
	} refused[] = {
		{"daemonize", "the machine has to stay our child"},
		{"accel", "say --accel"},
		{"enable-kvm", "say --accel kvm"},
		{"S", "a machine that waits for its monitor never begins"},
		{"preconfig", "a machine that waits for its monitor never begins"},
		{"incoming", "a machine that comes from elsewhere has no boot"},
	};
	const char *machine = qemu_own_option(words, "machine");
	const char *serial = qemu_own_option(words, "serial");
	bool to_us = has(words, "nographic");

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (has(words, refused[i].name))
			return error_set_user(error, -EINVAL,
				"-%s among QEMU's arguments is refused: %s", refused[i].name,
				refused[i].why);
	if (!machine)
		machine = qemu_own_option(words, "M");
	if (machine && strstr(machine, "accel="))
		return error_set_user(
			error, -EINVAL, "-machine %s: accel= is refused: say --accel", machine);
	for (char *const *word = words; *word; word++)
		to_us |= strstr(*word, "stdio") != NULL;
	if (serial && !to_us)
		return error_set_user(error, -EINVAL,
			"-serial %s: the machine's console has to come to standard output, by which its "
			"phases are told: leave -serial out, or say -serial stdio",
			serial);
	return check_smp(spec, words, error);
}

static void add_console(struct strv *v, char *const *words)
{
	static const char *const displays[] = {"display", "nographic", "curses", "vnc", "spice"};
	bool shown = false;

	for (size_t i = 0; i < ARRAY_SIZE(displays); i++)
		shown |= has(words, displays[i]);
	if (!shown) {
		strv_add(v, "-display");
		strv_add(v, "none");
	}
	if (has(words, "serial") || has(words, "nographic"))
		return;
	strv_add(v, "-chardev");
	strv_add(v, "stdio,id=guestscope,signal=off");
	strv_add(v, "-serial");
	strv_add(v, "chardev:guestscope");
}

int qemu_own_argv(const struct guest_spec *spec, char *const *words, const char *socket,
	char ***ret, struct error *error)
{
	_cleanup_free_ char *quoted = qemu_double_commas(socket);
	_cleanup_(strv_clear) struct strv v = {0};
	int r = quoted ? qemu_check_own(spec, words, error) : -ENOMEM;

	if (r < 0)
		return r;
	strv_add(&v, QEMU_PROGRAM);
	strv_add_all(&v, words);
	/* What comes later is added to what came before. */
	strv_add(&v, "-name");
	strv_add(&v, "debug-threads=on");
	strv_add(&v, "-accel");
	strv_add(&v, spec->accel == ACCEL_KVM ? "kvm" : "tcg,thread=multi");
	if (!has(words, "smp")) {
		strv_add(&v, "-smp");
		strv_addf(&v, "%u", spec->lanes);
	}
	add_console(&v, words);
	/* The guest's end is the run's: first what only its memory tells. */
	strv_add(&v, "-no-reboot");
	strv_add(&v, "-no-shutdown");
	strv_add(&v, "-qmp");
	strv_addf(&v, "unix:%s,server=on,wait=off", quoted);
	r = strv_take(&v, ret);
	return r < 0 ? error_set_errno(error, r, "command line of QEMU") : 0;
}
