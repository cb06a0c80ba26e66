/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plugin for QEMU's emulation (TCG) that keeps a shadow call stack of the guest (shadow_stack.h), and
 * writes down which call paths there were. -plugin libshadow_plugin.so,out=FILE[,marks=no]
 *
 * Between two marks that the guest's program executes (see count_marks.h), or, with marks=no, from the
 * beginning, FILE gets at QEMU's end, addresses in hex:
 *
 *	n PARENT KIND ADDRESS	a path: the first is number 1; PARENT 0: none, KIND as enum shadow_kind
 *	b NODE ADDRESS COUNT	a block of code ran so often on top of that path
 *	e ADDRESS COUNT		so often interrupts and exceptions entered here
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/counts/plugin_api.h"
#include "tests/counts/shadow_code.h"
#include "tests/counts/shadow_stack.h"

int qemu_plugin_version = API_VERSION;

static struct shadow shadow;
static const char *out_path;
static bool ended;

static void on_begin(unsigned vcpu, void *userdata)
{
	(void)vcpu;
	(void)userdata;
	shadow.recording = true;
}

static void on_end(unsigned vcpu, void *userdata)
{
	(void)vcpu;
	(void)userdata;
	shadow.recording = false;
	ended = true;
}

static void on_block(unsigned vcpu, void *userdata)
{
	if (vcpu == 0 && !shadow_begins_again(&shadow, userdata))
		shadow_begins(&shadow, userdata);
}

/* QEMU 7.2 goes on calling back for what helper functions access in later blocks. */
static bool is_first_of(const struct shadow_block *b)
{
	return shadow.last == b && !shadow.accessed;
}

static void on_call(unsigned vcpu, uint32_t info, uint64_t address, void *userdata)
{
	if (vcpu == 0 && qemu_plugin_mem_is_store(info) && is_first_of(userdata))
		shadow_calls(&shadow, address, shadow.last->end);
}

static void on_return(unsigned vcpu, uint32_t info, uint64_t address, void *userdata)
{
	if (vcpu == 0 && !qemu_plugin_mem_is_store(info) && is_first_of(userdata))
		shadow_returns(&shadow, address);
}

static void take_instruction(
	struct qemu_plugin_insn *insn, struct shadow_block *b, struct shadow_code *code)
{
	unsigned char bytes[SHADOW_CODE_MAX];
	size_t n = qemu_plugin_insn_size(insn);
	uint64_t next = qemu_plugin_insn_vaddr(insn) + n;

	if (n > sizeof(bytes))
		return;
	copy_instruction(insn, bytes, n);
	*code = shadow_code_of(bytes, n, next);
	b->sets_rsp |= code->sets_rsp;
	b->sets_slot |= code->sets_slot;
	/* Reads and writes: QEMU 7.2 mistakes the one for the other where it is asked for one of them. */
	if (code->is_call)
		qemu_plugin_register_vcpu_mem_cb(
			insn, on_call, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, b);
	if (code->how == SHADOW_RETURN)
		qemu_plugin_register_vcpu_mem_cb(
			insn, on_return, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, b);
	if (is_mark(insn, SHADOW_MARK_BEGIN))
		qemu_plugin_register_vcpu_insn_exec_cb(
			insn, on_begin, QEMU_PLUGIN_CB_NO_REGS, NULL);
	if (is_mark(insn, SHADOW_MARK_END))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_end, QEMU_PLUGIN_CB_NO_REGS, NULL);
	b->end = next;
}

/* Never freed: QEMU's code refers to it. */
static void take_block(struct qemu_plugin_tb *tb)
{
	struct shadow_block *b = calloc(1, sizeof(*b));
	struct shadow_code code = {.how = SHADOW_FALL};
	size_t n = qemu_plugin_tb_n_insns(tb);

	if (!b)
		abort();
	b->begin = b->end = qemu_plugin_tb_vaddr(tb);
	qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS, b);
	for (size_t i = 0; i < n; i++)
		take_instruction(qemu_plugin_tb_get_insn(tb, i), b, &code);
	b->how = code.how;
	b->target = code.target;
	b->calls = code.is_call;
	b->switches = b->sets_rsp && b->how == SHADOW_ANYWHERE && !code.is_call;
}

static void write_paths(FILE *f)
{
	for (size_t i = 0; i < shadow.n_nodes; i++)
		fprintf(f, "n %" PRIu32 " %d %" PRIx64 "\n", shadow.nodes[i].parent,
			shadow.nodes[i].kind, shadow.nodes[i].address);
	for (size_t i = 0; i < shadow.n_leaves; i++)
		fprintf(f, "b %" PRIu32 " %" PRIx64 " %" PRIu64 "\n", shadow.leaves[i].node,
			shadow.leaves[i].address, shadow.leaves[i].count);
	for (size_t i = 0; i < shadow.n_entries; i++)
		fprintf(f, "e %" PRIx64 " %" PRIu64 "\n", shadow.entries[i].address,
			shadow.entries[i].count);
}

static void on_exit_of_qemu(qemu_plugin_id_t id, void *userdata)
{
	FILE *f = ended ? fopen(out_path, "we") : NULL;

	(void)id;
	(void)userdata;
	if (!f) {
		fprintf(stderr, "shadow_plugin: %s\n",
			ended ? "cannot write the paths" : "the guest executed no end mark");
		return;
	}
	write_paths(f);
	if (fclose(f) != 0)
		fprintf(stderr, "shadow_plugin: cannot write the paths\n");
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	const char *marks;

	if (!plugin_understood(info, "shadow_plugin"))
		return -1;
	out_path = plugin_argument(argc, argv, "out=");
	if (!out_path) {
		fprintf(stderr, "shadow_plugin: out=FILE is missing\n");
		return -1;
	}
	marks = plugin_argument(argc, argv, "marks=");
	shadow.recording = ended = marks && strcmp(marks, "no") == 0;
	ask_for_translations(id);
	qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
	return 0;
}
