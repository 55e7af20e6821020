/* SPDX-License-Identifier: BSD-2-Clause */
/* Intel VT-d, legacy mode, queued invalidation (VT-d 4.1, chapters 3, 5, 6, 9). */
#include "arch/iommu.h"
#include "arch/irq.h"

/* clang-format off */
enum {
	CONTEXT_P = 1 << 0,  CONTEXT_FPD = 1 << 1, /* 9.3 */
	DESC_CONTEXT = 0x01 | 1 << 4, /* 6.5.2: all of it */
	DESC_IOTLB = 0x02 | 1 << 4,   /* all; domain: */
	DESC_DOMAIN = 0x02 | 2 << 4,  DID_SHIFT = 16,
	DESC_INTERRUPTS = 0x04,
	DESC_WAIT = 0x05 | 1 << 5 | 1 << 6, /* write status; fence */
	FSTS_PFO = 1 << 0, /* 11.4.9 */
	IRTE_P = 1 << 0, IRTE_FPD = 1 << 1, IRTE_LEVEL = 1 << 4, /* 9.10 */
	IRTE_SID_ALL = 1 << 18,
};
/* clang-format on */
#define FAULT (1ull << 63) /* of the high half of a record, 11.4.14 */
#define FAULT_READ (1ull << 62)
#define REASON_INTERRUPT 0x20u
#define MESSAGE_REMAPPED 0xFEE00010ull /* 5.1.2.2: handle from bit 5 on */

static u64 *context_of(u16 bdf)
{
	u64 bus = iommu.table[bdf >> 8][0];

	return bus ? (u64 *)(bus & ~PAGE_MASK) + 2 * (bdf & 0xFF) : NULL;
}

static void vtd_entry(u16 bdf, u32 domain, u64 root, bool quiet)
{
	u64 *c = context_of(bdf), fpd = quiet ? CONTEXT_FPD : 0;

	if (!c)
		return;
	store_release(&c[0], fpd);
	store_release(&c[1], domain << 8 | (iommu.levels - 2));
	if (root)
		store_release(&c[0], root | CONTEXT_P | fpd);
	iommu_sync(c, 16);
}

static void vtd_drop_entry(iommu_command c, u16 bdf) { c[0] = DESC_CONTEXT; }

static void vtd_drop_domain(iommu_command c, const struct iommu_unit *u,
			    u32 domain)
{
	c[0] = u->drain |
	       (domain ? DESC_DOMAIN | domain << DID_SHIFT : DESC_IOTLB);
}

static void vtd_drop_vectors(iommu_command c, u16 bdf)
{
	c[0] = DESC_INTERRUPTS;
}

static void vtd_wait(iommu_command c, struct iommu_unit *u)
{
	c[0] = DESC_WAIT | 1ull << 32;
	c[1] = ptr_hpa(&u->done).v;
}

static bool vtd_fault(struct iommu_unit *u, struct iommu_fault *f)
{
	for (u32 i = 0; i < u->nr_faults; i++) {
		u32 reg = u->faults + 16 * i;
		u64 high = iommu_read64(u, reg + 8);

		if (!(high & FAULT))
			continue;
		f->at = iommu_read64(u, reg) & ~PAGE_MASK;
		f->bdf = (u16)high;
		f->reason = high >> 32 & 0xFF;
		f->write = !(high & FAULT_READ);
		f->interrupt = (f->reason & ~7u) == REASON_INTERRUPT;
		iommu_write32(u, reg + 12, FAULT >> 32);
		return true;
	}
	iommu_write32(u, VTD_FSTS, FSTS_PFO);
	return false;
}

static u64 vtd_vector(u16 bdf, u32 vector, u32 apic_id, bool on)
{
	u64 *e = iommu.irt[vector];
	bool line = vector - VEC_GSI_BASE < GSI_COUNT;
	u64 dest = iommu.eim ? apic_id : apic_id << 8;

	line = line && ioapic_is_level(vector - VEC_GSI_BASE);
	store_release(&e[0], 0);
	store_release(&e[1], (u64)(IRTE_SID_ALL | bdf));
	if (on)
		store_release(&e[0], dest << 32 | vector << 16 | IRTE_P |
					     (line ? IRTE_LEVEL : 0));
	iommu_sync(e, 16);
	return MESSAGE_REMAPPED | vector << 5;
}

const struct iommu_ops vtd_ops = {
	.name = "VT-d",
	.ring_tail = VTD_IQT,
	.entry = vtd_entry,
	.drop_entry = vtd_drop_entry,
	.drop_domain = vtd_drop_domain,
	.drop_vectors = vtd_drop_vectors,
	.wait = vtd_wait,
	.fault = vtd_fault,
	.vector = vtd_vector,
};
