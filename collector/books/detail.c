/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/books/detail.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "collector/books/syscall_names.h"
#include "common/cleanup.h"
#include "common/detail_words.h"

static const char *const softirq_names[] = {"hi", "timer", "net_tx", "net_rx", "block", "irq_poll",
	"tasklet", "sched", "hrtimer", "rcu"};

static const char *const vector_names[VECTOR_COUNT] = {
	[VECTOR_LOCAL_TIMER] = "local timer",
	[VECTOR_RESCHEDULE] = "reschedule",
	[VECTOR_CALL_FUNCTION] = "call function",
	[VECTOR_CALL_FUNCTION_SINGLE] = "call function single",
	[VECTOR_IRQ_WORK] = "irq work",
	[VECTOR_THERMAL] = "thermal",
	[VECTOR_PLATFORM_IPI] = "platform IPI",
};

static const char *const wait_names[] = {
	[WAIT_PLAIN] = "",
	[WAIT_FUTEX_LOCK] = " lock",
	[WAIT_FUTEX_CONDITION] = " condition",
	[WAIT_PIPE] = " pipe",
	[WAIT_SOCKET] = " socket",
	[WAIT_FILE] = " file",
	[WAIT_CHARDEV] = " device",
	[WAIT_OTHER_FD] = " other",
};

static const char *const cause_names[] = {
	[CAUSE_NONE] = "",
	[CAUSE_SYSCALL] = "system call",
	[CAUSE_STOPPED] = "stopped",
	[CAUSE_TRACED] = "traced",
	[CAUSE_FAULT] = "fault",
	[CAUSE_NOT_CREATED] = DETAIL_NOT_CREATED,
	[CAUSE_EXITED] = DETAIL_EXITED,
	[CAUSE_HALT] = DETAIL_HALT,
	[CAUSE_HALT_POLL] = DETAIL_HALT_POLL,
	[CAUSE_FROZEN] = "frozen",
	[CAUSE_VMEXIT] = "exit",
};

struct exit_name {
	unsigned reason;
	const char *name;
};

/* Below are control and debug registers, read and written, 16 numbers each. */
#define SVM_EXIT_REGISTERS_END 0x40

/* AMD64 Architecture Programmer's Manual, volume 2, appendix C: the exits that matter in practice.
 */
static const struct exit_name svm_exits[] = {{0x040, "exception DE"}, {0x041, "exception DB"},
	{0x046, "exception UD"}, {0x04e, "exception PF"}, {0x052, "exception MC"},
	{0x060, "external interrupt"}, {0x061, "NMI"}, {0x062, "SMI"}, {0x063, "INIT"},
	{0x064, "interrupt window"}, {0x065, "selective CR0 write"}, {0x06e, "RDTSC"},
	{0x06f, "RDPMC"}, {0x072, "CPUID"}, {0x073, "RSM"}, {0x074, "IRET"}, {0x076, "INVD"},
	{0x077, "PAUSE"}, {0x078, "HLT"}, {0x079, "INVLPG"}, {0x07a, "INVLPGA"}, {0x07b, "I/O"},
	{0x07c, "MSR"}, {0x07f, "shutdown"}, {0x081, "VMMCALL"}, {0x087, "RDTSCP"},
	{0x089, "WBINVD"}, {0x08a, "MONITOR"}, {0x08b, "MWAIT"}, {0x08d, "XSETBV"},
	{0x400, "nested page fault"}, {0x401, "AVIC incomplete IPI"}, {0x402, "AVIC access"}};

/* Intel Software Developer's Manual, volume 3, appendix C: basic exit reasons. */
static const struct exit_name vmx_exits[] = {{0, "exception or NMI"}, {1, "external interrupt"},
	{2, "triple fault"}, {7, "interrupt window"}, {8, "NMI window"}, {9, "task switch"},
	{10, "CPUID"}, {12, "HLT"}, {14, "INVLPG"}, {15, "RDPMC"}, {16, "RDTSC"}, {18, "VMCALL"},
	{28, "control register"}, {29, "debug register"}, {30, "I/O"}, {31, "MSR read"},
	{32, "MSR write"}, {36, "MWAIT"}, {39, "MONITOR"}, {40, "PAUSE"}, {44, "APIC access"},
	{48, "EPT violation"}, {49, "EPT misconfiguration"}, {51, "RDTSCP"},
	{52, "preemption timer"}, {54, "WBINVD"}, {55, "XSETBV"}, {56, "APIC write"}};

static void exit_text(unsigned isa, unsigned reason, char ret[static DETAIL_SIZE])
{
	const struct exit_name *table = isa == ISA_SVM ? svm_exits : vmx_exits;
	size_t n = isa == ISA_SVM ? ARRAY_SIZE(svm_exits) : ARRAY_SIZE(vmx_exits);

	for (size_t i = 0; i < n; i++) {
		if (table[i].reason == reason) {
			snprintf(ret, DETAIL_SIZE, "exit %s", table[i].name);
			return;
		}
	}
	if (isa == ISA_SVM && reason < SVM_EXIT_REGISTERS_END)
		snprintf(ret, DETAIL_SIZE, "exit %s%u %s", reason & 0x20 ? "DR" : "CR", reason & 15,
			reason & 0x10 ? "write" : "read");
	else
		snprintf(ret, DETAIL_SIZE, "exit 0x%x", reason);
}

/* The last word of the interrupt's line in /proc/interrupts is the device's name. */
static void irq_text(unsigned number, char ret[static DETAIL_SIZE])
{
	_cleanup_fclose_ FILE *f = fopen("/proc/interrupts", "re");
	char line[8192];

	snprintf(ret, DETAIL_SIZE, "irq %u", number);
	while (f && fgets(line, sizeof(line), f)) {
		unsigned irq;
		int at = 0;
		char *last;

		if (sscanf(line, " %u:%n", &irq, &at) != 1 || !at || irq != number)
			continue;
		line[strcspn(line, "\n")] = '\0';
		last = strrchr(line, ' ');
		if (last && isalpha((unsigned char)last[1]))
			snprintf(ret, DETAIL_SIZE, "irq %u %.40s", number, last + 1);
		return;
	}
}

static void interrupt_text(uint64_t number, char ret[static DETAIL_SIZE])
{
	unsigned kind = PROBE_DETAIL_INTERRUPT(number), nr = (unsigned)number;

	if (kind == IRQ_HARD)
		irq_text(nr, ret);
	else if (kind == IRQ_SOFT && nr < ARRAY_SIZE(softirq_names))
		snprintf(ret, DETAIL_SIZE, "softirq %s", softirq_names[nr]);
	else if (kind == IRQ_VECTOR && nr < ARRAY_SIZE(vector_names))
		snprintf(ret, DETAIL_SIZE, "%s", vector_names[nr]);
	else
		snprintf(ret, DETAIL_SIZE, "%s %u", kind == IRQ_SOFT ? "softirq" : "vector", nr);
}

const char *detail_taker(unsigned taker)
{
	static const char *const names[TAKER_COUNT] = {
		[TAKER_OTHER] = DETAIL_TAKER_OTHER,
		[TAKER_LANE] = DETAIL_TAKER_LANE,
		[TAKER_HELPER] = DETAIL_TAKER_HELPER,
		[TAKER_COLLECTOR] = DETAIL_TAKER_COLLECTOR,
	};

	return taker < TAKER_COUNT ? names[taker] : DETAIL_TAKER_OTHER;
}

void detail_clean_name(char *name)
{
	for (; *name; name++)
		if (*name < 0x20 || *name > 0x7e)
			*name = '?';
}

void detail_text(unsigned state, const struct probe_detail *detail, char ret[static DETAIL_SIZE])
{
	unsigned cause = PROBE_DETAIL_CAUSE(detail->number), sub = PROBE_DETAIL_SUB(detail->number);

	ret[0] = '\0';
	if (detail->number == 0)
		return;
	if (state == STATE_PREEMPTED) {
		snprintf(ret, DETAIL_SIZE, "%.*s", PROBE_NAME_SIZE - 1, detail->name);
		detail_clean_name(ret);
	} else if (state == STATE_IRQ) {
		interrupt_text(detail->number, ret);
	} else if (cause == CAUSE_SYSCALL) {
		snprintf(ret, DETAIL_SIZE, "%.40s%s",
			syscall_name((long)PROBE_DETAIL_NR(detail->number)),
			sub < ARRAY_SIZE(wait_names) ? wait_names[sub] : "");
	} else if (cause == CAUSE_VMEXIT) {
		exit_text(sub, PROBE_DETAIL_NR(detail->number), ret);
	} else if (cause < ARRAY_SIZE(cause_names)) {
		snprintf(ret, DETAIL_SIZE, "%s", cause_names[cause]);
	}
}
