/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether PCI configuration space is in memory where ACPI says. */
#include "boot/acpi.h"
#include "boot/machine.h"
#include "lib/log.h"

static bool overlaps(u64 start, u64 size, u64 other, u64 n)
{
	return start < other + n && other < start + size;
}

static bool is_free(const struct boot_info *bi, u64 start, u64 size)
{
	for (u32 i = 0; i < bi->nr_ranges; i++)
		if (bi->ranges[i].type != BOOT_MEM_OTHER &&
		    overlaps(start, size, bi->ranges[i].start,
			     bi->ranges[i].size))
			return false;
	for (u32 i = 0; i < acpi_boot.nr_ioapics; i++)
		if (overlaps(start, size, acpi_boot.ioapics[i].addr, PAGE_SIZE))
			return false;
	for (u32 i = 0; i < acpi_boot.iommu.nr; i++)
		if (overlaps(start, size, acpi_boot.iommu.unit[i].regs,
			     IOMMU_REGS))
			return false;
	return !overlaps(start, size, acpi.lapic_addr, PAGE_SIZE);
}

bool ecam_usable(const struct boot_info *bi)
{
	const struct pci_ecam *e = &acpi_boot.ecam;
	u64 start = ecam_start(e);

	return e->base && !(e->base % ECAM_BUS) && e->first <= e->last &&
	       range_within(start, ecam_size(e), 1ull << cpu_feat.phys_bits) &&
	       start >= e->base && is_free(bi, start, ecam_size(e));
}

/* Both ways must name the same device at the window's first place that has one:
 * else the table lies. */
void ecam_use(const struct boot_info *bi)
{
	struct pci_ecam e = acpi_boot.ecam;

	if (!ecam_usable(bi))
		return;
	for (u32 dev = 0; dev < 32; dev++) {
		u16 bdf = (u16)(e.first << 8 | dev << 3);
		u32 by_ports, by_memory;

		pci_ecam.base = 0;
		by_ports = pci_read32(bdf, 0);
		pci_ecam = e;
		by_memory = pci_read32(bdf, 0);
		if (by_ports == by_memory && by_ports == ~0u)
			continue;
		if (by_ports != by_memory)
			pci_ecam.base = 0;
		return;
	}
}

void ecam_say(void)
{
	if (pci_ecam.base)
		log("parley: PCI configuration in memory at %lx, buses %x to "
		    "%x\n",
		    ecam_start(&pci_ecam), pci_ecam.first, pci_ecam.last);
	else
		log("parley: PCI configuration by ports%s\n",
		    acpi_boot.ecam.base ? ": that in memory is not usable" :
					  "");
}
