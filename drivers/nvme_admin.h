/* SPDX-License-Identifier: BSD-2-Clause */
/* An NVMe controller's registers, queues and admin commands: for the driver's own
 * files. */
#ifndef DRIVERS_NVME_ADMIN_H
#define DRIVERS_NVME_ADMIN_H

#include "nvme.h"

/* Controller registers (NVMe 1.4, 3.1). */
#define REG_CAP 0x00u
#define REG_VS 0x08u
#define REG_CC 0x14u
#define REG_CSTS 0x1cu
#define REG_AQA 0x24u
#define REG_ASQ 0x28u
#define REG_ACQ 0x30u
#define REG_DOORBELLS 0x1000u

#define CAP_MQES(cap) ((cap)&0xffff) /* less one */
#define CAP_TO(cap) ((cap) >> 24 & 0xff)
#define CAP_TO_MS 500u
#define CAP_DSTRD(cap) ((cap) >> 32 & 0xf)
#define CAP_CSS_NVM (1ull << 37)
#define CAP_MPSMIN(cap) ((cap) >> 48 & 0xf)
#define VS_1_1 0x10100u
#define CC_EN (1u << 0)
#define CC_ENTRY_SIZES (6u << 16 | 4u << 20) /* 64 and 16 bytes */
#define CSTS_RDY (1u << 0)
#define CSTS_CFS (1u << 1)

#define NVME_PAGE 4096u
#define NVME_ADMIN_ENTRIES 16u

static inline uint32_t nvme_read(struct nvme *d, unsigned reg)
{
	return (uint32_t)d->blk.env->mmio_read(d->blk.env, d->regs + reg, 4);
}

uint64_t nvme_doorbells_end(uint64_t cap);
void nvme_doorbell(struct nvme *d, const struct nvme_queue *q, bool cq,
		   uint16_t v);

/* There is room: no more are in flight than a queue holds. The controller hears of
 * it with the doorbell, or at once. */
void nvme_put(struct nvme_queue *q, const struct nvme_command *c);
void nvme_submit(struct nvme *d, struct nvme_queue *q,
		 const struct nvme_command *c);
/* False: there is no new completion. Its status comes without the phase. */
bool nvme_take(struct nvme_queue *q, struct nvme_completion *c);

/* From a stopped controller to one that takes admin commands (7.6.1). */
bool nvme_enable(struct nvme *d);

/* All by polling; null, or what is wrong. The controller, the first active
 * namespace (5.15.2.3: a list since 1.1), and the pair of queues for I/O, whose
 * interrupt is the function's first one. */
const char *nvme_controller_read(struct nvme *d);
const char *nvme_namespace_read(struct nvme *d);
const char *nvme_queues_create(struct nvme *d);

#endif
