/* SPDX-License-Identifier: BSD-2-Clause */
/* Driver of SATA disks on AHCI, by DMA commands without queuing. The HBA runs
 * what is in its slots one after the other. */
#include "ahci.h"

#include "ahci_port.h"
#include "pci_msix.h"

static struct ahci_port *port_of(struct blk_dev *dev)
{
	return (struct ahci_port *)dev;
}

static bool port_serve(struct ahci_port *d)
{
	if (!ahci_port_run(d))
		return false;
	ahci_port_write(d, PORT_IE, IS_WANTED);
	d->up = true;
	return true;
}

/* ---- commands ---- */

static void issue(struct ahci_port *d, unsigned slot)
{
	d->area->list[slot].bytes = 0;
	d->issued |= 1u << slot;
	ahci_port_write(d, PORT_CI, 1u << slot);
}

/* What an error has put off goes to the device one by one, so that the next
 * one tells whose it is. */
static void issue_again(struct ahci_port *d)
{
	if (!d->up || d->issued || !d->again)
		return;
	for (unsigned slot = 0; slot < AHCI_SLOTS; slot++)
		if (d->again & 1u << slot) {
			d->again &= ~(1u << slot);
			issue(d, slot);
			return;
		}
}

static int slot_free(struct ahci_port *d)
{
	for (unsigned i = 0; i < d->hba->slots; i++)
		if (!d->req[i])
			return (int)i;
	return -1;
}

/* Makes the request's data reachable; BLK_EBUSY: later. */
static enum blk_status data_prepare(struct ahci_port *d, unsigned slot,
				    struct blk_req *req, uint32_t *nsegs)
{
	struct blk_seg all = { d->bounce, d->bounce_dev, req->bytes };

	*nsegs = req->nsegs;
	if (ahci_prds_fill(d, slot, req->seg, req->nsegs))
		return BLK_OK;
	if (d->bounced)
		return BLK_EBUSY;
	if (req->op == BLK_WRITE && !blk_bounce(&d->blk, req, d->bounce, false))
		return BLK_EIO;
	ahci_prds_fill(d, slot, &all, 1);
	d->bounced = req;
	*nsegs = 1;
	return BLK_OK;
}

static enum blk_status start(struct blk_dev *dev, struct blk_req *req)
{
	struct ahci_port *d = port_of(dev);
	const uint8_t command[] = { ATA_READ_DMA_EXT, ATA_WRITE_DMA_EXT,
				    d->id.flush_cmd };
	bool flush = req->op == BLK_FLUSH;
	int slot = slot_free(d);
	enum blk_status err;
	uint32_t nsegs;

	if (!d->up || d->again || slot < 0)
		return BLK_EBUSY;
	if (flush && !d->id.flush_cmd) {
		blk_complete(dev, req, BLK_OK); /* there is no cache */
		return BLK_OK;
	}
	err = data_prepare(d, (unsigned)slot, req, &nsegs);
	if (err)
		return err;
	ahci_fis_fill(d, (unsigned)slot, command[req->op],
		      flush ? 0 : req->sector, req->bytes / BLK_SECTOR);
	ahci_header_fill(d, (unsigned)slot, nsegs, req->op == BLK_WRITE);
	d->req[slot] = req;
	issue(d, (unsigned)slot);
	return BLK_OK;
}

static void finish(struct ahci_port *d, unsigned slot, bool ok)
{
	struct blk_req *req = d->req[slot];

	d->issued &= ~(1u << slot);
	d->req[slot] = NULL;
	if (d->bounced == req) {
		d->bounced = NULL;
		if (ok && req->op == BLK_READ)
			ok = blk_bounce(&d->blk, req, d->bounce, true);
	}
	blk_complete(&d->blk, req, ok ? BLK_OK : BLK_EIO);
}

/* ---- interrupts ---- */

/* A slot whose bit is gone has ended (5.5.1). One that moved fewer bytes than
 * it was to move has failed. */
static void completions(struct ahci_port *d)
{
	uint32_t done = d->issued & ~ahci_port_read(d, PORT_CI);

	for (unsigned slot = 0; slot < AHCI_SLOTS && !d->blk.lost; slot++)
		if (done & 1u << slot)
			finish(d, slot,
			       d->area->list[slot].bytes ==
				       d->req[slot]->bytes);
	issue_again(d);
}

/*
 * The HBA has stopped at a command (6.2.2). It may lie about which one, so that
 * only one that was alone is failed; of several each runs again, alone.
 */
static void error(struct ahci_port *d)
{
	uint32_t all = d->issued;
	bool stopped = ahci_port_stop(d);

	d->issued = 0;
	if (all & (all - 1))
		d->again |= all;
	if (stopped &&
	    ahci_port_read(d, PORT_TFD) & (ATA_STATUS_BSY | ATA_STATUS_DRQ))
		ahci_comreset(d); /* 6.2.2.1 */
	if (!stopped || !port_serve(d)) {
		blk_break(&d->blk, "does not come back from an error");
		return;
	}
	for (unsigned slot = 0; slot < AHCI_SLOTS; slot++)
		if (all & ~d->again & 1u << slot)
			finish(d, slot, false);
	issue_again(d);
	blk_resume(&d->blk);
}

static bool removed(struct ahci_port *d, uint32_t is)
{
	if (!(is & (IS_PCS | IS_PRCS)))
		return false;
	ahci_port_write(d, PORT_SERR, ~0u); /* PxIS.PRCS goes by that alone */
	return is & IS_PCS ||
	       (ahci_port_read(d, PORT_SSTS) & SSTS_DET) != DET_READY;
}

static void port_interrupt(struct ahci_port *d)
{
	uint32_t is = ahci_port_read(d, PORT_IS);

	ahci_port_write(d, PORT_IS, is);
	if (!d->up)
		return;
	if (removed(d, is))
		blk_break(&d->blk, "the disk was removed");
	else if (is & IS_ERRORS ||
		 (is & IS_DHRS && ahci_port_read(d, PORT_TFD) &
					  (ATA_STATUS_ERR | ATA_STATUS_DF)))
		error(d);
	else
		completions(d);
}

static void interrupt(void *arg)
{
	struct ahci *h = arg;
	uint32_t is = ahci_read(h, HBA_IS);

	for (unsigned n = 0; n < AHCI_PORTS; n++)
		if (is & h->ports & 1u << n)
			port_interrupt(&h->port[n]);
	ahci_write(h, HBA_IS, is); /* behind the ports' (5.6.2) */
	h->env->irq_ack(h->env, &h->irq);
}

/* ---- reset ---- */

static void others_resume(struct ahci_port *d)
{
	struct ahci *h = d->hba;

	ahci_write(h, HBA_GHC, GHC_AE | GHC_IE);
	for (unsigned n = 0; n < AHCI_PORTS; n++) {
		struct ahci_port *o = &h->port[n];

		if (o == d || !o->up)
			continue;
		o->up = false;
		o->again |= o->issued;
		o->issued = 0;
		if (!port_serve(o)) {
			blk_break(&o->blk, "does not come back from a reset");
			continue;
		}
		issue_again(o);
		blk_resume(&o->blk);
	}
}

static bool reset(struct blk_dev *dev)
{
	struct ahci_port *d = port_of(dev);
	bool quiet = ahci_port_stop(d);

	d->issued = d->again = 0;
	d->bounced = NULL;
	for (unsigned i = 0; i < AHCI_SLOTS; i++)
		d->req[i] = NULL;
	if (!quiet) {
		quiet = ahci_hba_reset(d->hba);
		if (!quiet) {
			/* it could still write to our memory */
			pci_command(dev->env, d->hba->bdf, 0,
				    PCI_COMMAND_MASTER);
			return false;
		}
		others_resume(d);
	}
	if (dev->lost)
		return true;
	ahci_comreset(d);
	return port_serve(d);
}

static const struct blk_ops ahci_ops = { .start = start, .reset = reset };

/* ---- start ---- */

bool ahci_matches(const struct pci_dev *pci)
{
	return pci->class_code == AHCI_CLASS &&
	       pci->subclass == AHCI_SUBCLASS && pci->progif == AHCI_PROGIF;
}

const char *ahci_start(struct ahci *h, struct env *e, const struct pci_dev *pci)
{
	const struct pci_bar *bar = &pci->bar[5];
	uint32_t cap;

	*h = (struct ahci){ .env = e, .bdf = pci->bdf, .regs = bar->base };
	if (bar->io || !bar->base || bar->size < PORT_BASE + PORT_BYTES)
		return "has no registers";
	if (!e->mmio_map(e, bar->base, bar->size))
		return "its registers cannot be mapped";
	pci_command(e, pci->bdf, PCI_COMMAND_MEM, PCI_COMMAND_INTX_OFF);
	cap = ahci_read(h, HBA_CAP);
	if (cap == ~0u)
		return "does not answer";
	ahci_take_over(h);
	if (!ahci_hba_reset(h))
		return "does not come out of reset";
	pci_command(e, pci->bdf, PCI_COMMAND_MASTER, 0);
	h->slots = CAP_SLOTS(cap) + 1;
	h->wide = cap & CAP_S64A;
	ahci_ports_init(h, bar->size);
	if (!h->ports)
		return "has no ports";
	if (!pci_irq_attach(e, pci, &h->irq, interrupt, h))
		return "its interrupt is refused";
	ahci_write(h, HBA_GHC, GHC_AE | GHC_IE);
	ahci_detect(h);
	return NULL;
}

bool ahci_stop(struct ahci *h)
{
	for (unsigned n = 0; n < AHCI_PORTS; n++)
		h->port[n].up = false;
	return ahci_hba_reset(h);
}

static bool in_reach(struct ahci *h, dev_addr_t at, uint64_t bytes)
{
	return h->wide || at.v + bytes <= 1ull << 32;
}

static const char *memory_get(struct ahci_port *d)
{
	struct env *e = d->blk.env;
	size_t tables = d->hba->slots * sizeof(struct ahci_table);

	d->area = e->dma_alloc(e, sizeof(*d->area), &d->area_dev);
	d->table = e->dma_alloc(e, tables, &d->table_dev);
	if (!d->area || !d->table)
		return "no memory";
	if (!in_reach(d->hba, d->area_dev, sizeof(*d->area)) ||
	    !in_reach(d->hba, d->table_dev, tables))
		return "does not reach our memory";
	return NULL;
}

static const char *bounce_get(struct ahci_port *d)
{
	struct env *e = d->blk.env;

	d->bounce = e->dma_alloc(e, BLK_MAX_BYTES, &d->bounce_dev);
	if (!d->bounce)
		return "no memory";
	return in_reach(d->hba, d->bounce_dev, BLK_MAX_BYTES) ?
		       NULL :
		       "does not reach our memory";
}

static const char *bring_up(struct ahci_port *d)
{
	const char *why = memory_get(d);

	if (why)
		return why;
	if (!ahci_port_run(d))
		return "does not become ready";
	if (ahci_port_read(d, PORT_SIG) != SIG_ATA)
		return "not an ATA disk";
	why = ahci_identify(d);
	if (!why && !(d->id.lba48 && d->id.dma))
		why = "has no DMA or no 48-bit addresses";
	return why ? why : bounce_get(d);
}

const char *ahci_disk_start(struct ahci *h, unsigned n)
{
	struct ahci_port *d = &h->port[n];
	const char *why;

	if (!(h->ports & 1u << n) ||
	    (ahci_port_read(d, PORT_SSTS) & SSTS_DET) != DET_READY)
		return AHCI_NO_DISK;
	d->blk = (struct blk_dev){ .ops = &ahci_ops,
				   .env = h->env,
				   .driver = "ahci",
				   .model = d->id.model,
				   .max_segs = BLK_SEGS,
				   .max_bytes = BLK_MAX_BYTES };
	why = bring_up(d);
	if (why) {
		ahci_port_stop(d);
		return why;
	}
	d->blk.sectors = d->id.sectors;
	ahci_port_clear(d);
	ahci_port_write(d, PORT_IE, IS_WANTED);
	d->up = true;
	return NULL;
}
