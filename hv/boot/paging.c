/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's address space. */
#include "boot/acpi.h"
#include "boot/machine.h"
#include "boot/pagetable.h"
#include "boot/early.h"
#include "lib/power.h"

#define linker_symbol __attribute__((visibility("hidden")))
extern char ImageBase[] linker_symbol;
extern char hv_text_start[] linker_symbol, hv_text_end[] linker_symbol;
extern char hv_rodata_start[] linker_symbol, hv_rodata_end[] linker_symbol;
extern char hv_data_start[] linker_symbol, hv_data_end[] linker_symbol;

static u64 flags_of(u32 type, bool runtime)
{
	switch (type) {
	case BOOT_MEM_FREE:
	case BOOT_MEM_HV:
		return PT_RW;
	case BOOT_MEM_RUNTIME:
		return runtime ? PTE_P | PTE_W | PTE_A | PTE_D : PT_RO;
	case BOOT_MEM_ACPI:
		return PT_RO;
	default:
		return PT_NONE;
	}
}

static void map_section(struct pagetable *pt, char *start, char *end, u64 flags)
{
	pt_set(pt, (u64)start, (u64)(end - start), flags);
}

static void map_special(struct pagetable *pt, const struct boot_info *bi)
{
	map_section(pt, ImageBase, hv_text_start, PT_RO);
	map_section(pt, hv_text_start, hv_text_end, PT_RX);
	map_section(pt, hv_rodata_start, hv_rodata_end, PT_RO);
	map_section(pt, hv_data_start, hv_data_end, PT_RW);
	pt_set(pt, acpi.lapic_addr & ~PAGE_MASK, PAGE_SIZE, PT_DEVICE);
	for (u32 i = 0; i < acpi_boot.nr_ioapics; i++)
		pt_set(pt, acpi_boot.ioapics[i].addr & ~PAGE_MASK, PAGE_SIZE,
		       PT_DEVICE);
	for (u32 i = 0; i < acpi_boot.iommu.nr; i++)
		pt_set(pt, acpi_boot.iommu.unit[i].regs, IOMMU_REGS, PT_DEVICE);
	if (ecam_usable(bi))
		pt_set(pt, ecam_start(&acpi_boot.ecam),
		       ecam_size(&acpi_boot.ecam), PT_DEVICE);
	for (u32 i = 0; i < acpi_boot.nr_cpus * CPU_STACKS; i++)
		pt_set(pt, boot_own.stacks + i * HV_STACK_SIZE, PAGE_SIZE,
		       PT_NONE);
	if (boot_own.ap_page)
		pt_set(pt, boot_own.ap_page, PAGE_SIZE, PT_RX);
}

static struct pagetable tables_at(u64 *root)
{
	return (struct pagetable){ .root = root,
				   .levels = cpu_feat.cr4 & CR4_LA57 ? 5 : 4,
				   .gb_pages = cpu_feat.gb_pages };
}

u64 paging_build(const struct boot_info *bi, bool runtime)
{
	struct pagetable pt = tables_at(early_alloc(1, PAGE_SIZE));

	/* The tables come out of a FREE range, which moves its end, but never
	 * changes which memory is FREE or HV in total. */
	for (u32 i = 0; i < bi->nr_ranges; i++) {
		struct boot_range r = bi->ranges[i];
		u64 flags = flags_of(r.type, runtime);

		if (flags)
			pt_set(&pt, r.start, r.size, flags);
	}
	map_special(&pt, bi);
	return ptr_hpa(pt.root).v;
}

void paging_init(struct boot_info *bi)
{
	u64 cr4 = read_cr4();

	boot_own.cr3 = paging_build(bi, false);
	power_runtime_cr3 = paging_build(bi, true);
	if (boot_own.ap_page)
		ap_page_fill();
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	write_cr0(read_cr0() | CR0_WP);
	write_cr4(cr4 & ~CR4_PGE); /* nothing global stays */
	write_cr3(boot_own.cr3);
	write_cr4(cr4);
}

void paging_add_device(u64 addr)
{
	struct pagetable pt = tables_at(hpa_ptr(hpa(boot_own.cr3)));

	pt_set(&pt, addr & ~PAGE_MASK, PAGE_SIZE, PT_DEVICE);
}
