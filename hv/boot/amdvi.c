/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets up AMD-Vi, so that nothing is let through (AMD I/O Virtualization
 * Technology 3.08, chapters 2 and 3). */
#include "boot/acpi.h"
#include "boot/early.h"
#include "boot/machine.h"
#include "lib/pci.h"

#define CAP_NP_CACHE (1u << 26) /* of the capability's first word, 3.2 */
#define FEATURE_HATS(v) ((u32)((v) >> 10) & 3)
#define HATS_NONE 3u
#define FEATURE_IA (1u << 6)
#define DROP_ALL (8ull << 60) /* what firmware's use may have left */
#define DEVICES 65536u
#define DEVICE_PAGES (DEVICES * 32 / PAGE_SIZE)
#define VECTORS_SIZE 1024u
#define RING_256 (8ull << 56)
/* clang-format off */
enum { /* of AMDVI_CONTROL */
	CONTROL_ON = 1 << 0,        CONTROL_EVENT_INTR = 1 << 3,
	CONTROL_COHERENT = 1 << 10, CONTROL_COMMANDS = 1 << 12,
};
enum { STATUS_EVENT = 2, STATUS_LOGGING = 8 };
enum { CFG_CAPS = 0x34, CAP_MSI = 5, MSI_64 = 1 << 23 };
/* clang-format on */

const char *amdvi_check(void)
{
	iommu.levels = nested_caps.levels;
	for (u32 i = 0; i < iommu.nr; i++) {
		u64 features = iommu_read64(&iommu.unit[i], AMDVI_FEATURES);
		u32 most = 4 + FEATURE_HATS(features);
		u16 cap = acpi_boot.iommu.unit[i].cap;

		if (features == ~0ull)
			return "no registers";
		if (FEATURE_HATS(features) == HATS_NONE)
			return "it translates nothing";
		iommu.levels = most < iommu.levels ? most : iommu.levels;
		iommu.np_cached |=
			!!(pci_read32(acpi_boot.iommu.unit[i].bdf, cap) &
			   CAP_NP_CACHE);
	}
	iommu.read = AMDVI_READ;
	iommu.write = AMDVI_WRITE;
	iommu.leaf = AMDVI_FORCE_COHERENT;
	iommu.next = AMDVI_NEXT;
	return NULL;
}

/* The vectors of one that may interrupt, none of which is there yet. */
static void may_interrupt(u16 bdf)
{
	static u8 *room;

	if (!((u64)room & PAGE_MASK))
		room = early_alloc(1, PAGE_SIZE);
	iommu.table[2 * bdf + 1][0] |= DTE_REMAP | DTE_256_VECTORS |
				       ptr_hpa(room).v;
	room += VECTORS_SIZE;
}

/* An entry for each device there can be: memory and interrupts are refused. */
static void devices_refuse(u64 (*table)[2])
{
	for (u32 i = 0; i < 2 * DEVICES; i += 2) {
		table[i][0] = DTE_V | DTE_TV;
		table[i + 1][0] = iommu.intr ? DTE_IV : 0;
	}
}

void *amdvi_root(void)
{
	void *root = early_alloc(DEVICE_PAGES, PAGE_SIZE);

	devices_refuse(root);
	return root;
}

void amdvi_functions(void)
{
	if (!iommu.intr)
		return;
	for (u32 i = 0; i < pci_count; i++)
		may_interrupt(pci_funcs[i].bdf);
	for (u32 i = 0; i < acpi_boot.nr_ioapics; i++)
		may_interrupt(acpi_boot.ioapics[i].bdf);
}

/* Its own message, of a fault: nowhere else is it set up. */
static void message_on(u16 bdf)
{
	u32 dest = acpi_boot.apic_ids[0] << MSI_DEST_SHIFT;
	u32 at = pci_read32(bdf, CFG_CAPS) & 0xFC, first = 0;

	for (u32 left = 48; left && at >= 0x40;
	     left--, at = first >> 8 & 0xFC) {
		first = pci_read32(bdf, (u16)at);
		if ((first & 0xFF) != CAP_MSI)
			continue;
		pci_write32(bdf, (u16)(at + 4), MSI_ADDRESS | dest);
		if (first & MSI_64)
			pci_write32(bdf, (u16)(at + 8), 0);
		pci_write32(bdf, (u16)(at + (first & MSI_64 ? 12 : 8)),
			    VEC_IOMMU);
		pci_write32(bdf, (u16)at, first | PCI_MSI_ENABLE);
		return;
	}
}

/* Where it is remapped, too. */
static void own_interrupt(u16 bdf)
{
	u32 *irt;

	message_on(bdf);
	if (!iommu.intr)
		return;
	if (!(iommu.table[2 * bdf + 1][0] & DTE_VECTORS))
		may_interrupt(bdf);
	irt = (u32 *)(iommu.table[2 * bdf + 1][0] & DTE_VECTORS);
	irt[VEC_IOMMU] = 1 | acpi_boot.apic_ids[0] << 8 | VEC_IOMMU << 16;
}

/* What the IVHD asks for: HtTunEn, PassPW, ResPassPW, Isoc. */
static u64 control_of(u8 flags)
{
	return (flags & 1) << 1 | (flags & 6) << 7 | (flags & 8) << 8 |
	       CONTROL_COHERENT | CONTROL_EVENTS | CONTROL_EVENT_INTR |
	       CONTROL_COMMANDS;
}

void amdvi_start(struct iommu_unit *u, u64 root)
{
	u32 n = (u32)(u - iommu.unit);
	u64 control = control_of(acpi_boot.iommu.unit[n].flags);

	own_interrupt(acpi_boot.iommu.unit[n].bdf);
	u->events = early_alloc(1, PAGE_SIZE);
	iommu_write64(u, AMDVI_CONTROL, 0);
	iommu_write64(u, AMDVI_EXCLUSION, 0);
	iommu_write64(u, AMDVI_DEVICES, root | (DEVICE_PAGES - 1));
	iommu_write64(u, AMDVI_COMMANDS, ptr_hpa(u->ring).v | RING_256);
	iommu_write64(u, AMDVI_EVENTS, ptr_hpa(u->events).v | RING_256);
	iommu_write64(u, AMDVI_COMMAND_HEAD, 0);
	iommu_write64(u, AMDVI_COMMAND_TAIL, 0);
	iommu_write64(u, AMDVI_EVENT_HEAD, 0);
	iommu_write64(u, AMDVI_EVENT_TAIL, 0);
	iommu_write64(u, AMDVI_CONTROL, control);
	iommu_write64(u, AMDVI_CONTROL, control | CONTROL_ON);
	if (!(iommu_read64(u, AMDVI_FEATURES) & FEATURE_IA))
		return;
	u->ring[u->tail++][0] = DROP_ALL;
	iommu_write64(u, AMDVI_COMMAND_TAIL, u->tail * 16);
}
