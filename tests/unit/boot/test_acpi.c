/* SPDX-License-Identifier: BSD-2-Clause */
/* The ACPI reader on good, damaged and hostile tables. Each table lies in a
 * buffer of exactly its length, so that a read beyond it is caught. */
/* TEST-SRC: hv/boot/acpi.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/acpi.h"

#define MAX_TABLES 16

static struct {
	u8 *at;
	u32 size;
} tables[MAX_TABLES];
static u32 nr_tables;

/* The memory of this machine is its tables. */
bool boot_known(const struct boot_info *bi, u64 start, u64 size)
{
	for (u32 i = 0; i < nr_tables; i++) {
		u64 at = (u64)(uintptr_t)tables[i].at;

		if (start >= at &&
		    range_within(start - at, size, tables[i].size))
			return true;
	}
	return false;
}

void iommu_parse(const struct boot_info *bi, const u8 *t, u32 len,
		 struct iommu_found *f)
{
	assert_int_equal(len, 36);
	f->kind = t[0] == 'D' ? IOMMU_VTD : IOMMU_AMDVI;
}

struct acpi_info acpi;
struct cpu_features cpu_feat = { .x2apic = true };

static u8 *new_block(u32 size)
{
	u8 *p = calloc(1, size);

	tables[nr_tables].at = p;
	tables[nr_tables++].size = size;
	return p;
}

static int drop(void **state)
{
	while (nr_tables)
		free(tables[--nr_tables].at);
	return 0;
}

static void put(u8 *p, u32 bytes, u64 v)
{
	for (; bytes--; v >>= 8)
		*p++ = (u8)v;
}

static void fix_sum(u8 *p, u32 len, u32 sum_at)
{
	u8 sum = 0;

	p[sum_at] = 0;
	for (u32 i = 0; i < len; i++)
		sum = (u8)(sum + p[i]);
	p[sum_at] = (u8)-sum;
}

static u8 *new_table(const char *sig, const void *body, u32 len)
{
	u8 *t = new_block(36 + len);

	memcpy(t, sig, 4);
	put(t + 4, 4, 36 + len);
	memcpy(t + 36, body, len);
	fix_sum(t, 36 + len, 9);
	return t;
}

static void seal(u8 *t)
{
	u32 len = (u32)(t[4] | t[5] << 8);

	fix_sum(t, len, 9);
}

static u64 new_rsdp(u8 **list, u32 n)
{
	u8 body[8 * MAX_TABLES], *x, *r;

	for (u32 i = 0; i < n; i++)
		put(body + 8 * i, 8, (u64)(uintptr_t)list[i]);
	x = new_table("XSDT", body, 8 * n);
	r = new_block(36);
	memcpy(r, "RSD PTR ", 8);
	r[15] = 2;
	put(r + 20, 4, 36);
	put(r + 24, 8, (u64)(uintptr_t)x);
	fix_sum(r, 20, 8);
	fix_sum(r, 36, 32);
	return (u64)(uintptr_t)r;
}

/* clang-format off */
static const u8 madt_body[] = {
	0, 0, 0xe0, 0xfe, 1, 0, 0, 0,			    /* LAPIC, flags */
	0, 8, 0, 0, 1, 0, 0, 0,				    /* CPU 0 */
	0, 8, 1, 5, 1, 0, 0, 0,				    /* CPU 5 */
	0, 8, 2, 6, 0, 0, 0, 0,				    /* disabled */
	9, 16, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0,    /* x2APIC 256 */
	1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0,	    /* I/O APIC */
	2, 10, 0, 0, 2, 0, 0, 0, 0, 0,			    /* IRQ 0 -> 2 */
	2, 10, 0, 9, 9, 0, 0, 0, 0xf, 0,		    /* 9: level, low */
	4, 6, 0xff, 0, 0, 1,				    /* NMI */
};

static const u8 dsdt_body[] = {
	0x5b, 0x80, 'X', 'X', 'X', 'X',	    /* something else */
	0x08, '_',  'S', '5', '_',	    /* Name (_S5_, */
	0x12, 0x08, 4,	 0x0a, 5, 1, 0, 0,  /* Package {5, 1, 0, 0}) */
};
/* clang-format on */

static u8 *new_fadt(const u8 *dsdt)
{
	u8 body[244 - 36] = { 0 };

	put(body + 64 - 36, 4, 0xb004);
	put(body + 76 - 36, 4, 0xb008);
	put(body + 140 - 36, 8, (u64)(uintptr_t)dsdt);
	return new_table("FACP", body, sizeof(body));
}

/* clang-format off */
static const u8 mcfg_body[] = {
	0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0xa0, 0, 0, 0, 0,  1, 0, 0, 0xff,  0, 0, 0, 0, /* segment 1 */
	0, 0, 0, 0xb0, 0, 0, 0, 0,  0, 0, 2, 0x7f,  0, 0, 0, 0,
	0, 0, 0, 0xc0, 0, 0, 0, 0,  0, 0, 0, 0xff,  0, 0, 0, 0, /* twice */
	0, 0, 0, 0xd0, 0, 0, 0, 0,			    /* is cut */
};
/* clang-format on */

static u64 good_machine(u8 **madt, u8 **dsdt, u8 **fadt)
{
	u8 *list[4];

	*madt = new_table("APIC", madt_body, sizeof(madt_body));
	*dsdt = new_table("DSDT", dsdt_body, sizeof(dsdt_body));
	*fadt = new_fadt(*dsdt);
	list[0] = *madt;
	list[1] = *fadt;
	list[2] = new_table("DMAR", "", 0);
	list[3] = new_table("MCFG", mcfg_body, sizeof(mcfg_body));
	return new_rsdp(list, 4);
}

static void test_good(void **state)
{
	u8 *madt, *dsdt, *fadt;

	assert_null(acpi_read(NULL, good_machine(&madt, &dsdt, &fadt), 5));
	assert_int_equal(acpi_boot.nr_cpus, 3);
	assert_int_equal(acpi_boot.apic_ids[0], 5);
	assert_int_equal(acpi_boot.apic_ids[1], 0);
	assert_int_equal(acpi_boot.apic_ids[2], 256);
	assert_int_equal(acpi.lapic_addr, 0xfee00000);
	assert_int_equal(acpi_boot.nr_ioapics, 1);
	assert_int_equal(acpi_boot.ioapics[0].addr, 0xfec00000);
	assert_int_equal(acpi_boot.nr_overrides, 2);
	assert_int_equal(acpi_boot.overrides[0].gsi, 2);
	assert_false(acpi_boot.overrides[0].level);
	assert_true(acpi_boot.overrides[1].level &&
		    acpi_boot.overrides[1].active_low);
	assert_int_equal(acpi.off[0].port, 0xb004);
	assert_int_equal(acpi_boot.pm_timer, 0xb008);
	assert_int_equal(acpi.off[0].value, 5 << 10 | 1 << 13);
	assert_int_equal(acpi.off[1].value, 1 << 10 | 1 << 13);
	assert_int_equal(acpi_boot.iommu.kind, IOMMU_VTD);
	assert_int_equal(acpi_boot.ecam.base, 0xb0000000);
	assert_int_equal(acpi_boot.ecam.first, 2);
	assert_int_equal(acpi_boot.ecam.last, 0x7f);
}

static void test_no_or_bad_root(void **state)
{
	u8 *madt, *dsdt, *fadt, *r;
	u64 rsdp = good_machine(&madt, &dsdt, &fadt);

	assert_non_null(acpi_read(NULL, 0, 5));
	assert_non_null(acpi_read(NULL, 0x123456, 5));
	r = (u8 *)(uintptr_t)rsdp;
	r[0]++;
	assert_non_null(acpi_read(NULL, rsdp, 5));
	r[0]--;
	put(r + 24, 8, 0xFFFFFFFFFFFFFFF0);
	fix_sum(r, 36, 32);
	assert_non_null(acpi_read(NULL, rsdp, 5));
}

static void test_bad_madt_sum(void **state)
{
	u8 *madt, *dsdt, *fadt;
	u64 rsdp = good_machine(&madt, &dsdt, &fadt);

	madt[40]++;
	assert_string_equal(acpi_read(NULL, rsdp, 5), "ACPI: no MADT");
}

static void test_madt_lengths(void **state)
{
	u8 *madt, *dsdt, *fadt;
	u64 rsdp = good_machine(&madt, &dsdt, &fadt);

	madt[45] = 0; /* would loop for ever */
	seal(madt);
	assert_non_null(acpi_read(NULL, rsdp, 5));
	madt[45] = 255; /* ends outside */
	seal(madt);
	assert_non_null(acpi_read(NULL, rsdp, 5));
	put(madt + 4, 4, 0xFFFFFFFF);
	assert_non_null(acpi_read(NULL, rsdp, 5));
	put(madt + 4, 4, 8);
	assert_non_null(acpi_read(NULL, rsdp, 5));
}

static void test_cut_s5(void **state)
{
	u8 *madt, *dsdt, *fadt;
	u64 rsdp = good_machine(&madt, &dsdt, &fadt);

	dsdt[36 + 12] = 0xC0; /* PkgLength of four bytes: runs to the end */
	seal(dsdt);
	assert_null(acpi_read(NULL, rsdp, 5));
	dsdt[36 + 11] = 0x77; /* no package */
	seal(dsdt);
	assert_null(acpi_read(NULL, rsdp, 5));
	assert_int_equal(acpi.off[0].value, 0);
}

static void test_many_entries(void **state)
{
	u8 body[8 + 8 * 200] = { 0 }, *list[1];

	for (u32 i = 0; i < 200; i++) {
		u8 *e = body + 8 + 8 * i;

		e[1] = 8;
		e[3] = (u8)i;
		e[4] = 1;
	}
	list[0] = new_table("APIC", body, sizeof(body));
	assert_null(acpi_read(NULL, new_rsdp(list, 1), 5));
	assert_int_equal(acpi_boot.nr_cpus, CPU_MAX);
}

/* Random bytes in every table, checksums put right again. */
static void test_random_damage(void **state)
{
	srand(1);
	for (u32 round = 0; round < 20000; round++) {
		u8 *madt, *dsdt, *fadt;
		u64 rsdp = good_machine(&madt, &dsdt, &fadt);

		for (u32 hits = 1 + (u32)rand() % 6; hits; hits--) {
			u32 t = (u32)rand() % nr_tables;
			u32 at = (u32)rand() % tables[t].size;

			tables[t].at[at] = (u8)rand();
			if (tables[t].at == (u8 *)(uintptr_t)rsdp) {
				fix_sum(tables[t].at, 20, 8);
				fix_sum(tables[t].at, 36, 32);
			} else {
				fix_sum(tables[t].at, tables[t].size, 9);
			}
		}
		acpi_read(NULL, rsdp, 5);
		assert_true(acpi_boot.nr_cpus <= CPU_MAX);
		assert_true(acpi_boot.nr_ioapics <= ACPI_MAX_IOAPICS);
		assert_true(acpi_boot.nr_overrides <= ACPI_MAX_OVERRIDES);
		drop(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_good, drop),
		cmocka_unit_test_teardown(test_no_or_bad_root, drop),
		cmocka_unit_test_teardown(test_bad_madt_sum, drop),
		cmocka_unit_test_teardown(test_madt_lengths, drop),
		cmocka_unit_test_teardown(test_cut_s5, drop),
		cmocka_unit_test_teardown(test_many_entries, drop),
		cmocka_unit_test_teardown(test_random_damage, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
