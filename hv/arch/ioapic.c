/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O APICs, and the legacy PIC switched off; the table of irq handlers. */
#include "arch/cpu.h"
#include "arch/irq.h"
#include "lib/x86.h"
#include "lib/lock.h"

#define IOREGSEL 0
#define IOWIN (0x10 / 4)
#define IOAPIC_VERSION 1
#define IOAPIC_RTE(pin) (0x10 + 2 * (pin))
#define RTE_ACTIVE_LOW (1u << 13)
#define RTE_LEVEL (1u << 15)
#define RTE_MASKED (1u << 16)
#define PIC1 0x20
#define PIC2 0xA0
#define PIC_INIT 0x11
#define PIC_VECTOR 0x20 /* stray ones end in vectors nobody registers */

static u32 pins[ACPI_MAX_IOAPICS];
static u32 rte_low[VEC_GSI_COUNT]; /* as routed; never masked */
static struct lock ioapic_lock;	   /* guards the window registers, rte_low */
static irq_fn handlers[256];

void irq_register(u32 vector, irq_fn fn)
{
	handlers[vector & 0xFF] = fn;
}

void irq_dispatch(u32 vector)
{
	irq_fn fn = handlers[vector & 0xFF];

	if (fn)
		fn(vector);
	if (vector != VEC_SPURIOUS)
		lapic_eoi();
}

static volatile u32 *window(u32 i)
{
	return (volatile u32 *)acpi.ioapics[i].addr;
}

static u32 reg_read(u32 i, u32 reg)
{
	window(i)[IOREGSEL] = reg;
	return window(i)[IOWIN];
}

static void reg_write(u32 i, u32 reg, u32 v)
{
	window(i)[IOREGSEL] = reg;
	window(i)[IOWIN] = v;
}

/* The I/O APIC of a GSI; false if there is none, or no vector for it. */
static bool find_pin(u32 gsi, u32 *i, u32 *pin)
{
	for (*i = 0; gsi < VEC_GSI_COUNT && *i < acpi.nr_ioapics; ++*i) {
		*pin = gsi - acpi.ioapics[*i].gsi_base;
		if (gsi >= acpi.ioapics[*i].gsi_base && *pin < pins[*i])
			return true;
	}
	return false;
}

/* Both PICs, set up as they have to be, all masked. */
static void pic_off(void)
{
	static const u8 words[2][4] = {
		{ PIC_VECTOR, 4, 1, 0xFF },
		{ PIC_VECTOR + 8, 2, 1, 0xFF },
	};

	for (u32 p = 0; p < 2; p++) {
		u16 port = p ? PIC2 : PIC1;

		outb(port, PIC_INIT);
		for (u32 i = 0; i < 4; i++)
			outb(port + 1, words[p][i]);
	}
}

void ioapic_init(void)
{
	pic_off();
	for (u32 i = 0; i < acpi.nr_ioapics; i++) {
		pins[i] = (reg_read(i, IOAPIC_VERSION) >> 16 & 0xFF) + 1;
		for (u32 p = 0; p < pins[i]; p++)
			reg_write(i, IOAPIC_RTE(p), RTE_MASKED);
	}
}

static const struct acpi_override *override_of(u32 irq, bool isa)
{
	for (u32 i = 0; i < acpi.nr_overrides; i++) {
		const struct acpi_override *o = &acpi.overrides[i];

		if (isa ? o->isa_irq == irq : o->gsi == irq)
			return o;
	}
	return NULL;
}

int ioapic_route(u32 irq, bool isa, bool level, u32 cpu)
{
	const struct acpi_override *o = override_of(irq, isa);
	u32 gsi = o ? o->gsi : irq, i, pin, low = VEC_GSI_BASE + gsi;

	if (cpu >= CPU_MAX || !cpu_table[cpu] || !find_pin(gsi, &i, &pin))
		return -1;
	low |= (o ? o->level : level) ? RTE_LEVEL : 0;
	low |= (o ? o->active_low : level) ? RTE_ACTIVE_LOW : 0;
	lock_take(&ioapic_lock);
	reg_write(i, IOAPIC_RTE(pin), RTE_MASKED);
	reg_write(i, IOAPIC_RTE(pin) + 1, cpu_table[cpu]->apic_id << 24);
	rte_low[gsi] = low;
	reg_write(i, IOAPIC_RTE(pin), low);
	lock_drop(&ioapic_lock);
	return (int)gsi;
}

void ioapic_mask(u32 gsi, bool masked)
{
	u32 i, pin;

	if (!find_pin(gsi, &i, &pin))
		return;
	lock_take(&ioapic_lock);
	reg_write(i, IOAPIC_RTE(pin), rte_low[gsi] | (masked ? RTE_MASKED : 0));
	lock_drop(&ioapic_lock);
}

bool ioapic_is_level(u32 gsi)
{
	return gsi < VEC_GSI_COUNT && (rte_low[gsi] & RTE_LEVEL);
}
