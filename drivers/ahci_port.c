/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine of an HBA and of its ports: start, stop, reset, commands. */
#include "ahci_port.h"

#define BIOS_MS 2000u	/* 10.6.3 */
#define RESET_MS 1000u	/* 10.4.3 */
#define ENGINE_MS 500u	/* 10.1.2 */
#define LINK_MS 1000u	/* a device answers COMRESET */
#define DETECT_MS 100u	/* that there is one */
#define READY_MS 10000u /* it spins up */
#define COMMAND_MS 5000u

/* ---- waiting ---- */

/* Waits for the bits of mask to be `want`; false: they are not in time. */
static bool hba_wait(struct ahci *h, uint64_t reg, uint32_t mask, uint32_t want,
		     unsigned ms)
{
	struct env *e = h->env;
	uint64_t end = e->now_ns(e) + ms * ENV_MS;

	for (;;) {
		uint32_t v = ahci_read(h, (unsigned)reg);

		if (v != ~0u && (v & mask) == want)
			return true;
		if (v == ~0u || e->now_ns(e) >= end) /* gone, or slow */
			return false;
		e->wait(e, e->now_ns(e) + ENV_MS);
	}
}

static bool port_wait(struct ahci_port *d, unsigned reg, uint32_t mask,
		      uint32_t want, unsigned ms)
{
	return hba_wait(d->hba, d->regs + reg, mask, want, ms);
}

/* ---- start and stop of a port ---- */

/* 10.1.2: first the command engine, then what receives FISes. */
bool ahci_port_stop(struct ahci_port *d)
{
	uint32_t cmd = ahci_port_read(d, PORT_CMD) & ~CMD_ST;

	d->up = false;
	ahci_port_write(d, PORT_IE, 0);
	ahci_port_write(d, PORT_CMD, cmd);
	if (!port_wait(d, PORT_CMD, CMD_CR, 0, ENGINE_MS))
		return false;
	ahci_port_write(d, PORT_CMD, cmd & ~CMD_FRE);
	return port_wait(d, PORT_CMD, CMD_FR, 0, ENGINE_MS);
}

void ahci_port_clear(struct ahci_port *d)
{
	ahci_port_write(d, PORT_SERR, ~0u);
	ahci_port_write(d, PORT_IS, ~0u);
}

bool ahci_port_run(struct ahci_port *d)
{
	uint64_t list = d->area_dev.v;
	uint64_t fis = list + offsetof(struct ahci_area, fis);
	uint32_t cmd = CMD_ICC_ACTIVE | CMD_SUD | CMD_POD | CMD_FRE;

	ahci_port_write(d, PORT_CLB, (uint32_t)list);
	ahci_port_write(d, PORT_CLB + 4, (uint32_t)(list >> 32));
	ahci_port_write(d, PORT_FB, (uint32_t)fis);
	ahci_port_write(d, PORT_FB + 4, (uint32_t)(fis >> 32));
	ahci_port_clear(d);
	ahci_port_write(d, PORT_CMD, cmd);
	if (!port_wait(d, PORT_SSTS, SSTS_DET, DET_READY, LINK_MS) ||
	    !port_wait(d, PORT_TFD, ATA_STATUS_BSY | ATA_STATUS_DRQ, 0,
		       READY_MS))
		return false;
	ahci_port_clear(d);
	ahci_port_write(d, PORT_CMD, cmd | CMD_ST);
	return true;
}

/* COMRESET (10.4.2): at least 1 ms. */
void ahci_comreset(struct ahci_port *d)
{
	struct env *e = d->blk.env;
	uint64_t end = e->now_ns(e) + 2 * ENV_MS;

	ahci_port_write(d, PORT_SCTL, SCTL_NO_SLEEP | SCTL_DET_INIT);
	while (e->now_ns(e) < end)
		e->wait(e, end);
	ahci_port_write(d, PORT_SCTL, SCTL_NO_SLEEP);
}

bool ahci_hba_reset(struct ahci *h)
{
	ahci_write(h, HBA_GHC, GHC_AE);
	ahci_write(h, HBA_GHC, GHC_AE | GHC_HR);
	if (!hba_wait(h, HBA_GHC, GHC_HR, 0, RESET_MS))
		return false;
	ahci_write(h, HBA_GHC, GHC_AE);
	return true;
}

/* ---- taking over ---- */

void ahci_take_over(struct ahci *h)
{
	if (!(ahci_read(h, HBA_CAP2) & CAP2_BOH))
		return;
	ahci_write(h, HBA_BOHC, ahci_read(h, HBA_BOHC) | BOHC_OOS);
	hba_wait(h, HBA_BOHC, BOHC_BOS, 0, BIOS_MS);
}

void ahci_detect(struct ahci *h)
{
	struct env *e = h->env;
	uint64_t begin = e->now_ns(e);
	uint64_t took;
	bool all, half;

	do {
		e->wait(e, e->now_ns(e) + ENV_MS);
		all = true;
		half = false;
		for (unsigned n = 0; n < AHCI_PORTS; n++) {
			uint32_t det = DET_READY;

			if (h->ports & 1u << n)
				det = ahci_port_read(&h->port[n], PORT_SSTS) &
				      SSTS_DET;
			all &= det == DET_READY;
			half |= det != DET_READY && det != DET_NONE;
		}
		took = e->now_ns(e) - begin;
	} while (!all && took < (half ? LINK_MS : DETECT_MS) * ENV_MS);
}

void ahci_ports_init(struct ahci *h, uint64_t bar_size)
{
	uint32_t there = ahci_read(h, HBA_PI);

	for (unsigned n = 0; n < AHCI_PORTS; n++) {
		struct ahci_port *d = &h->port[n];

		d->hba = h;
		d->regs = PORT_BASE + PORT_BYTES * n;
		if (!(there & 1u << n) || d->regs + PORT_BYTES > bar_size)
			continue;
		h->ports |= 1u << n;
		ahci_port_write(d, PORT_IE, 0);
		ahci_port_write(d, PORT_CMD,
				CMD_ICC_ACTIVE | CMD_SUD | CMD_POD);
	}
}

/* ---- commands ---- */

bool ahci_prds_fill(struct ahci_port *d, unsigned slot,
		    const struct blk_seg *seg, uint32_t nsegs)
{
	for (uint32_t i = 0; i < nsegs; i++) {
		volatile struct ahci_prd *p = &d->table[slot].prd[i];
		uint64_t end = seg[i].dev.v + seg[i].len;

		if ((seg[i].dev.v | seg[i].len) & 1 ||
		    (!d->hba->wide && end > 1ull << 32))
			return false;
		p->base = seg[i].dev.v;
		p->reserved = 0;
		p->last = seg[i].len - 1;
	}
	return true;
}

void ahci_fis_fill(struct ahci_port *d, unsigned slot, uint8_t command,
		   uint64_t lba, uint32_t count)
{
	volatile uint8_t *f = d->table[slot].fis;

	for (int i = 0; i < 20; i++)
		f[i] = 0;
	f[0] = FIS_H2D;
	f[1] = FIS_COMMAND;
	f[2] = command;
	f[7] = ATA_DEVICE_LBA;
	for (int i = 0; i < 3; i++) {
		f[4 + i] = (uint8_t)(lba >> 8 * i);
		f[8 + i] = (uint8_t)(lba >> (24 + 8 * i));
	}
	f[12] = (uint8_t)count;
	f[13] = (uint8_t)(count >> 8);
}

void ahci_header_fill(struct ahci_port *d, unsigned slot, uint32_t nsegs,
		      bool write)
{
	volatile struct ahci_header *c = &d->area->list[slot];

	c->flags = HEADER_FIS_WORDS | (write ? HEADER_WRITE : 0) |
		   nsegs << HEADER_PRDS;
	c->table = d->table_dev.v + slot * sizeof(struct ahci_table);
}

/* True when the command in slot 0 has ended well. */
static bool poll(struct ahci_port *d)
{
	struct env *e = d->blk.env;
	uint64_t end = e->now_ns(e) + COMMAND_MS * ENV_MS;

	while (ahci_port_read(d, PORT_CI) & 1) {
		if (ahci_port_read(d, PORT_IS) & IS_ERRORS ||
		    e->now_ns(e) >= end)
			return false;
		e->wait(e, e->now_ns(e) + ENV_MS);
	}
	return !(ahci_port_read(d, PORT_IS) & IS_ERRORS);
}

const char *ahci_identify(struct ahci_port *d)
{
	struct blk_seg seg = { .dev = dev_addr(d->area_dev.v +
					       offsetof(struct ahci_area, id)),
			       .len = sizeof(d->area->id) };
	uint16_t id[256];

	ahci_prds_fill(d, 0, &seg, 1);
	ahci_fis_fill(d, 0, ATA_IDENTIFY, 0, 0);
	ahci_header_fill(d, 0, 1, false);
	d->area->list[0].bytes = 0;
	ahci_port_write(d, PORT_CI, 1);
	if (!poll(d) || d->area->list[0].bytes != sizeof(id))
		return "does not say what it is";
	for (unsigned i = 0; i < 256; i++)
		id[i] = d->area->id[i];
	return ata_id_parse(&d->id, id);
}
