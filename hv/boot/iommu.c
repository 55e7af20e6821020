/* SPDX-License-Identifier: BSD-2-Clause */
/* Decides about the IOMMUs, and sets them up. */
#include "boot/acpi.h"
#include "boot/early.h"
#include "boot/machine.h"
#include "boot/options.h"
#include "lib/log.h"

static const struct iommu_found *found = &acpi_boot.iommu;
static const char *wrong;

/* All I/O APICs must be known by name. */
static bool ioapics_found(void)
{
	for (u32 i = 0; i < acpi_boot.nr_ioapics; i++) {
		struct acpi_ioapic *io = &acpi_boot.ioapics[i];

		for (u32 k = 0; k < found->nr_ioapics; k++)
			if (found->ioapic[k].id == io->id)
				io->bdf = found->ioapic[k].bdf;
		if (!io->bdf)
			return false;
	}
	return true;
}

static const struct kind {
	const char *name;
	const char *(*check)(void);
	void *(*root)(void);
	void (*functions)(void);
	void (*start)(struct iommu_unit *u, u64 root);
} kinds[] = {
	[IOMMU_VTD] = { "VT-d", vtd_check, vtd_root, vtd_functions, vtd_start },
	[IOMMU_AMDVI] = { "AMD-Vi", amdvi_check, amdvi_root, amdvi_functions,
			  amdvi_start },
};

/* The devices of another segment have no owner. */
static void unit_start(const struct kind *k, struct iommu_unit *u, u32 segment)
{
	u->ring = early_alloc(1, PAGE_SIZE);
	k->start(u, ptr_hpa(segment ? k->root() : iommu.table).v);
}

void iommu_setup(const struct boot_info *bi)
{
	const struct kind *k = &kinds[found->kind];

	wrong = boot_options.iommu_off ? "iommu = off" : found->wrong;
	if (!found->kind || wrong)
		return;
	iommu.nr = found->nr;
	for (u32 i = 0; i < iommu.nr; i++)
		iommu.unit[i].regs = found->unit[i].regs;
	iommu.intr = !found->no_intr && ioapics_found();
	wrong = k->check();
	if (wrong) {
		iommu = (struct iommu_info){ 0 };
		return;
	}
	iommu.kind = found->kind;
	iommu.limit = 1ull << (PAGE_SHIFT + 9 * iommu.levels);
	iommu.table = k->root();
	k->functions();
	for (u32 i = 0; i < iommu.nr; i++)
		unit_start(k, &iommu.unit[i], found->unit[i].segment);
}

void iommu_say(void)
{
	const char *all = "the owner of a device can reach all memory";

	if (iommu.kind)
		log("parley: IOMMU in use (%s): a device reaches its owner's "
		    "memory; interrupts are %sremapped\n",
		    kinds[found->kind].name, iommu.intr ? "" : "not ");
	else if (found->kind)
		log("parley: IOMMU present (%s), not in use (%s): %s\n",
		    kinds[found->kind].name, wrong, all);
	else
		log("parley: no IOMMU: %s\n", all);
}
