/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/bare/acpi.h"

#include <string.h>

#include "guests/bare/machine.h"
#include "guests/bare/vcpu.h"

/* What QEMU's pc and q35 machines have. */
#define USUAL_CONTROL_PORT 0x604
#define USUAL_TIMER_PORT   0x608

#define SLEEP_ENABLE 0x2000 /* with sleep type 0, which is S5 on QEMU's machines */

#define ADDRESS_LIMIT (UINT64_C(4) << 30) /* mapped from the start */
#define TABLE_MAX     (UINT32_C(1) << 20)

#define MADT_LOCAL_APIC   0
#define MADT_LOCAL_X2APIC 9
#define MADT_ENABLED      1

struct __attribute__((packed)) rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt, length;
	uint64_t xsdt;
};

struct __attribute__((packed)) table {
	char signature[4];
	uint32_t length;
	uint8_t rest[28];
};

static uint32_t ids[VCPUS_MAX];
static unsigned n_ids = 1;
static uint16_t control_port = USUAL_CONTROL_PORT, timer_port = USUAL_TIMER_PORT;

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void add_cpu(uint32_t id, uint32_t flags)
{
	if ((flags & MADT_ENABLED) && n_ids < VCPUS_MAX)
		ids[n_ids++] = id;
}

static void read_madt(const struct table *t)
{
	const uint8_t *at = (const uint8_t *)t + 44, *end = (const uint8_t *)t + t->length;

	n_ids = 0;
	for (; end - at >= 2 && at[1] >= 2 && at[1] <= end - at; at += at[1])
		if (at[0] == MADT_LOCAL_APIC && at[1] >= 8)
			add_cpu(at[3], get32(at + 4));
		else if (at[0] == MADT_LOCAL_X2APIC && at[1] >= 16)
			add_cpu(get32(at + 4), get32(at + 8));
	if (n_ids == 0)
		n_ids = 1;
}

static void read_fadt(const struct table *t)
{
	uint32_t control, timer;

	if (t->length < 80)
		return;
	control = get32((const uint8_t *)t + 64);
	timer = get32((const uint8_t *)t + 76);
	if (control && control <= UINT16_MAX)
		control_port = (uint16_t)control;
	if (timer && timer <= UINT16_MAX)
		timer_port = (uint16_t)timer;
}

static const struct {
	const char *signature;
	void (*read)(const struct table *t);
} readers[] = {
	{"APIC", read_madt},
	{"FACP", read_fadt},
};

/* The table at @address if it can be one and is called @signature (NULL: whatever it is called). */
static const struct table *table_at(uint64_t address, const char *signature)
{
	const struct table *t = (const struct table *)address;

	if (address == 0 || address > ADDRESS_LIMIT - TABLE_MAX || t->length < sizeof(*t) ||
		t->length > TABLE_MAX)
		return NULL;
	return !signature || memcmp(t->signature, signature, 4) == 0 ? t : NULL;
}

void acpi_init(uint64_t address)
{
	const struct rsdp *r = (const struct rsdp *)address;
	const struct table *list;
	size_t width;

	if (address == 0 || address > ADDRESS_LIMIT - sizeof(*r) ||
		memcmp(r->signature, "RSD PTR ", 8) != 0)
		return;
	width = r->revision >= 2 && r->xsdt ? 8 : 4;
	list = table_at(width == 8 ? r->xsdt : r->rsdt, width == 8 ? "XSDT" : "RSDT");
	if (!list)
		return;
	for (size_t at = 36; at + width <= list->length; at += width) {
		const struct table *t;
		uint64_t where = 0;

		memcpy(&where, (const uint8_t *)list + at, width);
		t = table_at(where, NULL);
		for (size_t i = 0; t && i < sizeof(readers) / sizeof(readers[0]); i++)
			if (memcmp(t->signature, readers[i].signature, 4) == 0)
				readers[i].read(t);
	}
}

unsigned acpi_cpus(const uint32_t **ret_ids)
{
	*ret_ids = ids;
	return n_ids;
}

uint16_t acpi_timer_port(void)
{
	return timer_port;
}

void acpi_power_off(void)
{
	out16(control_port, SLEEP_ENABLE);
	halt_forever();
}
