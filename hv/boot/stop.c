/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which registers stop the DMA of functions that have no reset of their own, by
 * the programming interfaces that their classes stand for. Whoever uses them knows
 * nothing of those: struct pci_stop.
 */
#include "boot/machine.h"
#include "lib/stop.h"

#define BUS_MASTER_IDE 0x010180u /* class, subclass, programming interface */
#define BUS_MASTER 0xffff80u /* bit 7 of the interface; the others are modes */
#define AHCI 0x010601u
#define NVME 0x010802u
#define E1000 0x100e8086u /* 82540EM */
#define ALL ~0u
#define VIRTIO_VENDOR 0x1af4u
#define VIRTIO_FIRST 0x1000u
#define VIRTIO_LAST 0x107fu
#define VIRTIO_CAP 0x01000009u /* vendor specific, VIRTIO_PCI_CAP_COMMON_CFG */
#define CAP_ID 0xff0000ffu
#define DEVICE_STATUS 20u
#define REG_CAPS 0x34
#define STATUS_CAPS (1u << 20) /* of the doubleword with COMMAND */

/* An interface whose registers lie at the beginning of a BAR. */
struct interface {
	u32 class, mask; /* mask 0: any */
	u32 id;		 /* device << 16 | vendor; 0: any */
	u8 bar, space, width;
	struct {
		u32 at, busy_at, value, busy;
	} stop[PCI_STOPS];
};

/* clang-format off */
static const struct interface interfaces[] = {
	/* Programming Interface for Bus Master IDE Controller 1.0, 2.1, 2.2: of
	 * both channels Start, then Active */
	{ BUS_MASTER_IDE, BUS_MASTER, 0, 4, PCI_COMMAND_IO, 1,
	  { { 0x0, 0x2, 0, 1 }, { 0x8, 0xa, 0, 1 } } },
	/* AHCI 1.3.1, 10.4.3: GHC.AE, then GHC.HR, which clears itself */
	{ AHCI, ALL, 0, 5, PCI_COMMAND_MEMORY, 4,
	  { { 0x4, 0x4, 1u << 31, 0 }, { 0x4, 0x4, 1u << 31 | 1, 1 } } },
	/* NVM Express 1.4, 3.1.5, 3.1.6: CC.EN, then CSTS.RDY */
	{ NVME, ALL, 0, 0, PCI_COMMAND_MEMORY, 4, { { 0x14, 0x1c, 0, 1 } } },
	/* 82540EM manual, 13.4.22, 13.4.1: RCTL.EN, as a reset by CTRL.RST ends no
	 * receiver in Bochs */
	{ 0, 0, E1000, 0, PCI_COMMAND_MEMORY, 4,
	  { { 0x100, 0x100, 0, 0 }, { 0x0, 0x0, 1u << 26, 1u << 26 } } },
};
/* clang-format on */

static bool matches(const struct interface *i, const struct pci_func *f)
{
	u32 class = (u32)f->class << 16 | (u32)f->subclass << 8 | f->progif;

	return (class & i->mask) == (i->class & i->mask) &&
	       (!i->id || i->id == ((u32)f->device << 16 | f->vendor));
}

/* Does it lie in what is the function's own, and could be its owner's? */
static bool granted(const struct boot_host *h, const struct pci_func *f,
		    const struct pci_stop *s, u64 at)
{
	u32 kind = s->space == PCI_COMMAND_IO ? BOOT_GRANT_PORTS :
						BOOT_GRANT_DEVICE;

	for (u32 i = 0; i < h->nr_grants; i++) {
		const struct boot_grant *g = &h->grants[i];

		if (g->kind == kind && g->func == f - pci_funcs + 1 &&
		    at >= g->start &&
		    range_within(at - g->start, s->width, g->size))
			return true;
	}
	return false;
}

/* s has addresses within the BAR yet. */
static void add(const struct boot_host *h, const struct pci_func *f, u32 bar,
		struct pci_stop s)
{
	const struct pci_bar *b = &f->bar[bar];
	struct pci_stop *to = pci_stops[f - pci_funcs];

	if (!b->base || b->io != (s.space == PCI_COMMAND_IO) ||
	    !range_within(s.at, s.width, b->size) ||
	    !range_within(s.busy_at, s.width, b->size))
		return;
	s.at += b->base;
	s.busy_at += b->base;
	if (!granted(h, f, &s, s.at) || !granted(h, f, &s, s.busy_at))
		return;
	if (!b->io)
		paging_add_device(s.at);
	*(to->at ? to + 1 : to) = s;
}

static void by_interface(const struct boot_host *h, const struct pci_func *f,
			 const struct interface *i)
{
	for (u32 n = 0; n < PCI_STOPS; n++)
		if (i->stop[n].busy_at || i->stop[n].busy)
			add(h, f, i->bar,
			    (struct pci_stop){ .at = i->stop[n].at,
					       .busy_at = i->stop[n].busy_at,
					       .value = i->stop[n].value,
					       .busy = i->stop[n].busy,
					       .space = i->space,
					       .width = i->width });
}

/* VIRTIO 1.2, 4.1.4.3, 2.4: device_status, in the BAR that a capability names. */
static void by_virtio(const struct boot_host *h, const struct pci_func *f,
		      u8 cap)
{
	struct pci_stop s = { .busy = 0xff,
			      .space = PCI_COMMAND_MEMORY,
			      .width = 1 };
	u32 bar = pci_read32(f->bdf, (u16)(cap + 4u)) & 0xff;

	s.at = (u64)pci_read32(f->bdf, (u16)(cap + 8u)) + DEVICE_STATUS;
	s.busy_at = s.at;
	if (bar < array_size(f->bar))
		add(h, f, bar, s);
}

/* Also of what can be driven as a legacy device; the first one counts. */
static void virtio(const struct boot_host *h, const struct pci_func *f)
{
	u32 at, first;

	if (f->vendor != VIRTIO_VENDOR || f->device < VIRTIO_FIRST ||
	    f->device > VIRTIO_LAST ||
	    !(pci_read32(f->bdf, PCI_REG_COMMAND) & STATUS_CAPS))
		return;
	at = pci_read32(f->bdf, REG_CAPS) & 0xfc;
	for (u32 left = 48; left && at >= 0x40 && !pci_stops[f - pci_funcs]->at;
	     left--) {
		first = pci_read32(f->bdf, (u16)at);
		if ((first & CAP_ID) == VIRTIO_CAP)
			by_virtio(h, f, (u8)at);
		at = first >> 8 & 0xfc;
	}
}

void stops_find(const struct boot_host *h)
{
	for (u32 n = 0; n < pci_count; n++) {
		const struct pci_func *f = &pci_funcs[n];

		if (f->reset || f->class == PCI_CLASS_DISPLAY)
			continue;
		virtio(h, f);
		for (u32 i = 0; i < array_size(interfaces); i++)
			if (matches(&interfaces[i], f))
				by_interface(h, f, &interfaces[i]);
	}
}
