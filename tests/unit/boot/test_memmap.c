/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of UEFI's memory map, however odd it is. */
/* TEST-SRC: hv/boot/memmap.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/boot.h"

#define STRIDE 48 /* larger than the structure, as firmware has it */
#define MAX 600
#define WORLD 64u /* pages of the random test */
#define NOBODY 99u

static u8 buf[MAX * STRIDE];
static struct efi_map map = { .buf = buf, .stride = STRIDE };
static struct boot_info bi;

static int setup(void **state)
{
	map.size = 0;
	return 0;
}

static void add(u32 type, u64 start, u64 pages)
{
	EFI_MEMORY_DESCRIPTOR d = { .Type = type,
				    .PhysicalStart = start,
				    .NumberOfPages = pages,
				    .Attribute = EFI_MEMORY_WB };

	memcpy(buf + map.size, &d, sizeof(d));
	map.size += STRIDE;
}

/* Type of the range that has a page; also: they are sorted, whole, apart. */
static u32 type_at(u64 at)
{
	u32 type = NOBODY;
	u64 end = 0;

	for (u32 i = 0; i < bi.nr_ranges; i++) {
		const struct boot_range *r = &bi.ranges[i];

		assert_true(r->start >= end && r->size);
		assert_false((r->start | r->size) & PAGE_MASK);
		end = r->start + r->size;
		if (at >= r->start && at < end)
			type = r->type;
	}
	return type;
}

static u32 convert(void) { return boot_map_convert(&bi, &map); }

static void each_type_is_told(void **state)
{
	static const u32 is[EfiPalCode + 1] = {
		[EfiReservedMemoryType] = BOOT_MEM_OTHER,
		[EfiLoaderCode] = BOOT_MEM_HV,
		[EfiLoaderData] = BOOT_MEM_HV,
		[EfiBootServicesCode] = BOOT_MEM_FREE,
		[EfiBootServicesData] = BOOT_MEM_FREE,
		[EfiConventionalMemory] = BOOT_MEM_FREE,
		[EfiRuntimeServicesCode] = BOOT_MEM_RUNTIME,
		[EfiRuntimeServicesData] = BOOT_MEM_RUNTIME,
		[EfiACPIReclaimMemory] = BOOT_MEM_ACPI,
		[EfiACPIMemoryNVS] = BOOT_MEM_ACPI,
		[EfiUnusableMemory] = BOOT_MEM_OTHER,
		[EfiMemoryMappedIO] = BOOT_MEM_OTHER,
		[EfiMemoryMappedIOPortSpace] = BOOT_MEM_OTHER,
		[EfiPalCode] = BOOT_MEM_OTHER,
	};

	for (u32 t = 0; t <= EfiPalCode; t++)
		add(t, (t + 1) * PAGE_SIZE * 4, 2);
	add(EfiPalCode + 1, 0x1000000, 1);
	add(0x80000001, 0x2000000, 1); /* of the firmware's own */
	assert_int_equal(convert(), 0);
	for (u32 t = 0; t <= EfiPalCode; t++)
		assert_int_equal(type_at((t + 1) * PAGE_SIZE * 4), is[t]);
	assert_int_equal(type_at(0x1000000), BOOT_MEM_OTHER);
	assert_int_equal(type_at(0x2000000), BOOT_MEM_OTHER);
	assert_int_equal(type_at(PAGE_SIZE), NOBODY);
}

static void uncached_memory_is_not_free(void **state)
{
	EFI_MEMORY_DESCRIPTOR *d = (void *)buf;

	add(EfiConventionalMemory, 0x100000, 4);
	d->Attribute = EFI_MEMORY_UC;
	convert();
	assert_int_equal(type_at(0x100000), BOOT_MEM_OTHER);
}

static void page_zero_is_nobodys(void **state)
{
	add(EfiConventionalMemory, 0, 16);
	convert();
	assert_int_equal(type_at(0), BOOT_MEM_OTHER);
	assert_int_equal(type_at(PAGE_SIZE), BOOT_MEM_FREE);
}

static void neighbours_merge_and_order_is_made(void **state)
{
	add(EfiConventionalMemory, 0x300000, 16);
	add(EfiConventionalMemory, 0x100000, 16);
	add(EfiConventionalMemory, 0x110000, 16);
	add(EfiBootServicesData, 0x120000, 16); /* stale: stays apart */
	convert();
	assert_int_equal(bi.nr_ranges, 3);
	assert_int_equal(bi.ranges[0].size, 32 * PAGE_SIZE);
	assert_false(bi.ranges[0].stale);
	assert_true(bi.ranges[1].stale);
	assert_int_equal(bi.ranges[2].start, 0x300000);
}

/* Whichever comes first, and however they lie. */
static void the_stricter_of_two_has_it(void **state)
{
	add(EfiConventionalMemory, 0x100000, 64);
	add(EfiRuntimeServicesData, 0x110000, 4);
	add(EfiACPIMemoryNVS, 0x13f000, 4); /* ends behind */
	add(EfiReservedMemoryType, 0xff000, 2);
	convert();
	assert_int_equal(type_at(0x100000), BOOT_MEM_OTHER);
	assert_int_equal(type_at(0x101000), BOOT_MEM_FREE);
	assert_int_equal(type_at(0x110000), BOOT_MEM_RUNTIME);
	assert_int_equal(type_at(0x113000), BOOT_MEM_RUNTIME);
	assert_int_equal(type_at(0x114000), BOOT_MEM_FREE);
	assert_int_equal(type_at(0x13f000), BOOT_MEM_ACPI);
	assert_int_equal(type_at(0x142000), BOOT_MEM_ACPI);
	assert_int_equal(type_at(0x143000), NOBODY);
}

static void what_wraps_is_not_free(void **state)
{
	add(EfiConventionalMemory, 0x100000, ~0ull);
	add(EfiConventionalMemory, 0x200000, (1ull << 52) + 1); /* x 4096: 1 */
	add(EfiConventionalMemory, ~0xFFFull, 4);
	add(EfiConventionalMemory, 0x300800, 4); /* no whole pages */
	convert();
	assert_int_equal(bi.nr_ranges, 0);
	add(EfiConventionalMemory, 0x400000, 16);
	add(EfiReservedMemoryType, 0x408000, ~0ull); /* takes all behind */
	add(EfiReservedMemoryType, 0x401800, 1);     /* and both of these */
	convert();
	assert_int_equal(type_at(0x400000), BOOT_MEM_FREE);
	assert_int_equal(type_at(0x401000), BOOT_MEM_OTHER);
	assert_int_equal(type_at(0x402000), BOOT_MEM_OTHER);
	assert_int_equal(type_at(0x403000), BOOT_MEM_FREE);
	assert_int_equal(type_at(0x408000), BOOT_MEM_OTHER);
	assert_int_equal(type_at(1ull << 40), BOOT_MEM_OTHER);
}

static void what_does_not_fit_is_counted(void **state)
{
	for (u32 i = 1; i <= 300; i++)
		add(EfiConventionalMemory, i * 0x10000ull, 1);
	assert_int_equal(convert(), 300 - (BOOT_MAX_RANGES - 1));
	assert_int_equal(bi.nr_ranges, BOOT_MAX_RANGES - 1);
	assert_int_equal(type_at(300 * 0x10000ull), NOBODY);
}

/* Against a map of pages: the strictest of the entries that have a page. */
static void any_map_like_its_pages(void **state)
{
	static const u32 types[] = { EfiConventionalMemory, EfiLoaderData,
				     EfiRuntimeServicesCode, EfiACPIMemoryNVS,
				     EfiReservedMemoryType };

	srand(1);
	for (u32 round = 0; round < 2000; round++) {
		u32 world[WORLD], n = (u32)rand() % 12;

		map.size = 0;
		for (u32 i = 0; i < WORLD; i++)
			world[i] = NOBODY;
		for (u32 i = 0; i < n; i++) {
			u32 kind = (u32)rand() % 5, at = (u32)rand() % WORLD;
			u32 len = (u32)rand() % (WORLD - at + 1);

			add(types[kind], at * PAGE_SIZE, len);
			for (u32 p = at; p < at + len; p++)
				if (world[p] == NOBODY || world[p] < kind)
					world[p] = p ? kind : BOOT_MEM_OTHER;
		}
		assert_int_equal(convert(), 0);
		for (u32 p = 0; p < WORLD; p++)
			assert_int_equal(type_at(p * PAGE_SIZE), world[p]);
	}
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_type_is_told),
		T(uncached_memory_is_not_free),
		T(page_zero_is_nobodys),
		T(neighbours_merge_and_order_is_made),
		T(the_stricter_of_two_has_it),
		T(what_wraps_is_not_free),
		T(what_does_not_fit_is_counted),
		T(any_map_like_its_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
