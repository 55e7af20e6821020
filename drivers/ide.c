/* SPDX-License-Identifier: BSD-2-Clause */
/* Driver of ATA disks (ATA8-ACS; PCI IDE and bus master specifications 1.0).
 * One command at a time for both drives of a channel, which answers each with
 * one interrupt. */
#include "ide.h"

#define REG_DATA 0u
#define REG_ERROR 1u
#define REG_COUNT 2u
#define REG_LBA0 3u
#define REG_LBA1 4u
#define REG_LBA2 5u
#define REG_DEVICE 6u
#define REG_STATUS 7u
#define REG_COMMAND 7u

#define CTL_NIEN 0x02u
#define CTL_SRST 0x04u

#define BM_COMMAND 0u
#define BM_STATUS 2u
#define BM_PRDT 4u
#define BM_START 0x01u
#define BM_TO_MEMORY 0x08u
#define BM_ACTIVE 0x01u
#define BM_ERROR 0x02u
#define BM_IRQ 0x04u

#define PRD_ENTRIES 512u
#define PRD_END (1ull << 63)

#define POLL_MS 5000u

/* [LBA48][write] */
static const uint8_t dma_cmd[2][2] = {
	{ 0xc8, 0xca }, { ATA_READ_DMA_EXT, ATA_WRITE_DMA_EXT }
};
static const uint8_t pio_cmd[2][2] = { { 0x20, 0x30 }, { 0x24, 0x34 } };

static struct ide *ide_of(struct blk_dev *dev) { return (struct ide *)dev; }

static void reg_write(struct ide *d, unsigned reg, unsigned v)
{
	out8(d->blk.env, (uint16_t)(d->ch->cmd + reg), (uint8_t)v);
}

static uint8_t reg_read(struct ide *d, unsigned reg)
{
	return in8(d->blk.env, (uint16_t)(d->ch->cmd + reg));
}

static uint8_t alt_status(struct ide *d) { return in8(d->blk.env, d->ch->ctl); }

/* Polls until BSY is clear and one of `want` (0: nothing) or an error is set;
 * false: time-out or error. */
static bool poll(struct ide *d, uint8_t want)
{
	struct env *e = d->blk.env;
	uint64_t end = e->now_ns(e) + POLL_MS * ENV_MS;

	for (;;) {
		uint8_t s = alt_status(d);

		if (!(s & ATA_STATUS_BSY)) {
			if (s & (ATA_STATUS_ERR | ATA_STATUS_DF))
				return false;
			if (!want || (s & want))
				return true;
		}
		if (e->now_ns(e) >= end)
			return false;
	}
}

/* Selects the drive; the status is valid 400 ns later. */
static void drive_select(struct ide *d, unsigned bits)
{
	reg_write(d, REG_DEVICE, bits | (unsigned)d->drive << 4);
	for (int i = 0; i < 5; i++)
		alt_status(d);
}

static void address_write(struct ide *d, uint64_t lba, uint32_t count)
{
	if (d->id.lba48) {
		drive_select(d, ATA_DEVICE_LBA);
		reg_write(d, REG_COUNT, count >> 8);
		reg_write(d, REG_LBA0, (unsigned)(lba >> 24) & 0xff);
		reg_write(d, REG_LBA1, (unsigned)(lba >> 32) & 0xff);
		reg_write(d, REG_LBA2, (unsigned)(lba >> 40) & 0xff);
	} else {
		drive_select(d, 0xa0 | ATA_DEVICE_LBA |
					((unsigned)(lba >> 24) & 0xf));
	}
	reg_write(d, REG_COUNT, count & 0xff);
	reg_write(d, REG_LBA0, (unsigned)lba & 0xff);
	reg_write(d, REG_LBA1, (unsigned)(lba >> 8) & 0xff);
	reg_write(d, REG_LBA2, (unsigned)(lba >> 16) & 0xff);
}

/* Writes the table of memory regions, none of which crosses 64 KiB. Returns
 * false when the controller cannot reach them. */
static bool prd_fill(struct ide *d, const struct blk_seg *seg, uint32_t nsegs)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < nsegs; i++) {
		uint64_t at = seg[i].dev.v;
		uint64_t left = seg[i].len;

		if ((at | left) & 1 || at > UINT32_MAX ||
		    at + left > 1ull << 32)
			return false;
		while (left) {
			uint64_t part = 0x10000 - (at & 0xffff);

			if (part > left)
				part = left;
			if (n == PRD_ENTRIES)
				return false;
			d->prd[n++] = at | (part & 0xffff) << 32;
			at += part;
			left -= part;
		}
	}
	d->prd[n - 1] |= PRD_END;
	return true;
}

static void dma_begin(struct ide *d, struct blk_req *req)
{
	struct env *e = d->blk.env;
	bool write = req->op == BLK_WRITE;
	uint8_t dir = write ? 0 : BM_TO_MEMORY;

	out8(e, (uint16_t)(d->ch->bm + BM_COMMAND), dir);
	out8(e, (uint16_t)(d->ch->bm + BM_STATUS), BM_IRQ | BM_ERROR);
	out32(e, (uint16_t)(d->ch->bm + BM_PRDT), (uint32_t)d->prd_dev.v);
	address_write(d, req->sector, req->bytes / BLK_SECTOR);
	reg_write(d, REG_COMMAND, dma_cmd[d->id.lba48][write]);
	out8(e, (uint16_t)(d->ch->bm + BM_COMMAND), dir | BM_START);
}

static void sector_move(struct ide *d, uint8_t *at, bool write)
{
	struct env *e = d->blk.env;
	uint16_t port = (uint16_t)(d->ch->cmd + REG_DATA);

	for (unsigned i = 0; i < BLK_SECTOR; i += 2) {
		uint16_t w = le16(at + i);

		if (write) {
			out16(e, port, w);
			continue;
		}
		w = in16(e, port);
		at[i] = (uint8_t)w;
		at[i + 1] = (uint8_t)(w >> 8);
	}
}

/* The whole request by the CPU through the bounce buffer, no interrupts. */
static bool pio_run(struct ide *d, struct blk_req *req)
{
	bool write = req->op == BLK_WRITE;
	uint8_t *at = d->bounce;
	bool ok = poll(d, 0);

	out8(d->blk.env, d->ch->ctl, CTL_NIEN);
	if (ok) {
		address_write(d, req->sector, req->bytes / BLK_SECTOR);
		reg_write(d, REG_COMMAND, pio_cmd[d->id.lba48][write]);
	}
	for (uint32_t n = req->bytes / BLK_SECTOR; ok && n; n--) {
		alt_status(d); /* 400 ns */
		ok = poll(d, ATA_STATUS_DRQ);
		if (ok)
			sector_move(d, at, write);
		at += BLK_SECTOR;
	}
	ok = ok && poll(d, 0);
	reg_read(d, REG_STATUS);
	out8(d->blk.env, d->ch->ctl, 0);
	return ok;
}

static struct ide *other_of(struct ide *d) { return &d->ch->disk[!d->drive]; }

/* The other drive of the channel goes first, if it waits. */
static void channel_free(struct ide *d)
{
	struct ide *other = other_of(d);

	d->req = NULL;
	d->ch->running = NULL;
	if (other->blk.ops)
		blk_resume(&other->blk);
}

static void finish(struct ide *d, bool ok)
{
	struct blk_req *req = d->req;

	if (ok && d->bounced && req->op == BLK_READ)
		ok = blk_bounce(&d->blk, req, d->bounce, true);
	channel_free(d);
	blk_complete(&d->blk, req, ok ? BLK_OK : BLK_EIO);
}

static void flush_begin(struct ide *d)
{
	if (!d->id.flush_cmd) {
		finish(d, true);
		return;
	}
	drive_select(d, 0xa0 | ATA_DEVICE_LBA);
	reg_write(d, REG_COMMAND, d->id.flush_cmd);
}

static enum blk_status start(struct blk_dev *dev, struct blk_req *req)
{
	struct ide *d = ide_of(dev);
	struct blk_seg all = { d->bounce, d->bounce_dev, req->bytes };

	if (d->ch->running)
		return BLK_EBUSY;
	d->ch->running = d;
	d->req = req;
	d->bounced = false;
	d->dma_runs = false;
	if (req->op == BLK_FLUSH) {
		flush_begin(d);
		return BLK_OK;
	}
	d->bounced = !d->dma || !prd_fill(d, req->seg, req->nsegs);
	if (d->bounced && req->op == BLK_WRITE &&
	    !blk_bounce(&d->blk, req, d->bounce, false)) {
		finish(d, false);
		return BLK_OK;
	}
	if (!d->dma || (d->bounced && !prd_fill(d, &all, 1))) {
		finish(d, pio_run(d, req));
		return BLK_OK;
	}
	d->dma_runs = true;
	dma_begin(d, req);
	return BLK_OK;
}

static void channel_interrupt(struct ide_channel *ch)
{
	struct ide *d = ch->resetting ? NULL : ch->running;
	struct env *e = ch->env;
	uint8_t bm = ch->bm ? in8(e, (uint16_t)(ch->bm + BM_STATUS)) : 0;
	uint8_t ata;

	if (d &&
	    (d->dma_runs ? !(bm & BM_IRQ) : alt_status(d) & ATA_STATUS_BSY))
		return; /* not ours */
	if (ch->bm)
		out8(e, (uint16_t)(ch->bm + BM_COMMAND), 0);
	ata = in8(e, (uint16_t)(ch->cmd + REG_STATUS)); /* lowers the line */
	if (ch->bm)
		out8(e, (uint16_t)(ch->bm + BM_STATUS), BM_IRQ | BM_ERROR);
	/* still active after the interrupt: fewer bytes came than asked for */
	if (d)
		finish(d,
		       !(ata & (ATA_STATUS_ERR | ATA_STATUS_DF)) &&
			       !(d->dma_runs && (bm & (BM_ERROR | BM_ACTIVE))));
}

static void interrupt(void *arg)
{
	struct ide_channel *ch = arg;

	channel_interrupt(ch);
	ch->env->irq_ack(ch->env, &ch->irq);
}

/* Of a controller in native mode, which has one line. */
static void line_interrupt(void *arg)
{
	struct ide_controller *c = arg;

	for (unsigned i = 0; i < 2; i++)
		if (c->ch[i].attached && c->ch[i].irq.kind == ENV_IRQ_LINE)
			channel_interrupt(&c->ch[i]);
	c->env->irq_ack(c->env, c->ch[0].irq.kind == ENV_IRQ_LINE ?
					&c->ch[0].irq :
					&c->ch[1].irq);
}

/* SRST is for both drives of the channel. */
static bool soft_reset(struct ide *d)
{
	struct env *e = d->blk.env;
	bool ok;

	if (d->ch->bm)
		out8(e, (uint16_t)(d->ch->bm + BM_COMMAND), 0);
	out8(e, d->ch->ctl, CTL_SRST | CTL_NIEN);
	for (int i = 0; i < 64; i++)
		alt_status(d); /* 5 us */
	out8(e, d->ch->ctl, CTL_NIEN);
	e->wait(e, e->now_ns(e) + 2 * ENV_MS);
	drive_select(d, 0xa0);
	ok = poll(d, 0);
	reg_read(d, REG_STATUS);
	out8(e, d->ch->ctl, 0);
	return ok;
}

static bool reset(struct blk_dev *dev)
{
	struct ide *d = ide_of(dev);
	bool ok;

	if (d->ch->running && d->ch->running != d)
		return true; /* nothing of ours runs */
	d->ch->running = d;  /* nothing else does meanwhile */
	d->ch->resetting = true;
	ok = soft_reset(d);
	d->ch->resetting = false;
	if (ok || dev->lost)
		channel_free(d);
	return ok;
}

static const struct blk_ops ide_ops = { .start = start, .reset = reset };

/* IDENTIFY DEVICE, by polling. */
static const char *identify(struct ide *d, uint16_t id[256])
{
	struct env *e = d->blk.env;
	uint8_t s;

	drive_select(d, 0xa0);
	s = alt_status(d);
	if (s == 0xff || s == 0x7f)
		return IDE_NO_DISK;
	for (unsigned r = REG_COUNT; r <= REG_LBA2; r++)
		reg_write(d, r, 0);
	reg_write(d, REG_COMMAND, ATA_IDENTIFY);
	if (!alt_status(d) || !poll(d, ATA_STATUS_DRQ))
		return IDE_NO_DISK;
	if (reg_read(d, REG_LBA1) || reg_read(d, REG_LBA2))
		return "not an ATA disk";
	for (int i = 0; i < 256; i++)
		id[i] = in16(e, (uint16_t)(d->ch->cmd + REG_DATA));
	reg_read(d, REG_STATUS);
	return NULL;
}

static const char *geometry(struct ide *d, const uint16_t id[256])
{
	const char *why = ata_id_parse(&d->id, id);

	d->dma = d->ch->bm && d->id.dma;
	d->blk.sectors = d->id.sectors;
	d->blk.max_segs = BLK_SEGS;
	d->blk.max_bytes = BLK_MAX_BYTES;
	return why;
}

/* Ports and interrupt of a channel: fixed ones, or those of its BARs. */
static void channel_find(struct ide_channel *ch, const struct pci_dev *pci,
			 unsigned n)
{
	static const uint16_t cmd[2] = { 0x1f0, 0x170 };
	static const uint16_t ctl[2] = { 0x3f6, 0x376 };
	bool native = pci->progif & 1u << 2 * n;

	ch->cmd = cmd[n];
	ch->ctl = ctl[n];
	ch->irq.index = 14 + n;
	if (native) {
		bool there = pci->bar[2 * n].size && pci->bar[2 * n + 1].size;

		ch->cmd = there ? (uint16_t)pci->bar[2 * n].base : 0;
		ch->ctl = (uint16_t)(pci->bar[2 * n + 1].base + 2);
		ch->irq = (struct env_irq){ .kind = ENV_IRQ_LINE,
					    .device = pci->handle };
	}
	if (pci->progif & 0x80 && pci->bar[4].io && pci->bar[4].size >= 16)
		ch->bm = (uint16_t)(pci->bar[4].base + 8 * n);
}

bool ide_matches(const struct pci_dev *pci)
{
	return pci->class_code == IDE_CLASS && pci->subclass == IDE_SUBCLASS;
}

void ide_start(struct ide_controller *c, struct env *e,
	       const struct pci_dev *pci)
{
	*c = (struct ide_controller){ .env = e, .bdf = pci->bdf };
	for (unsigned n = 0; n < 2; n++) {
		c->ch[n].env = e;
		channel_find(&c->ch[n], pci, n);
		if (c->ch[n].bm) /* what a driver that died has begun */
			out8(e, (uint16_t)(c->ch[n].bm + BM_COMMAND), 0);
	}
	pci_command(e, pci->bdf, PCI_COMMAND_IO | PCI_COMMAND_MASTER,
		    PCI_COMMAND_INTX_OFF);
}

/* One attachment for both drives, and in native mode for both channels. */
static bool channel_attach(struct ide_controller *c, struct ide_channel *ch)
{
	struct ide_channel *other = &c->ch[ch == c->ch];
	bool line = ch->irq.kind == ENV_IRQ_LINE;

	if (!ch->attached)
		ch->attached =
			(line && other->attached &&
			 other->irq.kind == ENV_IRQ_LINE) ||
			c->env->irq_attach(c->env, &ch->irq,
					   line ? line_interrupt : interrupt,
					   line ? (void *)c : ch);
	return ch->attached;
}

static const char *bring_up(struct ide_controller *c, struct ide *d)
{
	struct env *e = c->env;
	uint16_t id[256];
	const char *why = identify(d, id);

	if (!why)
		why = geometry(d, id);
	if (why)
		return why;
	d->prd = e->dma_alloc(e, 4096, &d->prd_dev);
	d->bounce = e->dma_alloc(e, BLK_MAX_BYTES, &d->bounce_dev);
	if (!d->bounce)
		return "no memory";
	if (!d->prd || d->prd_dev.v >> 32)
		d->dma = false; /* by the CPU, then */
	if (!channel_attach(c, d->ch))
		return "its interrupt is refused";
	if (d->ch->bm)
		out8(e, (uint16_t)(d->ch->bm + BM_STATUS), BM_IRQ | BM_ERROR);
	d->blk.ops = &ide_ops;
	return NULL;
}

const char *ide_disk_start(struct ide_controller *c, unsigned n)
{
	struct ide_channel *ch = &c->ch[n / 2 & 1];
	struct ide *d = &ch->disk[n & 1];
	const char *why;

	*d = (struct ide){
		.blk = { .env = c->env, .driver = "ide", .model = d->id.model },
		.ch = ch,
		.drive = n & 1
	};
	if (!ch->cmd)
		return "has no ports";
	out8(c->env, ch->ctl, CTL_NIEN);
	why = bring_up(c, d);
	out8(c->env, ch->ctl, 0);
	return why;
}
