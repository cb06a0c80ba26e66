/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The few things of QEMU's plugin interface that the plugins here use, since Debian does not package its
 * header (include/qemu/qemu-plugin.h, docs/devel/tcg-plugins.rst). API_VERSION comes from the
 * build: 1 is understood by QEMU until 8.2, 4 from 9.2 on, 7 by 11.1.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/counts/count_marks.h"

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

struct qemu_info {
	const char *target_name;
	struct {
		int min;
		int cur;
	} version;
	bool system_emulation;
	struct {
		int smp_vcpus;
		int max_vcpus;
	} system;
};

enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_RW = 3 };
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

EXPORT extern int qemu_plugin_version;
EXPORT int qemu_plugin_install(
	qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv);

void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
	void (*cb)(unsigned vcpu, void *userdata), enum qemu_plugin_cb_flags flags, void *userdata);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
	void (*cb)(unsigned vcpu, void *userdata), enum qemu_plugin_cb_flags flags, void *userdata);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
	void (*cb)(unsigned vcpu, uint32_t info, uint64_t address, void *userdata),
	enum qemu_plugin_cb_flags flags, enum qemu_plugin_mem_rw rw, void *userdata);
bool qemu_plugin_mem_is_store(uint32_t info);
/* Newer interfaces do not hand the id over to the callback: neither argument is to be looked at. */
void qemu_plugin_register_atexit_cb(
	qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t id, void *userdata), void *userdata);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

#if API_VERSION == 1
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);

static inline void copy_instruction(const struct qemu_plugin_insn *insn, void *bytes, size_t n)
{
	memcpy(bytes, qemu_plugin_insn_data(insn), n);
}
#else
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *bytes, size_t n);

static inline void copy_instruction(const struct qemu_plugin_insn *insn, void *bytes, size_t n)
{
	qemu_plugin_insn_data(insn, bytes, n);
}
#endif

/** Each plugin's own: what it wants of a translation. */
static void take_block(struct qemu_plugin_tb *tb);

#if API_VERSION < 7
void qemu_plugin_register_vcpu_tb_trans_cb(
	qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));

static inline void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	take_block(tb);
}

static inline void ask_for_translations(qemu_plugin_id_t id)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
}
#else
void qemu_plugin_register_vcpu_tb_trans_cb(
	qemu_plugin_id_t id, void (*cb)(struct qemu_plugin_tb *tb, void *userdata), void *userdata);

static inline void on_translation(struct qemu_plugin_tb *tb, void *userdata)
{
	(void)userdata;
	take_block(tb);
}

static inline void ask_for_translations(qemu_plugin_id_t id)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation, NULL);
}
#endif

/** Is @insn the mark with this number (count_marks.h)? */
static inline bool is_mark(const struct qemu_plugin_insn *insn, uint32_t number)
{
	unsigned char bytes[COUNT_MARK_BYTES];
	uint32_t found;

	if (qemu_plugin_insn_size(insn) != sizeof(bytes))
		return false;
	copy_instruction(insn, bytes, sizeof(bytes));
	if (memcmp(bytes, COUNT_MARK_OPCODE, COUNT_MARK_BYTES - sizeof(found)) != 0)
		return false;
	memcpy(&found, bytes + COUNT_MARK_BYTES - sizeof(found), sizeof(found));
	return found == number;
}

/** The value of the argument @name ("out="), or NULL. It lives as long as the plugin. */
static inline const char *plugin_argument(int argc, char **argv, const char *name)
{
	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], name, strlen(name)) == 0)
			return strdup(argv[i] + strlen(name));
	return NULL;
}

/** Does this QEMU understand the plugin? Else it says so, in the name of @plugin. */
static inline bool plugin_understood(const struct qemu_info *info, const char *plugin)
{
	if (info->version.min <= API_VERSION && info->version.cur >= API_VERSION)
		return true;
	fprintf(stderr, "%s: this QEMU's plugin interface is of version %d to %d, not %d\n", plugin,
		info->version.min, info->version.cur, API_VERSION);
	return false;
}
