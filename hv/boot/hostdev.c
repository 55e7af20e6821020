/* SPDX-License-Identifier: BSD-2-Clause */
/* Which devices the host partition gets: PCI functions that are no bridges,
 * and UARTs; with the ports and the memory that go with them. */
#include "boot/acpi.h"
#include "boot/host.h"
#include "boot/options.h"
#include "lib/log.h"
#include "lib/machine.h"
#include "lib/pci.h"
#include "pvabi/abi.h"

#define UART_PORTS 8
#define LEGACY_END 0x100000ull
#define DEVICE_HIGH 0x8000000000ull
#define GPA_BITS_MAX 48 /* 4 levels of tables */
#define CLASS_IDE 0x0101
#define IDE_NATIVE(channel) (1u << 2 * (channel)) /* of the programming if. */

/* Ports that stay the hypervisor's, whatever a BAR says. */
static const struct {
	u16 first, last;
} forbidden[] = {
	{ 0x20, 0x21 },	  /* PIC */
	{ 0xA0, 0xA1 },	  /* PIC */
	{ 0x4D0, 0x4D1 }, /* PIC trigger modes */
	{ 0x40, 0x43 },	  /* PIT */
	{ 0x61, 0x61 },	  /* PIT gate, NMI status */
	{ 0x70, 0x71 },	  /* CMOS, NMI mask */
	{ 0x92, 0x92 },	  /* fast reset */
	{ 0xB2, 0xB3 },	  /* SMI */
	{ 0xCF8, 0xCFF }, /* PCI configuration, reset */
};

struct boot_screen boot_screen;

static bool overlap(u64 a, u64 n, u64 b, u64 m)
{
	return a < b + m && b < a + n;
}

static bool ports_ok(u64 first, u64 n)
{
	if (!range_within(first, n, 0x10000) || n > 256)
		return false;
	for (u32 i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (overlap(first, n, forbidden[i].first,
			    forbidden[i].last - forbidden[i].first + 1u))
			return false;
	return !overlap(first, n, acpi.off[0].port, 2) &&
	       !overlap(first, n, acpi.off[1].port, 2);
}

/* Device memory never lies over RAM or the interrupt controllers, nor where
 * the shared pages, the modules and the host partition's windows are. */
static bool memory_ok(const struct boot_info *bi, u64 start, u64 size)
{
	u32 bits = cpu_feat.phys_bits;

	bits = bits < GPA_BITS_MAX ? bits : GPA_BITS_MAX;
	if (start < LEGACY_END || !range_within(start, size, 1ull << bits) ||
	    (start + size > PV_PARTITION_PAGE && start < DEVICE_HIGH))
		return false;
	for (u32 i = 0; i < bi->nr_ranges; i++)
		if (bi->ranges[i].type != BOOT_MEM_OTHER &&
		    overlap(start, size, bi->ranges[i].start,
			    bi->ranges[i].size))
			return false;
	/* HPET, TPM, IOMMUs live there, and the local APIC behind */
	if (overlap(start, size, 0xFED00000, 0x100000) ||
	    overlap(start, size, acpi.lapic_addr, PAGE_SIZE))
		return false;
	for (u32 i = 0; i < acpi_boot.iommu.nr; i++)
		if (overlap(start, size, acpi_boot.iommu.unit[i].regs,
			    IOMMU_REGS))
			return false;
	if (pci_ecam.base &&
	    overlap(start, size, ecam_start(&pci_ecam), ecam_size(&pci_ecam)))
		return false; /* every function's registers, unfiltered */
	for (u32 i = 0; i < acpi_boot.nr_ioapics; i++)
		if (overlap(start, size, acpi_boot.ioapics[i].addr & ~PAGE_MASK,
			    PAGE_SIZE))
			return false;
	return true;
}

/* Is the page of a small BAR granted already, for another one of its? */
static bool has(const struct boot_host *h, const struct boot_grant *new)
{
	for (u32 i = 0; i < h->nr_grants; i++) {
		const struct boot_grant *g = &h->grants[i];

		if (g->kind == new->kind && g->func == new->func &&
		    g->start == new->start && g->size == new->size)
			return true;
	}
	return false;
}

/* To the function f; NULL: to no function. */
static bool grant(struct boot_info *bi, const struct pci_func *f, u64 start,
		  u64 size, bool io)
{
	struct boot_host *h = &bi->host;
	struct boot_grant g = { .kind = io ? BOOT_GRANT_PORTS :
					     BOOT_GRANT_DEVICE,
				.func = f ? (u32)(f - pci_funcs) + 1 : 0 };
	u64 mask = io ? 0 : PAGE_MASK;

	g.start = g.hpa = start & ~mask;
	g.size = ((start + size + mask) & ~mask) - g.start;
	if (!(io ? ports_ok(start, size) : memory_ok(bi, g.start, g.size)))
		return false;
	if (has(h, &g))
		return true;
	if (h->nr_grants == BOOT_MAX_GRANTS)
		return false;
	h->grants[h->nr_grants++] = g;
	return true;
}

static void grant_bars(struct boot_info *bi, const struct pci_func *f,
		       struct pv_device *d)
{
	for (u32 i = 0; i < 6; i++) {
		const struct pci_bar *b = &f->bar[i];

		if (!b->size || !b->base)
			continue;
		if (!grant(bi, f, b->base, b->size, b->io)) {
			log("parley: PCI %x: BAR %u at %lx is not granted\n",
			    f->bdf, i, b->base);
			continue;
		}
		d->bar[i].base = b->base;
		d->bar[i].size = b->size;
		d->bar[i].io = b->io;
	}
}

/* An IDE controller in compatibility mode has its ports by tradition. */
static void grant_ide(struct boot_info *bi, const struct pci_func *f)
{
	static const u16 ports[2][2] = { { 0x1F0, 0x3F6 }, { 0x170, 0x376 } };

	if ((f->class << 8 | f->subclass) != CLASS_IDE)
		return;
	for (u32 c = 0; c < 2; c++)
		if (!(f->progif & IDE_NATIVE(c)) &&
		    (!grant(bi, f, ports[c][0], 8, true) ||
		     !grant(bi, f, ports[c][1], 1, true)))
			log("parley: PCI %x: no legacy ports\n", f->bdf);
}

static void grant_function(struct boot_info *bi, const struct pci_func *f,
			   struct pv_device *d)
{
	*d = (struct pv_device){
		.type = PV_DEV_PCI,
		.irq = f->irq_line,
		.bdf = f->bdf,
		.vendor = f->vendor,
		.device = f->device,
		.class_code = f->class,
		.subclass = f->subclass,
		.progif = f->progif,
	};
	grant_bars(bi, f, d);
	grant_ide(bi, f);
}

/* COM1, and COM2 and COM3 if the configuration says so. */
static u32 grant_uarts(struct boot_info *bi, struct pv_device *out)
{
	static const struct {
		u16 port, irq;
	} com[] = { { 0x3F8, 4 }, { 0x2F8, 3 }, { 0x3E8, 4 } };
	const bool wanted[] = { true, boot_options.control, boot_options.pcap };
	u32 n = 0;

	for (u32 i = 0; i < 3; i++)
		if (wanted[i] && grant(bi, NULL, com[i].port, UART_PORTS, true))
			out[n++] = (struct pv_device){ .type = PV_DEV_UART,
						       .irq = com[i].irq,
						       .base = com[i].port,
						       .size = UART_PORTS };
	return n;
}

/* UEFI's screen: mostly memory that goes with a function already. */
static u32 grant_screen(struct boot_info *bi, struct pv_device *out)
{
	const struct boot_screen *s = &boot_screen;
	const struct boot_host *h = &bi->host;

	*out = (struct pv_device){ .type = PV_DEV_SCREEN,
				   .base = s->base,
				   .size = s->size,
				   .width = s->width,
				   .height = s->height,
				   .stride = s->stride };
	if (!s->size)
		return 0;
	for (u32 i = 0; i < h->nr_grants; i++) {
		const struct boot_grant *g = &h->grants[i];

		if (g->kind != BOOT_GRANT_DEVICE || !g->func ||
		    s->base < g->start ||
		    !range_within(s->base - g->start, s->size, g->size))
			continue;
		out->bdf = pci_funcs[g->func - 1].bdf;
		return 1;
	}
	return grant(bi, NULL, s->base, s->size, false);
}

u32 host_devices(struct boot_info *bi, struct pv_device *out, u32 max)
{
	u32 n = grant_uarts(bi, out);

	for (u32 i = 0; i < pci_count && n < max; i++)
		grant_function(bi, &pci_funcs[i], &out[n++]);
	if (n + 2 > max)
		return n;
	n += grant_screen(bi, &out[n]);
	/* its ports are not granted: hv/trap filters what is written there */
	out[n++] = (struct pv_device){
		.type = PV_DEV_KEYBOARD, .irq = 1, .base = 0x60, .size = 1
	};
	return n;
}
