/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the PCI functions, and sizes their BARs. */
#include "boot/machine.h"
#include "boot/options.h"
#include "lib/log.h"
#include "lib/pci.h"

#define CFG_ID 0x00
#define CFG_COMMAND 0x04
#define CFG_CLASS 0x08
#define CFG_HEADER 0x0C
#define CFG_BAR0 0x10
#define CFG_BUSES 0x18
#define CFG_CAPS 0x34
#define CFG_IRQ 0x3C
#define STATUS_CAPS (1u << 20) /* of the doubleword at CFG_COMMAND */
#define CAP_MSI 0x05
#define CAP_MSIX 0x11
#define CAP_EXPRESS 0x10
#define CAP_AF 0x13
#define EXPRESS_CAPS 4u /* from the capability on */
#define EXPRESS_CONTROL 8u
#define EXPRESS_FLR (1u << 28)
#define EXPRESS_RESET (1u << 15)
#define EXPRESS_PENDING (1u << 21)
#define AF_CONTROL 4u
#define AF_TP (1u << 24)
#define AF_FLR (1u << 25)
#define AF_RESET 1u
#define AF_PENDING (1u << 8)
#define MSI_64 (1u << 23)
#define MSI_MASKS (1u << 24)
#define CLASS_BRIDGE 0x06
#define CLASS_IOMMU 0x0806
#define COMMAND_DECODE 3u /* I/O and memory */
#define HEADER_MULTI 0x80
#define BAR_IO 1u
#define BAR_64 4u

static void size_bar(struct pci_func *f, u32 i)
{
	u16 reg = (u16)(CFG_BAR0 + 4 * i);

	f->raw_bar[i] = pci_read32(f->bdf, reg);
	pci_write32(f->bdf, reg, ~0u);
	f->bar_mask[i] = pci_read32(f->bdf, reg);
	pci_write32(f->bdf, reg, f->raw_bar[i]);
}

/* Fills bar[i] from the raw values; returns how many registers it takes. */
static u32 decode_bar(struct pci_func *f, u32 i)
{
	u32 raw = f->raw_bar[i], mask = f->bar_mask[i];
	struct pci_bar *b = &f->bar[i];
	u64 wide;

	b->io = mask & BAR_IO;
	if (b->io) {
		b->base = raw & 0xFFFC;
		b->size = mask & 0xFFFC ? (~(mask & 0xFFFC) & 0xFFFF) + 1 : 0;
		return 1;
	}
	wide = mask & ~15u;
	b->base = raw & ~15u;
	if ((mask & BAR_64) && i < 5) {
		wide |= (u64)f->bar_mask[i + 1] << 32;
		b->base |= (u64)f->raw_bar[i + 1] << 32;
		b->size = wide ? ~wide + 1 : 0;
		return 2;
	}
	b->size = wide ? (~wide & 0xFFFFFFFF) + 1 : 0;
	return 1;
}

static void read_bars(struct pci_func *f)
{
	u32 command = pci_read32(f->bdf, CFG_COMMAND) & 0xFFFF;

	pci_write32(f->bdf, CFG_COMMAND, command & ~COMMAND_DECODE);
	for (u32 i = 0; i < 6; i++)
		size_bar(f, i);
	pci_write32(f->bdf, CFG_COMMAND, command);
	for (u32 i = 0; i < 6;)
		i += decode_bar(f, i);
}

/* PCI Express Base 3.0, 7.8.3 to 7.8.5: Device Capabilities, Control, Status. */
static void add_express(struct pci_func *f, u8 at)
{
	u32 caps = pci_read32(f->bdf, (u16)(at + EXPRESS_CAPS));

	f->quiet = (u8)(at + EXPRESS_CONTROL);
	f->pending = EXPRESS_PENDING;
	f->reset = caps & EXPRESS_FLR ? EXPRESS_RESET : 0;
}

/* The same for a conventional function (PCI-SIG ECN Advanced Capabilities). */
static void add_af(struct pci_func *f, u8 at, u32 first)
{
	f->quiet = (u8)(at + AF_CONTROL);
	f->pending = first & AF_TP ? AF_PENDING : 0;
	f->reset = first & AF_FLR ? AF_RESET : 0;
}

/* The length of the capability of MSI is in its first doubleword (PCI Local Bus
 * 3.0, 6.8.1). */
static void add_cap(struct pci_func *f, u8 at, u32 first)
{
	if ((first & 0xFF) == CAP_MSIX)
		f->msix = at;
	if ((first & 0xFF) == CAP_EXPRESS)
		add_express(f, at);
	if ((first & 0xFF) == CAP_AF && !f->quiet)
		add_af(f, at, first);
	if ((first & 0xFF) != CAP_MSI)
		return;
	f->msi = at;
	f->msi_size =
		(u8)((first & MSI_64 ? 16 : 12) + (first & MSI_MASKS ? 8 : 0));
}

static void read_caps(struct pci_func *f)
{
	u32 at, first;

	if (!(pci_read32(f->bdf, CFG_COMMAND) & STATUS_CAPS))
		return;
	at = pci_read32(f->bdf, CFG_CAPS) & 0xFC;
	/* a list that loops ends: there is room for 48 */
	for (u32 left = 48; left && at >= 0x40; left--) {
		first = pci_read32(f->bdf, (u16)at);
		add_cap(f, (u8)at, first);
		at = first >> 8 & 0xFC;
	}
}

static bool is_wanted(u16 bdf)
{
	for (u32 i = 0; i < boot_options.nr_devices; i++)
		if (boot_options.device[i] == bdf)
			return true;
	return !boot_options.some_devices;
}

static void clear(u16 bdf, u16 reg, u32 bits)
{
	pci_write32(bdf, reg, pci_read32(bdf, reg) & ~bits);
}

/* The configuration gives it to nobody: neither DMA nor interrupts come from it,
 * and no partition reaches it. */
static void drop_func(const struct pci_func *f)
{
	u32 command = pci_read32(f->bdf, CFG_COMMAND) & 0xFFFF;

	command = (command & ~PCI_COMMAND_MASTER) | PCI_COMMAND_INTX_OFF;
	pci_write32(f->bdf, CFG_COMMAND, command);
	if (f->msi)
		clear(f->bdf, f->msi, PCI_MSI_ENABLE);
	if (f->msix)
		clear(f->bdf, f->msix, PCI_MSIX_ENABLE);
	log("parley: PCI %02x:%02x.%x is nobody's: [host] devices\n",
	    f->bdf >> 8, f->bdf >> 3 & 31, f->bdf & 7);
}

static void add_func(u16 bdf, u32 id, u32 class)
{
	struct pci_func *f;
	u32 irq = pci_read32(bdf, CFG_IRQ);

	if (pci_count == PCI_MAX_FUNCS) {
		log("parley: pci: %02x:%02x.%x left out: too many functions\n",
		    bdf >> 8, bdf >> 3 & 31, bdf & 7);
		return;
	}
	f = &pci_funcs[pci_count];
	*f = (struct pci_func){ .bdf = bdf,
				.vendor = (u16)id,
				.device = (u16)(id >> 16),
				.class = (u8)(class >> 24),
				.subclass = (u8)(class >> 16),
				.progif = (u8)(class >> 8),
				.irq_line = (u8)irq,
				.irq_pin = (u8)(irq >> 8) };
	read_caps(f);
	read_bars(f);
	if (is_wanted(bdf))
		pci_count++;
	else
		drop_func(f);
}

/* Bridges stay as they are; the bus behind one goes into the set that is still
 * to be scanned. */
static void scan_func(u16 bdf, u32 id, u64 *todo)
{
	u32 header = pci_read32(bdf, CFG_HEADER) >> 16 & 0x7F;
	u32 class = pci_read32(bdf, CFG_CLASS), bus;

	if (!header && class >> 24 != CLASS_BRIDGE &&
	    class >> 16 != CLASS_IOMMU)
		add_func(bdf, id, class);
	if (header != 1)
		return;
	bus = pci_read32(bdf, CFG_BUSES) >> 8 & 0xFF;
	if (bus > bdf >> 8)
		todo[bus / 64] |= 1ull << bus % 64;
}

static void scan_device(u32 bus, u32 dev, u64 *todo)
{
	u32 funcs = 1;

	for (u32 fn = 0; fn < funcs; fn++) {
		u16 bdf = (u16)(bus << 8 | dev << 3 | fn);
		u32 id = pci_read32(bdf, CFG_ID);

		if ((id & 0xFFFF) == 0xFFFF)
			continue;
		if (!fn && pci_read32(bdf, CFG_HEADER) >> 16 & HEADER_MULTI)
			funcs = 8;
		scan_func(bdf, id, todo);
	}
}

void pci_scan(void)
{
	u64 todo[4] = { 1 };

	pci_count = 0;
	/* A bridge's bus has a higher number than its own: one pass does. */
	for (u32 bus = 0; bus < 256; bus++) {
		if (!(todo[bus / 64] >> bus % 64 & 1))
			continue;
		for (u32 dev = 0; dev < 32; dev++)
			scan_device(bus, dev, todo);
	}
}
