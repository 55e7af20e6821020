/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets up Intel VT-d, so that nothing is let through (VT-d 4.1, chapter 11). */
#include "boot/acpi.h"
#include "boot/early.h"
#include "boot/machine.h"
#include "lib/panic.h"
#include "lib/pci.h"

#define BIT(v, n) ((v) >> (n)&1)
#define FIELD(v, n, bits) ((v) >> (n) & ((1ull << (bits)) - 1))

/* clang-format off */
enum { /* of CAP, 11.4.2 */
	CAP_ND = 0,     CAP_RWBF = 4,   CAP_PLMR = 5,   CAP_PHMR = 6,
	CAP_CM = 7,     CAP_SAGAW = 8,  CAP_FRO = 24,   CAP_SLLPS = 34,
	CAP_NFR = 40,   CAP_DWD = 54,
	/* of ECAP, 11.4.3 */
	ECAP_C = 0,     ECAP_QI = 1,    ECAP_IR = 3,    ECAP_EIM = 4,
	ECAP_SC = 7,
};
enum { /* of GCMD and GSTS, 11.4.4 */
	GCMD_TE = 1u << 31,   GCMD_SRTP = 1u << 30, GCMD_QIE = 1u << 26,
	GCMD_IRE = 1u << 25,  GCMD_SIRTP = 1u << 24, GCMD_CFI = 1u << 23,
};
/* clang-format on */
#define GSTS_KEPT 0x96FFFFFFu /* but what is done once, 11.4.4.1 */
#define ND_256 2u
#define IRTA_256 7u
#define IRTA_EIME (1u << 11)
#define DESC_CONTEXT_ALL 0x11u
#define DESC_IOTLB_ALL 0x12u
#define DESC_INTERRUPTS_ALL 4u
#define DRAIN_SHIFT 6 /* of DW in an IOTLB descriptor */
#define LEAF_SNOOP (1ull << 11)
#define WAIT_US 1000000

static const char *lacks(u64 cap, u64 ecap)
{
	if (!cap || cap == ~0ull)
		return "no registers";
	if (!nested_caps.dirty)
		return "no D bits in EPT";
	if (FIELD(cap, CAP_ND, 3) < ND_256)
		return "too few domains";
	if (BIT(cap, CAP_RWBF))
		return "it needs write buffers flushed";
	if (!BIT(cap, CAP_SLLPS))
		return "no 2 MiB pages";
	return BIT(ecap, ECAP_QI) ? NULL : "no queued invalidation";
}

/* The most levels of ours that it walks: SAGAW bit 1 means 3, and so on. */
static u32 levels_of(u64 cap)
{
	u32 n = nested_caps.levels;

	while (n >= 3 && !BIT(cap, CAP_SAGAW + n - 2))
		n--;
	return n;
}

const char *vtd_check(void)
{
	iommu.eim = true;
	iommu.leaf = LEAF_SNOOP;
	iommu.levels = nested_caps.levels;
	for (u32 i = 0; i < iommu.nr; i++) {
		u64 cap = iommu_read64(&iommu.unit[i], VTD_CAP);
		u64 ecap = iommu_read64(&iommu.unit[i], VTD_ECAP);
		const char *lack = lacks(cap, ecap);
		u32 n = levels_of(cap);

		if (lack)
			return lack;
		if (n < 3)
			return "no tables of 3 levels";
		iommu.levels = n < iommu.levels ? n : iommu.levels;
		iommu.np_cached |= BIT(cap, CAP_CM);
		iommu.blind |= !BIT(ecap, ECAP_C);
		iommu.intr &= BIT(ecap, ECAP_IR);
		iommu.eim &= BIT(ecap, ECAP_EIM);
		iommu.leaf &= BIT(ecap, ECAP_SC) ? ~0ull : 0;
		nested_caps.gb_pages &= BIT(cap, CAP_SLLPS + 1);
	}
	iommu.eim &= cpu_feat.x2apic && !acpi_boot.iommu.no_x2apic;
	return NULL;
}

void *vtd_root(void)
{
	void *root = early_alloc(1, PAGE_SIZE);

	iommu_sync(root, PAGE_SIZE);
	return root;
}

/* An empty table for each bus that has one. */
void vtd_functions(void)
{
	iommu.irt = early_alloc(1, PAGE_SIZE);
	for (u32 i = 0; i < pci_count; i++) {
		u64 *bus = iommu.table[pci_funcs[i].bdf >> 8];

		if (bus[0])
			continue;
		bus[0] = ptr_hpa(early_alloc(1, PAGE_SIZE)).v;
		iommu_sync((void *)bus[0], PAGE_SIZE);
		bus[0] |= 1;
	}
	iommu_sync(iommu.table, PAGE_SIZE);
	iommu_sync(iommu.irt, PAGE_SIZE);
}

static void wait(const struct iommu_unit *u, u32 reg, u32 mask, u32 want)
{
	u64 end = rdtsc() + tsc_from_us(WAIT_US);

	while ((iommu_read32(u, reg) & mask) != want)
		if (rdtsc() > end)
			panic("the IOMMU at %lx does not answer", u->regs);
}

/* One bit at a time; its status follows. */
static void command(const struct iommu_unit *u, u32 bit, bool on)
{
	u32 now = iommu_read32(u, VTD_GSTS);

	if (!on && !(now & bit))
		return;
	now &= GSTS_KEPT & ~bit;
	iommu_write32(u, VTD_GCMD, on ? now | bit : now);
	wait(u, VTD_GSTS, bit, on ? bit : 0);
}

/* What firmware may have left, and protected memory (11.4.7). */
static void off(const struct iommu_unit *u, u64 cap)
{
	command(u, GCMD_TE, false);
	command(u, GCMD_IRE, false);
	command(u, GCMD_QIE, false);
	command(u, GCMD_CFI, false); /* interrupts of the old format */
	if (BIT(cap, CAP_PLMR) || BIT(cap, CAP_PHMR))
		iommu_write32(u, VTD_PMEN, 0);
}

static void drop(struct iommu_unit *u, u64 what)
{
	u->ring[u->tail++][0] = what;
	iommu_write64(u, VTD_IQT, u->tail * 16);
	wait(u, VTD_IQH, ~0u, u->tail * 16);
}

/* The message that tells of a fault is not remapped (5.1.6). */
static void faults_on(struct iommu_unit *u, u64 cap)
{
	u->faults = (u32)FIELD(cap, CAP_FRO, 10) * 16;
	u->nr_faults = (u32)FIELD(cap, CAP_NFR, 8) + 1;
	iommu_write32(u, VTD_FEDATA, VEC_IOMMU);
	iommu_write32(u, VTD_FEADDR, MSI_ADDRESS | acpi_boot.apic_ids[0] << 12);
	iommu_write32(u, VTD_FEUADDR, acpi_boot.apic_ids[0] & ~0xFFu);
	iommu_write32(u, VTD_FSTS, ~0u);
	iommu_write32(u, VTD_FECTL, 0);
}

void vtd_start(struct iommu_unit *u, u64 root)
{
	u64 cap = iommu_read64(u, VTD_CAP);

	u->drain = FIELD(cap, CAP_DWD, 2) << DRAIN_SHIFT;
	off(u, cap);
	faults_on(u, cap);
	iommu_write64(u, VTD_RTADDR, root);
	command(u, GCMD_SRTP, true);
	iommu_write64(u, VTD_IQT, 0);
	iommu_write64(u, VTD_IQA, ptr_hpa(u->ring).v);
	command(u, GCMD_QIE, true);
	drop(u, DESC_CONTEXT_ALL);
	drop(u, DESC_IOTLB_ALL);
	command(u, GCMD_TE, true);
	if (!iommu.intr)
		return;
	iommu_write64(u, VTD_IRTA,
		      ptr_hpa(iommu.irt).v | IRTA_256 |
			      (iommu.eim ? IRTA_EIME : 0));
	command(u, GCMD_SIRTP, true);
	drop(u, DESC_INTERRUPTS_ALL);
	command(u, GCMD_IRE, true);
}
