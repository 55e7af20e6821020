/* SPDX-License-Identifier: BSD-2-Clause */
/* Driver of NVMe disks; the controller may write anything. */
#include "nvme.h"

#include "nvme_admin.h"
#include "pci_msix.h"

#define NVM_FLUSH 0x00u
#define NVM_WRITE 0x01u
#define NVM_READ 0x02u

static struct nvme *nvme_of(struct blk_dev *dev) { return (struct nvme *)dev; }

/* ---- requests ---- */

/* Page n of a request; the list has all but the first. */
static bool page_add(struct nvme *d, unsigned cid, struct nvme_command *c,
		     unsigned n, uint64_t at)
{
	volatile struct nvme_prps *list = &d->prps[cid];

	if (n > sizeof(list->page) / sizeof(list->page[0]))
		return false;
	if (n)
		list->page[n - 1] = at;
	else
		c->prp1 = at;
	return true;
}

/* False: the data does not lie as pages do (4.3): the first may begin inside,
 * the last end inside. */
static bool prps_fill(struct nvme *d, unsigned cid, struct nvme_command *c,
		      const struct blk_seg *seg, uint32_t nsegs)
{
	uint64_t end = 0;
	unsigned n = 0;

	for (uint32_t i = 0; i < nsegs; i++) {
		uint64_t at = seg[i].dev.v;
		uint64_t stop = at + seg[i].len;

		if (n ? at != end && (at | end) % NVME_PAGE : at % 4)
			return false;
		for (; at < stop; at = (at / NVME_PAGE + 1) * NVME_PAGE)
			if ((!n || !(at % NVME_PAGE)) &&
			    !page_add(d, cid, c, n++, at))
				return false;
		end = stop;
	}
	if (n > 2)
		c->prp2 = d->prps_dev.v + cid * sizeof(struct nvme_prps);
	else if (n == 2)
		c->prp2 = d->prps[cid].page[0];
	return true;
}

static int cid_free(struct nvme *d)
{
	for (unsigned i = 0; i < d->depth; i++)
		if (!d->req[i])
			return (int)i;
	return -1;
}

/* Makes the request's data reachable; BLK_EBUSY: later. */
static enum blk_status data_prepare(struct nvme *d, unsigned cid,
				    struct blk_req *req, struct nvme_command *c)
{
	struct blk_seg all = { d->bounce, d->bounce_dev, req->bytes };

	if (prps_fill(d, cid, c, req->seg, req->nsegs))
		return BLK_OK;
	if (d->bounced)
		return BLK_EBUSY;
	if (req->op == BLK_WRITE && !blk_bounce(&d->blk, req, d->bounce, false))
		return BLK_EIO;
	prps_fill(d, cid, c, &all, 1);
	d->bounced = req;
	return BLK_OK;
}

static enum blk_status start(struct blk_dev *dev, struct blk_req *req)
{
	static const uint8_t opcode[] = { NVM_READ, NVM_WRITE, NVM_FLUSH };
	struct nvme *d = nvme_of(dev);
	struct nvme_command c = { .opcode = opcode[req->op], .nsid = d->nsid };
	int cid = cid_free(d);
	enum blk_status err;

	if (!d->up || cid < 0)
		return BLK_EBUSY;
	if (req->op == BLK_FLUSH && !d->has_cache) {
		blk_complete(dev, req, BLK_OK);
		return BLK_OK;
	}
	if (req->op != BLK_FLUSH) {
		err = data_prepare(d, (unsigned)cid, req, &c);
		if (err)
			return err;
		c.cdw10 = (uint32_t)req->sector;
		c.cdw11 = (uint32_t)(req->sector >> 32);
		c.cdw12 = req->bytes / BLK_SECTOR - 1;
	}
	c.cid = (uint16_t)cid;
	d->req[cid] = req;
	nvme_put(&d->io, &c);
	return BLK_OK;
}

static void tell(struct blk_dev *dev)
{
	struct nvme *d = nvme_of(dev);

	if (d->io.told == d->io.tail)
		return; /* twice is an Invalid Doorbell Write Value */
	d->io.told = d->io.tail;
	nvme_doorbell(d, &d->io, false, d->io.tail);
}

static void finish(struct nvme *d, unsigned cid, bool ok)
{
	struct blk_req *req = d->req[cid];

	d->req[cid] = NULL;
	if (d->bounced == req) {
		d->bounced = NULL;
		if (ok && req->op == BLK_READ)
			ok = blk_bounce(&d->blk, req, d->bounce, true);
	}
	blk_complete(&d->blk, req, ok ? BLK_OK : BLK_EIO);
}

/* Returns how many there were. */
static unsigned completions(struct nvme *d)
{
	struct nvme_completion c;
	unsigned n = 0;

	while (d->up && nvme_take(&d->io, &c)) {
		n++;
		if (c.sq_id != d->io.nr || c.cid >= d->depth ||
		    !d->req[c.cid]) {
			blk_break(&d->blk, "completed what it was not asked");
			return n;
		}
		finish(d, c.cid, !c.status);
	}
	if (n && d->up)
		nvme_doorbell(d, &d->io, true, d->io.head);
	return n;
}

static void interrupt(void *arg)
{
	struct nvme *d = arg;
	struct env *e = d->blk.env;
	uint32_t csts;

	if (d->up && !completions(d)) {
		csts = nvme_read(d, REG_CSTS);
		if (csts == ~0u)
			blk_break(&d->blk, "is gone");
		else if (csts & CSTS_CFS)
			blk_restart(&d->blk, "says that it has failed");
	}
	e->irq_ack(e, &d->irq);
}

static bool reset(struct blk_dev *dev)
{
	struct nvme *d = nvme_of(dev);
	bool stopped = nvme_stop(d);

	d->bounced = NULL;
	for (unsigned i = 0; i < NVME_DEPTH; i++)
		d->req[i] = NULL;
	if (!stopped || dev->lost)
		return stopped;
	return nvme_enable(d) && !nvme_queues_create(d);
}

static const struct blk_ops nvme_ops = { start, tell, reset };

/* ---- start ---- */

bool nvme_matches(const struct pci_dev *pci)
{
	return pci->class_code == NVME_CLASS &&
	       pci->subclass == NVME_SUBCLASS && pci->progif == NVME_PROGIF;
}

/* Finds its registers, and checks what it says that it can do. */
static const char *find(struct nvme *d, const struct pci_dev *pci)
{
	const struct pci_bar *bar = &pci->bar[0];
	struct env *e = d->blk.env;

	if (bar->io || !bar->base || bar->size < REG_DOORBELLS)
		return "has no registers";
	if (!e->mmio_map(e, bar->base, REG_DOORBELLS))
		return "its registers cannot be mapped";
	pci_command(e, pci->bdf, PCI_COMMAND_MEM, PCI_COMMAND_INTX_OFF);
	d->regs = bar->base;
	d->cap = nvme_read(d, REG_CAP) | (uint64_t)nvme_read(d, REG_CAP + 4)
						 << 32;
	if (d->cap == ~0ull)
		return "does not answer";
	if (CAP_MPSMIN(d->cap) || !(d->cap & CAP_CSS_NVM) || !CAP_MQES(d->cap))
		return "lacks what is needed of it";
	if (nvme_doorbells_end(d->cap) > bar->size)
		return "has its doorbells out of range";
	if (!e->mmio_map(e, bar->base, nvme_doorbells_end(d->cap)))
		return "its registers cannot be mapped";
	return NULL;
}

static bool queue_get(struct env *e, struct nvme_queue *q)
{
	q->sq = e->dma_alloc(e, NVME_PAGE, &q->sq_dev);
	q->cq = e->dma_alloc(e, NVME_PAGE, &q->cq_dev);
	return q->sq && q->cq;
}

static bool memory_get(struct nvme *d)
{
	struct env *e = d->blk.env;
	uint32_t entries = CAP_MQES(d->cap) + 1;

	if (entries > NVME_ENTRIES)
		entries = NVME_ENTRIES;
	d->admin.entries = NVME_ADMIN_ENTRIES;
	d->io.entries = (uint16_t)entries;
	d->io.nr = 1;
	d->depth = (uint16_t)(entries > NVME_DEPTH ? NVME_DEPTH : entries - 1);
	d->prps = e->dma_alloc(e, NVME_DEPTH * sizeof(struct nvme_prps),
			       &d->prps_dev);
	d->bounce = e->dma_alloc(e, BLK_MAX_BYTES, &d->bounce_dev);
	return queue_get(e, &d->admin) && queue_get(e, &d->io) && d->prps &&
	       d->bounce;
}

static const char *bring_up(struct nvme *d)
{
	const char *why;

	if (!nvme_enable(d))
		return "does not become ready";
	why = nvme_controller_read(d);
	if (!why)
		why = nvme_namespace_read(d);
	if (!why)
		why = nvme_queues_create(d);
	return why;
}

const char *nvme_start(struct nvme *d, struct env *e, const struct pci_dev *pci)
{
	const char *why;

	*d = (struct nvme){ .bdf = pci->bdf };
	d->blk = (struct blk_dev){
		.ops = &nvme_ops, .env = e, .driver = "nvme", .model = d->model
	};
	why = find(d, pci);
	if (why)
		return why;
	if (!nvme_stop(d))
		return "does not come out of reset";
	if (!memory_get(d))
		return "no memory";
	pci_command(e, pci->bdf, PCI_COMMAND_MASTER, 0);
	if (!pci_irq_attach(e, pci, &d->irq, interrupt, d))
		return "its interrupt is refused";
	why = bring_up(d);
	if (why)
		nvme_stop(d);
	return why;
}
