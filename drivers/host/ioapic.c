/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers of an emulated I/O APIC, and where its interrupts go; pure. */
#include "ioapic.h"

#include <stdbool.h>

/* Memory-mapped registers, and those that they reach. */
#define SELECT 0x00u
#define WINDOW 0x10u
#define REG_VERSION 0x01u
#define REG_TABLE 0x10u

#define VERSION (0x11u | (IOAPIC_PINS - 1) << 16)

/* An entry of the table. */
#define E_VECTOR 0xffu
#define E_MODE(e) ((unsigned)((e) >> 8) & 7u)
#define MODE_LOWEST 1u /* 0: fixed */
#define E_LOGICAL 0x800u
#define E_MASKED 0x10000u
#define E_DEST(e) ((unsigned)((e) >> 56))
#define E_LOW_BITS 0x1afffull /* without delivery status and remote IRR */
#define E_HIGH_BITS 0xff000000ull
#define DEST_ALL 0xffu
#define VECTOR_MIN 32u

void ioapic_init(struct ioapic *a, unsigned vcpus)
{
	a->select = 0;
	a->unmasked = 0;
	a->vcpus = vcpus;
	for (unsigned i = 0; i < IOAPIC_PINS; i++)
		a->entry[i] = E_MASKED;
}

static uint32_t reg_read(const struct ioapic *a)
{
	unsigned n = a->select - REG_TABLE;

	if (n < 2 * IOAPIC_PINS)
		return (uint32_t)(a->entry[n / 2] >> 32 * (n % 2));
	return a->select == REG_VERSION ? VERSION : 0;
}

static void reg_write(struct ioapic *a, uint32_t v)
{
	unsigned n = a->select - REG_TABLE, pin = n / 2;

	if (n >= 2 * IOAPIC_PINS)
		return;
	if (n % 2) {
		a->entry[pin] = (uint32_t)a->entry[pin] |
				(uint64_t)(v & E_HIGH_BITS) << 32;
		return;
	}
	a->entry[pin] = (a->entry[pin] & ~0xffffffffull) | (v & E_LOW_BITS);
	a->unmasked &= ~(1u << pin);
	a->unmasked |= (v & E_MASKED ? 0u : 1u) << pin;
}

uint32_t ioapic_read(const struct ioapic *a, unsigned off)
{
	return off == SELECT ? a->select : off == WINDOW ? reg_read(a) : 0;
}

void ioapic_write(struct ioapic *a, unsigned off, uint32_t v)
{
	if (off == SELECT)
		a->select = v & 0xff;
	else if (off == WINDOW)
		reg_write(a, v);
}

/* APIC ids are the vCPUs' numbers; 8 bits reach the first cluster only. */
static bool addressed(uint64_t e, unsigned vcpu)
{
	unsigned dest = E_DEST(e);

	if (e & E_LOGICAL)
		return vcpu < 8 && dest >> vcpu & 1;
	return dest == DEST_ALL || dest == vcpu;
}

void ioapic_edge(struct ioapic *a, unsigned pin)
{
	uint64_t e = a->entry[pin];
	unsigned vector = e & E_VECTOR;

	if (e & E_MASKED || E_MODE(e) > MODE_LOWEST || vector < VECTOR_MIN)
		return;
	for (unsigned n = 0; n < a->vcpus; n++) {
		if (!addressed(e, n))
			continue;
		a->raise(a->arg, n, vector);
		if (E_MODE(e) == MODE_LOWEST)
			return;
	}
}
