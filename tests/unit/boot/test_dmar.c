/* SPDX-License-Identifier: BSD-2-Clause */
/* DMAR and IVRS: good ones, damaged ones, any bytes. Each lies in a buffer of
 * exactly its length, so that a read beyond it is caught. */
/* TEST-SRC: hv/boot/dmar.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/acpi.h"

struct cpu_features cpu_feat = { .phys_bits = 40 };
static struct boot_info bi;
static struct iommu_found f;

static void parse(const u8 *t, u32 len)
{
	u8 *copy = malloc(len);

	memcpy(copy, t, len);
	iommu_parse(&bi, copy, len, &f);
	free(copy);
}

/* clang-format off */
static const u8 dmar[] = {
	'D', 'M', 'A', 'R', [36] = 38, 3,
	/* an I/O APIC 2 at f0:1f.7, one behind a bridge, a function */
	[48] = 0, 0, 48, 0, 1, 0, 0, 0, 0, 0, 0xd9, 0xfe, 0, 0, 0, 0,
	3, 8, 0, 0, 2, 0xf0, 0x1f, 7,
	3, 10, 0, 0, 3, 0, 1, 0, 2, 0,
	1, 8, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
	[96] = 1, 0, 24, 0, /* an RMRR */
	[120] = 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0xda, 0xfe, 0, 0, 0, 0,
};
/* clang-format on */

/* clang-format off */
static const u8 ivrs[] = {
	'I', 'V', 'R', 'S', [48] =
	/* its function 00:00.2, capability 40, two kinds of entries */
	0x10, 0x4b, 48, 0, 2, 0, 0x40, 0, 0, 0, 0xd8, 0xfe, 0, 0, 0, 0,
	[72] = 2, 0, 0, 0, 72, 0, 0, 0, 5, 0xa0, 0, 1,
	72, 0, 0, 0, 6, 0xa1, 0, 2, /* an HPET */
	[96] = 0x20, 0, 32, 0, /* an IVMD */
	[128] = 0x40, 0, 66, 0, 2, 0, 0x40, 0, 0, 0, 0xd8, 0xfe, 0, 0, 0, 0,
	[168] = 240, [189] = 4, 0, 0, 0, 0,
};
/* clang-format on */

static int setup(void **state)
{
	memset(&f, 0xff, sizeof(f));
	bi.nr_ranges = 1;
	bi.ranges[0] = (struct boot_range){ .start = 1 << 20,
					    .size = 1 << 30,
					    .type = BOOT_MEM_FREE };
	return 0;
}

static void units_of_a_dmar(void **state)
{
	parse(dmar, sizeof(dmar));
	assert_null(f.wrong);
	assert_int_equal(f.kind, IOMMU_VTD);
	assert_false(f.no_intr);
	assert_true(f.no_x2apic);
	assert_int_equal(f.nr, 2);
	assert_int_equal(f.unit[0].regs, 0xfed90000);
	assert_int_equal(f.unit[0].segment, 0);
	assert_int_equal(f.unit[1].regs, 0xfeda0000);
	assert_int_equal(f.unit[1].segment, 1);
	assert_int_equal(f.nr_ioapics, 1);
	assert_int_equal(f.ioapic[0].id, 2);
	assert_int_equal(f.ioapic[0].bdf, 0xf0ff);
}

static void damaged(u32 at, u8 value, u32 len)
{
	u8 t[sizeof(dmar)];

	memcpy(t, dmar, sizeof(t));
	t[at] = value;
	parse(t, len);
	assert_non_null(f.wrong);
}

static void odd_ones_are_not_used(void **state)
{
	damaged(0, 'D', 40);		   /* ends in its header */
	damaged(0, 'D', 48);		   /* names none */
	damaged(0, 'D', sizeof(dmar) - 1); /* the last one is cut off */
	damaged(50, 0, sizeof(dmar));	   /* a length of 0 */
	damaged(50, 15, sizeof(dmar));	   /* too short for what it is */
	damaged(56, 1, sizeof(dmar));	   /* registers within a page */
	damaged(61, 4, sizeof(dmar));	   /* beyond 40 bits */
	bi.ranges[0].size = 0xfed94000 - (1 << 20); /* in memory */
	damaged(0, 'D', sizeof(dmar));
}

static void units_of_an_ivrs(void **state)
{
	u8 t[sizeof(ivrs)];

	parse(ivrs, sizeof(ivrs));
	assert_null(f.wrong);
	assert_int_equal(f.kind, IOMMU_AMDVI);
	assert_int_equal(f.nr, 1); /* named twice */
	assert_int_equal(f.unit[0].regs, 0xfed80000);
	assert_int_equal(f.unit[0].bdf, 2);
	assert_int_equal(f.unit[0].cap, 0x40);
	assert_int_equal(f.unit[0].flags, 0x4b);
	assert_int_equal(f.nr_ioapics, 1);
	assert_int_equal(f.ioapic[0].id, 5);
	assert_int_equal(f.ioapic[0].bdf, 0xa0);
	memcpy(t, ivrs, sizeof(t));
	t[189] = 5; /* an entry is longer than what it is in */
	parse(t, sizeof(t));
	assert_non_null(f.wrong);
}

static void too_many_are_not_used(void **state)
{
	u8 t[48 + 16 * (IOMMU_MAX + 1)] = { 'D' };

	for (u32 at = 48; at < sizeof(t); at += 16)
		memcpy(t + at, dmar + 120, 16);
	parse(t, sizeof(t) - 16);
	assert_null(f.wrong);
	assert_int_equal(f.nr, IOMMU_MAX);
	parse(t, sizeof(t));
	assert_non_null(f.wrong);
}

/* Whatever is in them: nothing is read beyond, no table overflows. */
static void any_bytes(void **state)
{
	srand(1);
	for (u32 n = 0; n < 20000; n++) {
		u8 t[300];
		u32 len = 36 + (u32)rand() % (sizeof(t) - 36);

		for (u32 i = 0; i < len; i++)
			t[i] = (u8)(rand() % 3 ? rand() % 50 : rand());
		t[0] = n & 1 ? 'D' : 'I';
		parse(t, len);
		assert_true(f.nr <= IOMMU_MAX &&
			    f.nr_ioapics <= ACPI_MAX_IOAPICS);
	}
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(units_of_a_dmar),
		T(units_of_an_ivrs),
		T(odd_ones_are_not_used),
		T(too_many_are_not_used),
		T(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
