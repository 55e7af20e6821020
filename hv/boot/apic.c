/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupt controllers, before the hypervisor takes them. */
#include "boot/apic.h"
#include "lib/machine.h"

#define BASE_X2APIC (1u << 10)
#define BASE_ENABLE (1u << 11)
#define SVR_ENABLED 0x1FF /* spurious vector 255 */
#define ICR_PENDING 0x1000
#define ICR_WAIT 100000

#define IOREGSEL 0
#define IOWIN (0x10 / 4)
#define IOAPIC_VERSION 1
#define IOAPIC_RTE(pin) (0x10 + 2 * (pin))
#define RTE_MASKED (1u << 16)

#define PIC1 0x20
#define PIC2 0xA0
#define PIC_INIT 0x11
#define PIC_VECTOR 0x20 /* stray ones end in vectors nobody registers */

static volatile u32 *apic_reg(u32 reg)
{
	return (volatile u32 *)(acpi.lapic_addr + reg);
}

u32 apic_read(u32 reg)
{
	if (cpu_feat.x2apic)
		return (u32)rdmsr(MSR_X2APIC + reg / 16);
	return *apic_reg(reg);
}

void apic_write(u32 reg, u32 v)
{
	if (cpu_feat.x2apic)
		wrmsr(MSR_X2APIC + reg / 16, v);
	else
		*apic_reg(reg) = v;
}

void apic_on(void)
{
	u64 base = rdmsr(MSR_APIC_BASE) | BASE_ENABLE;

	wrmsr(MSR_APIC_BASE, base); /* xAPIC first: no other way in */
	if (cpu_feat.x2apic)
		wrmsr(MSR_APIC_BASE, base | BASE_X2APIC);
	apic_write(APIC_SVR, SVR_ENABLED);
}

void apic_command(u32 apic_id, u32 command)
{
	if (cpu_feat.x2apic) {
		mb(); /* WRMSR of x2APIC does not wait for earlier stores */
		wrmsr(MSR_X2APIC + APIC_ICR / 16, (u64)apic_id << 32 | command);
		return;
	}
	for (u32 i = 0; i < ICR_WAIT && apic_read(APIC_ICR) & ICR_PENDING; i++)
		cpu_relax();
	apic_write(APIC_ICR + 0x10, apic_id << 24);
	apic_write(APIC_ICR, command);
}

/* Both PICs, set up as they have to be, all masked. */
static void pic_mask(void)
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

static void ioapic_mask_all(struct acpi_ioapic *io)
{
	volatile u32 *window = (volatile u32 *)io->addr;

	window[IOREGSEL] = IOAPIC_VERSION;
	io->pins = (window[IOWIN] >> 16 & 0xFF) + 1;
	for (u32 p = 0; p < io->pins; p++) {
		window[IOREGSEL] = IOAPIC_RTE(p);
		window[IOWIN] = RTE_MASKED;
	}
}

void irq_lines_mask(void)
{
	pic_mask();
	for (u32 i = 0; i < acpi.nr_ioapics; i++)
		ioapic_mask_all(&acpi.ioapics[i]);
}
