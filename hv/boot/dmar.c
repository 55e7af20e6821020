/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the IOMMUs are: the ACPI tables DMAR and IVRS. Believes none of their
 * lengths. */
#include "boot/acpi.h"

#define BLOCKS 48u /* behind the header of either table */
#define DMAR_FLAGS 37u
#define DMAR_INTR 1u
#define DMAR_X2APIC_OPT_OUT 2u
#define DRHD 0u
#define DRHD_SCOPES 16u
#define SCOPE_IOAPIC 3u
#define IVHD_10 0x10
#define IVHD_11 0x11
#define IVHD_40 0x40
#define IVHD_SPECIAL 72
#define SPECIAL_IOAPIC 1
#define IVHD_ACPI_HID 240
#define IVHD_HID_SIZE 22 /* and what its last byte says */
#define DAMAGED "a damaged table"
#define SCOPE_ONE_HOP 8u /* length of a path that crosses no bridge */

static const struct boot_info *map; /* registers are no memory */

static u64 field(const u8 *p, u32 bytes)
{
	u64 v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static void add_ioapic(struct iommu_found *f, u8 id, u16 bdf)
{
	if (f->nr_ioapics == ACPI_MAX_IOAPICS)
		return;
	f->ioapic[f->nr_ioapics].id = id;
	f->ioapic[f->nr_ioapics++].bdf = bdf;
}

static bool regs_ok(u64 regs)
{
	if (!regs || regs & PAGE_MASK ||
	    !range_within(regs, IOMMU_REGS, 1ull << cpu_feat.phys_bits))
		return false;
	for (u32 i = 0; i < map->nr_ranges; i++)
		if (map->ranges[i].type != BOOT_MEM_OTHER &&
		    map->ranges[i].start < regs + IOMMU_REGS &&
		    regs < map->ranges[i].start + map->ranges[i].size)
			return false;
	return true;
}

static bool add_unit(struct iommu_found *f, u64 regs, u32 segment)
{
	if (f->nr == IOMMU_MAX || !regs_ok(regs)) {
		f->wrong = "too many of them, or odd ones";
		return false;
	}
	f->unit[f->nr].regs = regs;
	f->unit[f->nr++].segment = segment;
	return true;
}

/* Of devices only the I/O APICs matter: all units have the same tables. */
static void drhd_scopes(struct iommu_found *f, const u8 *e, const u8 *end)
{
	for (; e + SCOPE_ONE_HOP <= end && e[1] >= SCOPE_ONE_HOP &&
	       e[1] <= end - e;
	     e += e[1])
		if (e[0] == SCOPE_IOAPIC && e[1] == SCOPE_ONE_HOP)
			add_ioapic(f, e[4],
				   (u16)(e[5] << 8 | e[6] << 3 | (e[7] & 7)));
}

static void drhd(struct iommu_found *f, const u8 *e, u32 n)
{
	if (n < DRHD_SCOPES)
		f->wrong = DAMAGED;
	else if (add_unit(f, field(e + 8, 8), (u32)field(e + 6, 2)))
		drhd_scopes(f, e + DRHD_SCOPES, e + n);
}

static void dmar_block(struct iommu_found *f, const u8 *e, u32 n)
{
	if (field(e, 2) == DRHD)
		drhd(f, e, n);
}

/* Entries of an IVHD have 4 bytes, 8, 16, 32, by their type (5.2.2), but one. */
static u32 entry_size(const u8 *e, const u8 *end)
{
	if (e[0] == IVHD_ACPI_HID)
		return end - e < IVHD_HID_SIZE ?
			       0 :
			       IVHD_HID_SIZE + e[IVHD_HID_SIZE - 1];
	return 4u << (e[0] >> 6);
}

static void ivhd_entries(struct iommu_found *f, const u8 *e, const u8 *end)
{
	for (u32 n; e < end; e += n) {
		n = entry_size(e, end);
		if (!n || n > end - e) {
			f->wrong = DAMAGED;
			return;
		}
		if (e[0] == IVHD_SPECIAL && e[7] == SPECIAL_IOAPIC)
			add_ioapic(f, e[4], (u16)field(e + 5, 2));
	}
}

/* Two blocks may be about the same one. */
static bool ivhd_known(const struct iommu_found *f, u64 regs)
{
	for (u32 i = 0; i < f->nr; i++)
		if (f->unit[i].regs == regs)
			return true;
	return false;
}

static void ivhd(struct iommu_found *f, const u8 *e, u32 n, u32 entries)
{
	u64 regs;

	if (n < entries) {
		f->wrong = DAMAGED;
		return;
	}
	regs = field(e + 8, 8);
	if (!ivhd_known(f, regs) && add_unit(f, regs, (u32)field(e + 16, 2))) {
		f->unit[f->nr - 1].flags = e[1];
		f->unit[f->nr - 1].bdf = (u16)field(e + 4, 2);
		f->unit[f->nr - 1].cap = (u16)field(e + 6, 2);
	}
	ivhd_entries(f, e + entries, e + n);
}

static void ivrs_block(struct iommu_found *f, const u8 *e, u32 n)
{
	if (e[0] == IVHD_10)
		ivhd(f, e, n, 24);
	else if (e[0] == IVHD_11 || e[0] == IVHD_40)
		ivhd(f, e, n, 40);
}

static void blocks(const u8 *t, u32 len, struct iommu_found *f,
		   void (*block)(struct iommu_found *f, const u8 *e, u32 n))
{
	u32 at = BLOCKS, n;

	for (; at + 4 <= len && !f->wrong; at += n) {
		n = (u32)field(t + at + 2, 2);
		if (n < 4 || n > len - at)
			f->wrong = DAMAGED;
		else
			block(f, t + at, n);
	}
	if (!f->nr && !f->wrong)
		f->wrong = "none in its table";
}

void iommu_parse(const struct boot_info *bi, const u8 *t, u32 len,
		 struct iommu_found *f)
{
	map = bi;
	*f = (struct iommu_found){ .kind = t[0] == 'D' ? IOMMU_VTD :
							 IOMMU_AMDVI };
	if (len < BLOCKS) {
		f->wrong = DAMAGED;
		return;
	}
	if (f->kind == IOMMU_VTD) {
		f->no_intr = !(t[DMAR_FLAGS] & DMAR_INTR);
		f->no_x2apic = t[DMAR_FLAGS] & DMAR_X2APIC_OPT_OUT;
		blocks(t, len, f, dmar_block);
	} else
		blocks(t, len, f, ivrs_block);
}
