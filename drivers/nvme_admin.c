/* SPDX-License-Identifier: BSD-2-Clause */
/* An NVMe controller: queues, start and stop, admin commands. */
#include "nvme_admin.h"

#define ADMIN_CREATE_SQ 0x01u
#define ADMIN_CREATE_CQ 0x05u
#define ADMIN_IDENTIFY 0x06u
#define ADMIN_SET_FEATURES 0x09u
#define FEATURE_QUEUES 0x07u
#define IDENTIFY_NAMESPACE 0u
#define IDENTIFY_CONTROLLER 1u
#define IDENTIFY_LIST 2u
#define QUEUE_CONTIGUOUS 1u
#define QUEUE_INTERRUPTS 2u

/* Identify data (5.15.2): controller, then namespace. */
#define ID_MODEL 24u
#define ID_MDTS 77u
#define ID_VWC 525u
#define ID_NSZE 0u
#define ID_FLBAS 26u
#define ID_LBAF 128u
#define LBAF_MS(f) ((f)&0xffff)
#define LBAF_LBADS(f) ((f) >> 16 & 0xff)

#define ADMIN_CID 0x5au
#define ADMIN_MS 5000u
#define READY_MS_MAX 30000u

static void reg_write(struct nvme *d, uint64_t reg, uint32_t v)
{
	d->blk.env->mmio_write(d->blk.env, d->regs + reg, 4, v);
}

static void reg_write64(struct nvme *d, unsigned reg, uint64_t v)
{
	reg_write(d, reg, (uint32_t)v);
	reg_write(d, reg + 4, (uint32_t)(v >> 32));
}

/* ---- queues ---- */

uint64_t nvme_doorbells_end(uint64_t cap)
{
	return REG_DOORBELLS + (4ull * 4 << CAP_DSTRD(cap));
}

void nvme_doorbell(struct nvme *d, const struct nvme_queue *q, bool cq,
		   uint16_t v)
{
	unsigned n = 2u * q->nr + cq;

	reg_write(d, REG_DOORBELLS + ((uint64_t)n * 4 << CAP_DSTRD(d->cap)), v);
}

static void queue_clear(struct nvme_queue *q)
{
	volatile uint64_t *p = (volatile uint64_t *)q->cq;

	for (unsigned i = 0; i < NVME_PAGE / 8; i++)
		p[i] = 0;
	q->tail = q->told = q->head = 0;
	q->phase = 1;
}

void nvme_put(struct nvme_queue *q, const struct nvme_command *c)
{
	q->sq[q->tail] = *c;
	q->tail = (uint16_t)(q->tail + 1 == q->entries ? 0 : q->tail + 1);
}

void nvme_submit(struct nvme *d, struct nvme_queue *q,
		 const struct nvme_command *c)
{
	nvme_put(q, c);
	nvme_doorbell(d, q, false, q->tail);
}

bool nvme_take(struct nvme_queue *q, struct nvme_completion *c)
{
	volatile struct nvme_completion *at = &q->cq[q->head];

	c->status = at->status; /* with the phase, ahead of the rest (4.6) */
	if ((c->status & 1) != q->phase)
		return false;
	c->sq_id = at->sq_id;
	c->cid = at->cid;
	c->status >>= 1;
	if (++q->head == q->entries) {
		q->head = 0;
		q->phase ^= 1;
	}
	return true;
}

/* ---- the controller ---- */

/* Waits for CSTS.RDY; false: not in time, a fatal status, or it is gone. */
static bool ready_wait(struct nvme *d, uint32_t want)
{
	struct env *e = d->blk.env;
	uint64_t ms = CAP_TO_MS * (CAP_TO(d->cap) + 1);
	uint64_t end =
		e->now_ns(e) + (ms < READY_MS_MAX ? ms : READY_MS_MAX) * ENV_MS;

	for (;;) {
		uint32_t csts = nvme_read(d, REG_CSTS);

		if (csts == ~0u || (want && csts & CSTS_CFS))
			return false;
		if ((csts & CSTS_RDY) == want)
			return true;
		if (e->now_ns(e) >= end)
			return false;
		e->wait(e, e->now_ns(e) + ENV_MS);
	}
}

bool nvme_stop(struct nvme *d)
{
	d->up = false;
	reg_write(d, REG_CC, 0);
	if (ready_wait(d, 0))
		return true;
	/* it could still write to our memory */
	pci_command(d->blk.env, d->bdf, 0, PCI_COMMAND_MASTER);
	return false;
}

bool nvme_enable(struct nvme *d)
{
	queue_clear(&d->admin);
	queue_clear(&d->io);
	reg_write(d, REG_AQA,
		  (NVME_ADMIN_ENTRIES - 1) << 16 | (NVME_ADMIN_ENTRIES - 1));
	reg_write64(d, REG_ASQ, d->admin.sq_dev.v);
	reg_write64(d, REG_ACQ, d->admin.cq_dev.v);
	reg_write(d, REG_CC, CC_ENTRY_SIZES | CC_EN);
	return ready_wait(d, CSTS_RDY);
}

/* Runs an admin command, by polling; true: it succeeded. */
static bool admin(struct nvme *d, struct nvme_command c)
{
	struct env *e = d->blk.env;
	uint64_t end = e->now_ns(e) + ADMIN_MS * ENV_MS;
	struct nvme_completion done;

	c.cid = ADMIN_CID;
	nvme_submit(d, &d->admin, &c);
	while (!nvme_take(&d->admin, &done)) {
		if (e->now_ns(e) >= end)
			return false;
		e->wait(e, e->now_ns(e) + ENV_MS);
	}
	nvme_doorbell(d, &d->admin, true, d->admin.head);
	return !done.status && done.cid == ADMIN_CID && !done.sq_id;
}

static bool identify(struct nvme *d, uint32_t what, uint32_t nsid)
{
	for (unsigned i = 0; i < NVME_PAGE; i++)
		d->bounce[i] = 0; /* what is not written is absent */
	return admin(d, (struct nvme_command){ .opcode = ADMIN_IDENTIFY,
					       .nsid = nsid,
					       .prp1 = d->bounce_dev.v,
					       .cdw10 = what });
}

const char *nvme_queues_create(struct nvme *d)
{
	uint32_t size = (d->io.entries - 1u) << 16 | d->io.nr;

	if (!admin(d, (struct nvme_command){ .opcode = ADMIN_SET_FEATURES,
					     .cdw10 = FEATURE_QUEUES,
					     .cdw11 = 0 }) /* one pair */
	    || !admin(d, (struct nvme_command){ .opcode = ADMIN_CREATE_CQ,
						.prp1 = d->io.cq_dev.v,
						.cdw10 = size,
						.cdw11 = QUEUE_CONTIGUOUS |
							 QUEUE_INTERRUPTS }) ||
	    !admin(d, (struct nvme_command){ .opcode = ADMIN_CREATE_SQ,
					     .prp1 = d->io.sq_dev.v,
					     .cdw10 = size,
					     .cdw11 = (uint32_t)d->io.nr << 16 |
						      QUEUE_CONTIGUOUS }))
		return "refuses its queues";
	d->up = true;
	return NULL;
}

/* ---- what it is ---- */

static void model_copy(struct nvme *d)
{
	int end = 0;

	for (int i = 0; i < 40; i++) {
		uint8_t c = d->bounce[ID_MODEL + i];

		d->model[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
		if (c != ' ')
			end = i + 1;
	}
	d->model[end] = 0;
}

const char *nvme_controller_read(struct nvme *d)
{
	unsigned mdts;

	if (!identify(d, IDENTIFY_CONTROLLER, 0))
		return "does not say what it is";
	mdts = d->bounce[ID_MDTS];
	d->has_cache = d->bounce[ID_VWC] & 1;
	d->blk.max_segs = BLK_SEGS;
	d->blk.max_bytes = BLK_MAX_BYTES;
	if (mdts && mdts < 8 && NVME_PAGE << mdts < BLK_MAX_BYTES)
		d->blk.max_bytes = NVME_PAGE << mdts;
	model_copy(d);
	return NULL;
}

const char *nvme_namespace_read(struct nvme *d)
{
	uint32_t format;

	d->nsid = 1;
	if (nvme_read(d, REG_VS) >= VS_1_1) {
		if (!identify(d, IDENTIFY_LIST, 0))
			return "does not list its namespaces";
		d->nsid = le32(d->bounce);
	}
	if (!d->nsid || !identify(d, IDENTIFY_NAMESPACE, d->nsid))
		return "has no namespace";
	d->blk.sectors = le64(d->bounce + ID_NSZE);
	if (!d->blk.sectors)
		return "has no capacity";
	format = le32(d->bounce + ID_LBAF + 4 * (d->bounce[ID_FLBAS] & 15));
	if (LBAF_LBADS(format) != 9 || LBAF_MS(format))
		return "its sectors are not of 512 bytes";
	return NULL;
}
