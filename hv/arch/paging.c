/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's address space. */
#include "arch/paging.h"
#include "arch/cpu.h"
#include "arch/early.h"
#include "arch/pagetable.h"
#include "arch/regs.h"
#include "arch/x86.h"

static struct pagetable hv_pt;

static void flush_all(void)
{
	u64 cr4 = read_cr4();

	write_cr4(cr4 & ~CR4_PGE);
	write_cr3(read_cr3());
	write_cr4(cr4);
}

static u64 flags_of(u32 type)
{
	switch (type) {
	case BOOT_MEM_FREE:
	case BOOT_MEM_HV:
		return PT_RW;
	case BOOT_MEM_RUNTIME:
	case BOOT_MEM_ACPI:
		return PT_RO;
	default:
		return PT_NONE;
	}
}

static void map_image(const struct boot_image *im)
{
	pt_set(&hv_pt, im->base, im->text - im->base, PT_RO);
	pt_set(&hv_pt, im->text, im->text_end - im->text, PT_RX);
	pt_set(&hv_pt, im->rodata, im->rodata_end - im->rodata, PT_RO);
	pt_set(&hv_pt, im->data, im->data_end - im->data, PT_RW);
}

void paging_init(const struct boot_info *bi)
{
	hv_pt.levels = cpu_feat.la57_on ? 5 : 4;
	hv_pt.gb_pages = cpu_feat.gb_pages;
	hv_pt.root = early_alloc(1, PAGE_SIZE);
	/* The tables come out of FREE ranges, which splits ranges, but never
	 * changes which memory is FREE or HV in total. */
	for (u32 i = 0; i < bi->nr_ranges; i++) {
		struct boot_range r = bi->ranges[i];
		u64 flags = flags_of(r.type);

		if (flags)
			pt_set(&hv_pt, r.start, r.size, flags);
	}
	map_image(&bi->image);
	paging_load();
}

void paging_load(void)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	write_cr0(read_cr0() | CR0_WP);
	write_cr3(paging_root());
	flush_all();
}

u64 paging_root(void)
{
	return ptr_hpa(hv_pt.root).v;
}

void paging_map_device(u64 start, u64 size)
{
	u64 first = start & ~PAGE_MASK;

	size = (start + size + PAGE_MASK - first) & ~PAGE_MASK;
	pt_set(&hv_pt, first, size, PT_DEVICE);
	flush_all();
}

void paging_unmap_page(u64 addr)
{
	pt_set(&hv_pt, addr, PAGE_SIZE, PT_NONE);
	flush_all();
}

void paging_make_exec(u64 addr)
{
	pt_set(&hv_pt, addr, PAGE_SIZE, PT_RX);
	flush_all();
}

void paging_open_runtime(const struct boot_info *bi)
{
	u64 size, *e;

	for (u32 i = 0; i < bi->nr_ranges; i++) {
		const struct boot_range *r = &bi->ranges[i];
		u64 end = r->start + r->size;

		if (r->type != BOOT_MEM_RUNTIME)
			continue;
		for (u64 at = r->start; at < end; at += size) {
			e = pt_find(&hv_pt, at, &size);
			if (!e)
				break;
			*e = (*e | PTE_W | PTE_D) & ~PTE_NX;
		}
	}
	flush_all();
}
