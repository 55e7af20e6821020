/* SPDX-License-Identifier: BSD-2-Clause */
/* AMD-Vi (AMD I/O Virtualization Technology 3.08, chapters 2 and 3). */
#include "arch/iommu.h"

/* Commands, 2.4. */
#define COMMAND(n) ((u64)(n) << 60)
#define COMPLETION_WAIT COMMAND(1)
#define WAIT_STORE 1u
#define DROP_DEVICE COMMAND(2)
#define DROP_PAGES COMMAND(3)
#define DROP_ALL_PAGES 0x7FFFFFFFFFFFF003ull /* S, PDE: of any size */
#define DROP_INTERRUPTS COMMAND(5)
#define DOMAIN_SHIFT 32

#define DTE_SA (1ull << 34) /* tell of no fault */
#define EVENT_CODE(e) ((u32)((e) >> 60))
#define EVENT_INTERRUPT (1ull << 51) /* I, RW of IO_PAGE_FAULT, 2.5.3 */
#define EVENT_WRITE (1ull << 53)
#define STATUS_OVERFLOW 1u
#define STATUS_EVENT 2u
#define IRTE_ON 1u /* fixed, physical: 2.2.5.2 */

static void amdvi_entry(u16 bdf, u32 domain, u64 root, bool quiet)
{
	u64 *dte = iommu.table[2 * bdf];

	store_release(&dte[0], (u64)(DTE_V | DTE_TV));
	store_release(&dte[1], domain | (quiet ? DTE_SA : 0));
	if (root)
		store_release(&dte[0],
			      root | AMDVI_READ | AMDVI_WRITE |
				      (u64)iommu.levels << DTE_MODE_SHIFT |
				      DTE_V | DTE_TV);
}

static void amdvi_drop_entry(iommu_command c, u16 bdf)
{
	c[0] = DROP_DEVICE | bdf;
}

static void amdvi_drop_domain(iommu_command c, const struct iommu_unit *u,
			      u32 domain)
{
	c[0] = DROP_PAGES | (u64)domain << DOMAIN_SHIFT;
	c[1] = DROP_ALL_PAGES;
}

static void amdvi_drop_vectors(iommu_command c, u16 bdf)
{
	c[0] = DROP_INTERRUPTS | bdf;
}

static void amdvi_wait(iommu_command c, struct iommu_unit *u)
{
	c[0] = COMPLETION_WAIT | WAIT_STORE | ptr_hpa(&u->done).v;
	c[1] = 1;
}

/* Nothing more is there, and the next one interrupts. A log that is full has
 * stopped (2.5.2). */
static void events_done(const struct iommu_unit *u)
{
	u32 full = iommu_read32(u, AMDVI_STATUS) & STATUS_OVERFLOW;
	u64 control = iommu_read64(u, AMDVI_CONTROL);

	if (full)
		iommu_write64(u, AMDVI_CONTROL, control & ~(u64)CONTROL_EVENTS);
	iommu_write32(u, AMDVI_STATUS, STATUS_EVENT | full);
	if (full)
		iommu_write64(u, AMDVI_CONTROL, control);
}

static bool amdvi_fault(struct iommu_unit *u, struct iommu_fault *f)
{
	u64 head = iommu_read64(u, AMDVI_EVENT_HEAD), *e;

	if (head == iommu_read64(u, AMDVI_EVENT_TAIL)) {
		events_done(u);
		if (head == iommu_read64(u, AMDVI_EVENT_TAIL))
			return false;
	}
	e = u->events[head / 16 % IOMMU_RING];
	f->reason = EVENT_CODE(e[0]);
	f->bdf = (u16)e[0];
	f->write = e[0] & EVENT_WRITE;
	f->interrupt = e[0] & EVENT_INTERRUPT;
	f->at = e[1];
	iommu_write64(u, AMDVI_EVENT_HEAD, (head + 16) % (IOMMU_RING * 16));
	return true;
}

/* The index into a function's table is what it writes as data, or has in its
 * entry of an I/O APIC. */
static u64 amdvi_vector(u16 bdf, u32 vector, u32 apic_id, bool on)
{
	u64 at = iommu.table[2 * bdf + 1][0] & DTE_VECTORS;
	u32 *irt = hpa_ptr(hpa(at));

	if (at)
		store_release(&irt[vector],
			      on ? IRTE_ON | apic_id << 8 | vector << 16 : 0);
	return (u64)vector << 32 | MSI_ADDRESS;
}

const struct iommu_ops amdvi_ops = {
	.name = "AMD-Vi",
	.ring_tail = AMDVI_COMMAND_TAIL,
	.entry = amdvi_entry,
	.drop_entry = amdvi_drop_entry,
	.drop_domain = amdvi_drop_domain,
	.drop_vectors = amdvi_drop_vectors,
	.wait = amdvi_wait,
	.fault = amdvi_fault,
	.vector = amdvi_vector,
};
