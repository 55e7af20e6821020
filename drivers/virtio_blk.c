/* SPDX-License-Identifier: BSD-2-Clause */
/* Driver of virtio-blk over modern PCI; the device may write anything. */
#include "virtio_blk.h"

#define STATUS_NONE 0xffu /* no device writes this */

static struct virtio_blk *blk_of(struct blk_dev *dev)
{
	return (struct virtio_blk *)dev;
}

static unsigned chain_fill(struct virtio_blk *d, struct blk_req *req,
			   unsigned slot, struct virtq_buf *buf)
{
	uint64_t at = d->slot_dev.v + slot * sizeof(struct virtio_blk_slot);
	unsigned n = 0;

	buf[n++] = (struct virtq_buf){ dev_addr(at),
				       sizeof(struct virtio_blk_hdr), false };
	for (uint32_t i = 0; i < req->nsegs; i++)
		buf[n++] = (struct virtq_buf){ req->seg[i].dev, req->seg[i].len,
					       req->op == BLK_READ };
	at += offsetof(struct virtio_blk_slot, status);
	buf[n++] = (struct virtq_buf){ dev_addr(at), 1, true };
	return n;
}

static enum blk_status start(struct blk_dev *dev, struct blk_req *req)
{
	static const uint8_t type[] = { VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT,
					VIRTIO_BLK_T_FLUSH };
	struct virtio_blk *d = blk_of(dev);
	struct virtq_buf buf[BLK_SEGS + 2];
	volatile struct virtio_blk_slot *slot;
	uint16_t head = virtq_next_head(&d->q);

	if (req->op == BLK_FLUSH && !d->has_flush) {
		blk_complete(dev, req, BLK_OK); /* writes are through */
		return BLK_OK;
	}
	if (req->nsegs + 2 > d->q.free_count)
		return BLK_EBUSY;
	slot = &d->slot[head];
	slot->hdr.type = type[req->op];
	slot->hdr.reserved = 0;
	slot->hdr.sector = req->op == BLK_FLUSH ? 0 : req->sector;
	slot->status = STATUS_NONE;
	virtq_add(&d->q, buf, chain_fill(d, req, head, buf));
	d->req[head] = req;
	return BLK_OK;
}

static void tell(struct blk_dev *dev)
{
	struct virtio_blk *d = blk_of(dev);

	if (virtq_kick_wanted(&d->q))
		virtio_pci_kick(&d->pci, 0);
}

/* What is behind the first len bytes was not written (2.7.8.2); the status is the
 * last one. */
static enum blk_status status_of(uint8_t status, const struct blk_req *req,
				 uint32_t len)
{
	if (req->op == BLK_READ && len <= req->bytes)
		return BLK_EIO;
	return status == VIRTIO_BLK_S_OK ? BLK_OK : BLK_EIO;
}

static void completions(struct virtio_blk *d)
{
	uint16_t head;
	uint32_t len;
	int got;

	do {
		while ((got = virtq_take_len(&d->q, &head, &len)) > 0) {
			struct blk_req *req = d->req[head];

			d->req[head] = NULL;
			blk_complete(&d->blk, req,
				     status_of(d->slot[head].status, req, len));
			if (d->blk.lost)
				return;
		}
		if (got < 0) {
			blk_break(&d->blk, "device wrote a wrong used ring");
			return;
		}
	} while (virtq_arm(&d->q));
}

static void interrupt(void *arg)
{
	struct virtio_blk *d = arg;
	struct env *e = d->blk.env;

	if (d->pci.irq.kind == ENV_IRQ_LINE)
		virtio_pci_isr(&d->pci); /* lowers the line */
	e->irq_ack(e, &d->pci.irq);
	if (d->blk.lost || !d->q.size)
		return; /* given up, or not started: the line is shared */
	if (virtio_pci_status(&d->pci) & VIRTIO_STATUS_NEEDS_RESET) {
		blk_break(&d->blk, "device asks for a reset");
		return;
	}
	completions(d);
}

static const char *bring_up(struct virtio_blk *d)
{
	const char *why =
		virtio_pci_begin(&d->pci,
				 VIRTIO_F_EVENT_IDX | VIRTIO_F_ACCESS_PLATFORM |
					 VIRTIO_BLK_F_SEG_MAX |
					 VIRTIO_BLK_F_RO | VIRTIO_BLK_F_FLUSH,
				 VIRTIO_F_VERSION_1);

	if (!why)
		why = virtio_pci_queue(&d->pci, 0, &d->q, d->ring_page,
				       d->ring_dev);
	if (!why) {
		virtio_pci_ready(&d->pci);
		virtq_arm(&d->q);
	}
	return why;
}

static bool reset(struct blk_dev *dev)
{
	struct virtio_blk *d = blk_of(dev);

	d->q.size = 0; /* nothing of it ends any more */
	for (unsigned i = 0; i < VIRTQ_SIZE_MAX; i++)
		d->req[i] = NULL;
	if (!virtio_pci_reset(&d->pci)) {
		/* it could still write to our memory: cut it off the bus */
		pci_command(dev->env, d->pci.bdf, 0, PCI_COMMAND_MASTER);
		return false;
	}
	return dev->lost || !bring_up(d);
}

static const struct blk_ops virtio_blk_ops = { start, tell, reset };

/* Reads the limits that hold after the features were agreed on. */
static const char *geometry(struct virtio_blk *d)
{
	struct virtio_pci *p = &d->pci;
	uint64_t segs = 1;

	d->blk.sectors = virtio_pci_config(p, VIRTIO_BLK_CONFIG_CAPACITY, 8);
	if (!d->blk.sectors)
		return "has no capacity";
	if (p->features & VIRTIO_BLK_F_SEG_MAX)
		segs = virtio_pci_config(p, VIRTIO_BLK_CONFIG_SEG_MAX, 4);
	if (segs > d->q.size - 2u)
		segs = d->q.size - 2u;
	if (!segs || d->q.size < 3)
		return "has no room for a request";
	d->blk.max_segs = segs > BLK_SEGS ? BLK_SEGS : (uint32_t)segs;
	d->blk.max_bytes = BLK_MAX_BYTES;
	d->blk.read_only = p->features & VIRTIO_BLK_F_RO;
	d->has_flush = p->features & VIRTIO_BLK_F_FLUSH;
	return NULL;
}

bool virtio_blk_matches(const struct pci_dev *pci)
{
	return pci->vendor == VIRTIO_PCI_VENDOR &&
	       (pci->device == VIRTIO_PCI_BLK_MODERN ||
		pci->device == VIRTIO_PCI_BLK_TRANSITIONAL);
}

const char *virtio_blk_start(struct virtio_blk *d, struct env *e,
			     const struct pci_dev *pci)
{
	const char *why;

	*d = (struct virtio_blk){ .blk = { .ops = &virtio_blk_ops,
					   .env = e,
					   .driver = "virtio-blk" } };
	d->ring_page = e->dma_alloc(e, VIRTQ_PAGE, &d->ring_dev);
	d->slot = e->dma_alloc(e, 4096, &d->slot_dev);
	if (!d->ring_page || !d->slot)
		return "no memory";
	why = virtio_pci_find(&d->pci, e, pci);
	if (why)
		return why;
	if (!virtio_pci_irq(&d->pci, pci, interrupt, d))
		return "its interrupt is refused";
	why = bring_up(d);
	if (!why)
		why = geometry(d);
	if (why)
		virtio_pci_reset(&d->pci);
	return why;
}
