/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The little that is needed of ACPI: which processors there are, a clock, the switch. */

#include <stdint.h>

/** Read the tables from @rsdp on (physical; 0: none; then QEMU's usual ports are assumed). */
void acpi_init(uint64_t rsdp);

/** The APIC ids of the processors in the firmware's order, and how many there are (at least 1). */
unsigned acpi_cpus(const uint32_t **ret_ids);

/** I/O port of the power management timer. */
uint16_t acpi_timer_port(void);

/** The timer's frequency, and the bits of it that count. */
#define ACPI_TIMER_HZ   3579545
#define ACPI_TIMER_MASK 0xffffff

/** Switch the machine off. */
_Noreturn void acpi_power_off(void);
