/* SPDX-License-Identifier: BSD-2-Clause */
/* What the hypervisor's page tables allow for each kind of memory. */
/* TEST-SRC: hv/boot/paging.c hv/boot/pagetable.c hv/lib/machine.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/acpi.h"
#include "boot/machine.h"
#include "boot/pagetable.h"
#include "boot/early.h"
#include "lib/power.h"

#define MIB (1ull << 20)
#define LAPIC 0xFEE00000
#define IOAPIC 0xFEC00000
#define STACKS (16 * MIB)
#define AP_PAGE 0x9E000

/* An image of a page for its headers and for each section. */
__asm__(".data; .balign 4096\n"
	"ImageBase: .skip 4096; hv_text_start: .skip 4096\n"
	"hv_text_end: hv_rodata_start: .skip 4096\n"
	"hv_rodata_end: hv_data_start: .skip 4096; hv_data_end:\n"
	".globl ImageBase, hv_text_start, hv_text_end, hv_rodata_start\n"
	".globl hv_rodata_end, hv_data_start, hv_data_end\n.text");
extern char ImageBase[], hv_text_start[], hv_rodata_start[], hv_data_start[];

u64 power_runtime_cr3;
struct acpi_boot acpi_boot;
struct boot_own boot_own;

static struct boot_info bi;
static void *tables[4096];
static u32 nr_tables;

void ap_page_fill(void) {}

bool ecam_usable(const struct boot_info *b) { return acpi_boot.ecam.base; }

void *early_alloc(u64 n, u64 align)
{
	void *p = aligned_alloc(align, n * PAGE_SIZE);

	assert_true(p && nr_tables < array_size(tables));
	tables[nr_tables++] = p;
	return memset(p, 0, n * PAGE_SIZE);
}

static int setup(void **state)
{
	static const struct boot_range ranges[] = {
		{ PAGE_SIZE, 0x9E000, BOOT_MEM_FREE, false },
		{ MIB, 31 * MIB, BOOT_MEM_FREE, false },
		{ 32 * MIB, 2 * MIB, BOOT_MEM_HV, false },
		{ 34 * MIB, 64 * PAGE_SIZE, BOOT_MEM_RUNTIME, false },
		{ 35 * MIB, 64 * PAGE_SIZE, BOOT_MEM_ACPI, false },
		{ 36 * MIB, 64 * PAGE_SIZE, BOOT_MEM_OTHER, false },
	};

	memcpy(bi.ranges, ranges, sizeof(ranges));
	bi.nr_ranges = array_size(ranges);
	boot_own.stacks = STACKS;
	boot_own.ap_page = AP_PAGE;
	acpi_boot.nr_cpus = 2;
	acpi.lapic_addr = LAPIC;
	acpi_boot.nr_ioapics = 1;
	acpi_boot.ioapics[0].addr = IOAPIC;
	return 0;
}

static int teardown(void **state)
{
	while (nr_tables)
		free(tables[--nr_tables]);
	return 0;
}

/* Of P, W, PCD and NX: what a page has. */
static u64 at(u64 cr3, u64 addr)
{
	struct pagetable pt = { .root = (u64 *)cr3, .levels = 4 };
	u64 size, *e = pt_find(&pt, addr, &size);

	return e ? *e & (PTE_P | PTE_W | PTE_PCD | PTE_NX) : 0;
}

#define RO (PTE_P | PTE_NX)
#define RX PTE_P
#define RW (PTE_P | PTE_W | PTE_NX)

static void each_kind_of_memory(void **state)
{
	u64 cr3 = paging_build(&bi, false);

	assert_int_equal(at(cr3, 0), 0);
	assert_int_equal(at(cr3, PAGE_SIZE), RW);
	assert_int_equal(at(cr3, 20 * MIB), RW);
	assert_int_equal(at(cr3, 33 * MIB), RW);
	assert_int_equal(at(cr3, 34 * MIB), RO);
	assert_int_equal(at(cr3, 35 * MIB), RO);
	assert_int_equal(at(cr3, 36 * MIB), 0);
	assert_int_equal(at(cr3, 40 * MIB), 0);
	assert_int_equal(at(cr3, AP_PAGE), RX);
	assert_int_equal(at(cr3, LAPIC), RW | PTE_PCD);
	assert_int_equal(at(cr3, IOAPIC), RW | PTE_PCD);
}

static void configuration_space_of_devices(void **state)
{
	u64 cr3;

	acpi_boot.ecam = (struct pci_ecam){ 0xB0000000, 1, 2 };
	cr3 = paging_build(&bi, false);
	assert_int_equal(at(cr3, 0xB00FF000), 0);
	assert_int_equal(at(cr3, 0xB0100000), RW | PTE_PCD);
	assert_int_equal(at(cr3, 0xB02FF000), RW | PTE_PCD);
	assert_int_equal(at(cr3, 0xB0300000), 0);
	acpi_boot.ecam.base = 0;
}

static void the_image_by_its_sections(void **state)
{
	u64 cr3 = paging_build(&bi, false);

	assert_int_equal(at(cr3, (u64)ImageBase), RO);
	assert_int_equal(at(cr3, (u64)hv_text_start), RX);
	assert_int_equal(at(cr3, (u64)hv_rodata_start), RO);
	assert_int_equal(at(cr3, (u64)hv_data_start), RW);
}

static void each_stack_has_a_guard_page(void **state)
{
	u64 cr3 = paging_build(&bi, false);

	for (u64 s = 0; s < 2 * CPU_STACKS; s++) {
		u64 stack = STACKS + s * HV_STACK_SIZE;

		assert_int_equal(at(cr3, stack), 0);
		for (u64 o = PAGE_SIZE; o < HV_STACK_SIZE; o += PAGE_SIZE)
			assert_int_equal(at(cr3, stack + o), RW);
	}
	assert_int_equal(at(cr3, STACKS + 2 * CPU_STACKS * HV_STACK_SIZE), RW);
}

/* For the call of ResetSystem; tables of ACPI stay as they are. */
static void runtime_memory_can_be_run(void **state)
{
	u64 cr3 = paging_build(&bi, true);

	assert_int_equal(at(cr3, 34 * MIB), PTE_P | PTE_W);
	assert_int_equal(at(cr3, 35 * MIB), RO);
	assert_int_equal(at(cr3, 36 * MIB), 0);
}

static void a_device_is_added(void **state)
{
	boot_own.cr3 = paging_build(&bi, false);
	paging_add_device(0xFEBF1234);
	assert_int_equal(at(boot_own.cr3, 0xFEBF1000), RW | PTE_PCD);
	assert_int_equal(at(boot_own.cr3, 0xFEBF0000), 0);
	assert_int_equal(at(boot_own.cr3, 0xFEBF2000), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_kind_of_memory),	      T(configuration_space_of_devices),
		T(the_image_by_its_sections), T(each_stack_has_a_guard_page),
		T(runtime_memory_can_be_run), T(a_device_is_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
