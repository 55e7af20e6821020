/* SPDX-License-Identifier: BSD-2-Clause */
/* Which devices the host partition gets: PCI functions that are no bridges,
 * and the UART; their ports are opened and their memory is mapped. */
#include "lib/machine.h"
#include "lib/pci.h"
#include "core/frame.h"
#include "core/gmem.h"
#include "lib/log.h"
#include "lib/string.h"
#include "main/host.h"

#define UART_PORT 0x3F8
#define UART_PORTS 8
#define UART_IRQ 4
#define LEGACY_END 0x100000ull
#define DEVICE_HIGH 0x8000000000ull
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

static bool port_range_ok(u64 first, u64 n)
{
	if (!range_within(first, n, 0x10000) || n > 256)
		return false;
	for (u32 i = 0; i < array_size(forbidden); i++)
		if (first <= forbidden[i].last &&
		    first + n > forbidden[i].first)
			return false;
	return !(acpi.pm1a_cnt >= first && acpi.pm1a_cnt < first + n);
}

/* Device memory never lies over RAM or the interrupt controllers, nor where
 * the shared pages, the modules and the host partition's windows are. */
static bool mmio_ok(u64 start, u64 size)
{
	if (start < LEGACY_END || !range_within(start, size, gmem_limit()) ||
	    (start + size > PV_PARTITION_PAGE && start < DEVICE_HIGH))
		return false;
	for (u64 at = start; at < start + size; at += PAGE_SIZE) {
		const struct frame *f = frame_of(hpa(at));

		if (f && f->owner != FRAME_NOBODY)
			return false;
		if (at == acpi.lapic_addr || (at >> 20) == 0xFED)
			return false;
		for (u32 i = 0; i < acpi.nr_ioapics; i++)
			if (at == (acpi.ioapics[i].addr & ~PAGE_MASK))
				return false;
	}
	return true;
}

static bool bar_grant(struct partition *p, const struct pci_bar *b)
{
	u64 start = b->base & ~PAGE_MASK;
	u64 end = (b->base + b->size + PAGE_MASK) & ~PAGE_MASK;
	hpa_t there;

	if (b->io) {
		if (!port_range_ok(b->base, b->size))
			return false;
		virt_io_allow(&p->space, (u16)b->base, (u16)b->size, true);
		return true;
	}
	/* small ranges of two devices may share a page: mapped already is ok */
	return mmio_ok(start, end - start) &&
	       (nested_lookup(&p->space, gpa(start), &there, NULL, NULL) ||
		!gmem_map_hv(p, gpa(start), hpa(start), end - start,
			     NP_READ | NP_WRITE | NP_DEVICE));
}

static void bars_grant(struct partition *p, const struct pci_func *f,
		       struct pv_device *d)
{
	for (u32 i = 0; i < 6; i++) {
		const struct pci_bar *b = &f->bar[i];

		if (!b->size || !b->base)
			continue;
		if (!bar_grant(p, b)) {
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
static void ide_grant(struct partition *p, const struct pci_func *f)
{
	static const u16 ports[2][2] = { { 0x1F0, 0x3F6 }, { 0x170, 0x376 } };

	if ((f->class << 8 | f->subclass) != CLASS_IDE)
		return;
	for (u32 c = 0; c < 2; c++) {
		if (f->progif & IDE_NATIVE(c))
			continue;
		virt_io_allow(&p->space, ports[c][0], 8, true);
		virt_io_allow(&p->space, ports[c][1], 1, true);
	}
}

static void pci_grant(struct partition *p, const struct pci_func *f,
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
	bars_grant(p, f, d);
	ide_grant(p, f);
}

u32 host_devices(struct partition *p, struct pv_device *out, u32 max)
{
	u32 n = 0;

	out[n++] = (struct pv_device){ .type = PV_DEV_UART,
				       .irq = UART_IRQ,
				       .base = UART_PORT,
				       .size = UART_PORTS };
	virt_io_allow(&p->space, UART_PORT, UART_PORTS, true);
	for (u32 i = 0; i < pci_count && n < max; i++)
		if (!pci_is_bridge(&pci_funcs[i]))
			pci_grant(p, &pci_funcs[i], &out[n++]);
	return n;
}
