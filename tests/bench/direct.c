/* SPDX-License-Identifier: BSD-2-Clause */
/* The requests of queue.c to a disk that the guest owns, by the driver that the
 * host partition uses. */
#include "bench.h"
#include "block.h"
#include "kit/device.h"
#include "kit/irq.h"
#include "virtio_blk.h"

#define DEPTH KIT_BLOCK_DEPTH
#define PAGE_SECTORS (KIT_PAGE_SIZE / KIT_SECTOR)
#define PAGES 256u /* as many as the partition `data` has */

static struct env env;
static struct virtio_blk virtio;
static struct blk_req reqs[DEPTH];
static struct blk_seg segs[DEPTH];
static uint32_t place; /* as in queue.c */
static unsigned left;

static void ended(struct blk_req *req, enum blk_status status)
{
	(void)req;
	if (status != BLK_OK)
		kit_panic("direct: an I/O error");
	left--;
}

static void round_run(void)
{
	struct blk_dev *d = &virtio.blk;

	left = DEPTH;
	blk_cork(d);
	for (unsigned i = 0; i < DEPTH; i++) {
		place = place * 1664525u + 1013904223u;
		reqs[i].sector = ((uint64_t)place * PAGES >> 32) * PAGE_SECTORS;
		blk_submit(d, &reqs[i]);
	}
	blk_uncork(d);
	while (left) {
		uint64_t next = blk_check(d, env.now_ns(&env));

		if (left)
			env.wait(&env, next);
	}
}

static void direct_run(uint32_t n)
{
	kit_irq_off(); /* as the environment demands */
	while (n--)
		round_run();
	kit_irq_on();
}

static bool buffers_make(void)
{
	dev_addr_t dev;
	uint8_t *buf = env.dma_alloc(&env, DEPTH * KIT_PAGE_SIZE, &dev);

	for (unsigned i = 0; buf && i < DEPTH; i++) {
		uint32_t off = i * KIT_PAGE_SIZE;

		segs[i] = (struct blk_seg){ buf + off, dev_addr(dev.v + off),
					    KIT_PAGE_SIZE };
		reqs[i] = (struct blk_req){ .op = BLK_READ,
					    .nsegs = 1,
					    .seg = &segs[i],
					    .done = ended };
	}
	return buf;
}

static bool direct_start(void)
{
	const struct pv_device *d = kit_device(NULL, PV_DEV_PCI, NULL);
	const char *why;
	struct pci_dev pci;

	if (!d)
		return false;
	kit_pci_dev(&pci, d);
	if (!virtio_blk_matches(&pci))
		return false;
	kit_env_init(&env, pci.handle);
	kit_irq_off();
	why = virtio_blk_start(&virtio, &env, &pci);
	kit_irq_on();
	if (why)
		kit_panic("direct: %s", why);
	return buffers_make();
}

const struct op direct_ops[] = {
	OP("disk_qd32_direct", 2, DEPTH, direct_run, .start = direct_start,
	   .when = DEVICE, .pv = true),
	OPS_END,
};
