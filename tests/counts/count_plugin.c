/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plugin for QEMU's emulation (TCG) that counts the instructions which a guest executes, exactly:
 * the truth that the sampler is held against. -plugin libcount_plugin.so,out=FILE
 *
 * Between two marks that the guest's program executes (see count_marks.h), each translation block's
 * executions are counted by code that QEMU generates in it. At QEMU's end FILE gets a line for each
 * block: "ADDRESS INSTRUCTIONS EXECUTIONS", the address in hex.
 *
 * With one vCPU the counts are exact; with several, two that execute one block at the same time may
 * lose a count.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/counts/plugin_api.h"

#if API_VERSION == 1
typedef uint64_t counter_t;

void qemu_plugin_register_vcpu_tb_exec_inline(
	struct qemu_plugin_tb *tb, enum qemu_plugin_op op, void *counter, uint64_t add);

static void count_executions(struct qemu_plugin_tb *tb, counter_t *c)
{
	qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, c, 1);
}

static uint64_t counter_read(const counter_t *c)
{
	return *c;
}
#else
/** A number for each vCPU. */
typedef struct {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
} counter_t;

struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t element_size);
uint64_t qemu_plugin_u64_sum(counter_t c);
void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(
	struct qemu_plugin_tb *tb, enum qemu_plugin_op op, counter_t c, uint64_t add);

static void count_executions(struct qemu_plugin_tb *tb, counter_t *c)
{
	c->score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, QEMU_PLUGIN_INLINE_ADD_U64, *c, 1);
}

static uint64_t counter_read(const counter_t *c)
{
	return qemu_plugin_u64_sum(*c);
}
#endif

int qemu_plugin_version = API_VERSION;

/** A translation; the same code may be translated again, as another one. Never freed: QEMU's code
 * adds to it. */
struct block {
	struct block *next;
	uint64_t address;
	uint64_t instructions;
	counter_t executions; /* ever */
	uint64_t begin, end;  /* of these: before the one mark, and before the other */
};

static struct block *blocks;
static const char *out_path;
static bool ended;

/* The guest stands still here if it has one vCPU. */
static void on_begin(unsigned vcpu, void *userdata)
{
	(void)vcpu;
	(void)userdata;
	for (struct block *b = __atomic_load_n(&blocks, __ATOMIC_ACQUIRE); b; b = b->next)
		b->begin = counter_read(&b->executions);
}

static void on_end(unsigned vcpu, void *userdata)
{
	(void)vcpu;
	(void)userdata;
	for (struct block *b = __atomic_load_n(&blocks, __ATOMIC_ACQUIRE); b; b = b->next)
		b->end = counter_read(&b->executions);
	ended = true;
}

static void take_block(struct qemu_plugin_tb *tb)
{
	struct block *b = calloc(1, sizeof(*b));

	if (!b)
		abort();
	b->address = qemu_plugin_tb_vaddr(tb);
	b->instructions = qemu_plugin_tb_n_insns(tb);
	for (size_t i = 0; i < b->instructions; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (is_mark(insn, COUNT_MARK_BEGIN))
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, on_begin, QEMU_PLUGIN_CB_NO_REGS, NULL);
		if (is_mark(insn, COUNT_MARK_END))
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, on_end, QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
	count_executions(tb, &b->executions);
	b->next = __atomic_load_n(&blocks, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(
		&blocks, &b->next, b, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

static void on_exit_of_qemu(qemu_plugin_id_t id, void *userdata)
{
	FILE *f = ended ? fopen(out_path, "we") : NULL;

	(void)id;
	(void)userdata;
	if (!f) {
		fprintf(stderr, "count_plugin: %s\n",
			ended ? "cannot write the counts" : "the guest executed no end mark");
		return;
	}
	for (const struct block *b = blocks; b; b = b->next)
		if (b->end > b->begin)
			fprintf(f, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n", b->address,
				b->instructions, b->end - b->begin);
	if (fclose(f) != 0)
		fprintf(stderr, "count_plugin: cannot write the counts\n");
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	if (!plugin_understood(info, "count_plugin"))
		return -1;
	out_path = plugin_argument(argc, argv, "out=");
	if (!out_path) {
		fprintf(stderr, "count_plugin: out=FILE is missing\n");
		return -1;
	}
	ask_for_translations(id);
	qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
	return 0;
}
