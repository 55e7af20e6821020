/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the ACPI tables that matter here; believes none of their lengths. */
#include "boot/acpi.h"
#include "boot/string.h"

#define SDT_HEADER 36u
#define SDT_MAX (4u << 20)
#define RSDP_V1 20u
#define RSDP_V2 36u
#define MADT_ENTRIES 44u
#define MADT_LAPIC 0
#define MADT_IOAPIC 1
#define MADT_OVERRIDE 2
#define MADT_LAPIC_ADDR 5
#define MADT_X2APIC 9
#define MADT_ENABLED 1u
#define XAPIC_ID_MAX 254u
#define FADT_DSDT 40u
#define FADT_PM1A 64u
#define FADT_PM1B 68u
#define FADT_PM_TIMER 76u
#define FADT_X_DSDT 140u
#define FADT_X_PM1A 172u
#define FADT_X_PM_TIMER 208u
#define MCFG_ENTRIES 44u /* PCI Firmware 3.0, 4.1.2 */
#define MCFG_ENTRY 16u
#define SLP_EN (1u << 13)
#define SLP_TYP_SHIFT 10
#define AML_NAME 0x08
#define AML_PACKAGE 0x12

struct acpi_boot acpi_boot;
static const struct boot_info *known; /* where tables may lie */

/* Unaligned little-endian fields. */
static u64 field(const u8 *p, u32 bytes)
{
	u64 v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static bool sum_is_zero(const u8 *p, u64 n)
{
	u8 sum = 0;

	while (n--)
		sum = (u8)(sum + *p++);
	return !sum;
}

/* A table whose header and body are readable and whose sum is right. */
static const u8 *table_at(u64 addr, u32 *len)
{
	const u8 *t = (const u8 *)(uintptr_t)addr;

	if (!boot_known(known, addr, SDT_HEADER))
		return NULL;
	*len = (u32)field(t + 4, 4);
	if (*len < SDT_HEADER || *len > SDT_MAX ||
	    !boot_known(known, addr, *len) || !sum_is_zero(t, *len))
		return NULL;
	return t;
}

static void madt_override(const u8 *e)
{
	struct acpi_override *o;
	u16 flags = (u16)field(e + 8, 2);

	if (acpi_boot.nr_overrides == ACPI_MAX_OVERRIDES)
		return;
	o = &acpi_boot.overrides[acpi_boot.nr_overrides++];
	o->isa_irq = e[3];
	o->gsi = (u32)field(e + 4, 4);
	o->active_low = (flags & 3) == 3;
	o->level = (flags >> 2 & 3) == 3;
}

static void madt_cpu(u32 id, u32 flags)
{
	if (!(flags & MADT_ENABLED) || acpi_boot.nr_cpus == CPU_MAX ||
	    (id > XAPIC_ID_MAX && !cpu_feat.x2apic))
		return;
	acpi_boot.apic_ids[acpi_boot.nr_cpus++] = id;
}

static void madt_ioapic(const u8 *e)
{
	if (acpi_boot.nr_ioapics == ACPI_MAX_IOAPICS)
		return;
	acpi_boot.ioapics[acpi_boot.nr_ioapics].id = e[2];
	acpi_boot.ioapics[acpi_boot.nr_ioapics].addr = field(e + 4, 4);
	acpi_boot.ioapics[acpi_boot.nr_ioapics++].gsi_base =
		(u32)field(e + 8, 4);
}

static void madt_entry(const u8 *e, u32 len)
{
	if (e[0] == MADT_LAPIC && len >= 8)
		madt_cpu(e[3], (u32)field(e + 4, 4));
	else if (e[0] == MADT_X2APIC && len >= 16)
		madt_cpu((u32)field(e + 4, 4), (u32)field(e + 8, 4));
	else if (e[0] == MADT_IOAPIC && len >= 12)
		madt_ioapic(e);
	else if (e[0] == MADT_OVERRIDE && len >= 10)
		madt_override(e);
	else if (e[0] == MADT_LAPIC_ADDR && len >= 12)
		acpi.lapic_addr = field(e + 4, 8);
}

static const char *parse_madt(const u8 *t, u32 len)
{
	u32 at = MADT_ENTRIES;

	if (len < MADT_ENTRIES)
		return "ACPI: MADT too short";
	acpi.lapic_addr = field(t + 36, 4);
	while (at + 2 <= len) {
		u32 n = t[at + 1];

		if (n < 2 || at + n > len)
			return "ACPI: MADT entry of bad length";
		madt_entry(t + at, n);
		at += n;
	}
	return NULL;
}

/* One element of \_S5's package; -1 if it is not a constant. */
static int aml_byte(const u8 **p, const u8 *end)
{
	const u8 *b = *p;

	if (b < end && *b <= 1) {
		*p = b + 1;
		return *b;
	}
	if (b + 1 < end && *b == 0x0A) { /* BytePrefix */
		*p = b + 2;
		return b[1];
	}
	return -1;
}

/* Name (_S5, Package () { a, b, ... }), AML of ACPI 6.4, 20.2. */
static void parse_s5(const u8 *p, const u8 *end)
{
	int a, b;

	if (p + 3 > end || *p++ != AML_PACKAGE)
		return;
	p += 1 + (*p >> 6) + 1; /* PkgLength, NumElements */
	a = aml_byte(&p, end);
	b = a < 0 ? -1 : aml_byte(&p, end);
	if (a < 0)
		return;
	acpi.off[0].value = (u16)(a << SLP_TYP_SHIFT | SLP_EN);
	acpi.off[1].value = (u16)((b < 0 ? a : b) << SLP_TYP_SHIFT | SLP_EN);
}

static void scan_aml(u64 addr)
{
	const u8 *t, *p, *end;
	u32 len;

	t = table_at(addr, &len);
	if (!t)
		return;
	end = t + len;
	for (p = t + SDT_HEADER; p + 4 < end && !acpi.off[0].value; p++)
		if (*p == '_' && !memcmp(p, "_S5_", 4) &&
		    (p[-1] == AML_NAME || p[-1] == '\\'))
			parse_s5(p + 4, end);
}

/* A port from a 32-bit field, or from the generic address that replaces it. */
static u16 fadt_port(const u8 *t, u32 len, u32 at, u32 x_at)
{
	u64 v = at + 4 <= len ? field(t + at, 4) : 0;

	if (!v && x_at + 12 <= len && t[x_at] == 1) /* system I/O space */
		v = field(t + x_at + 4, 8);
	return v < 0x10000 ? (u16)v : 0;
}

static void parse_fadt(const u8 *t, u32 len)
{
	u64 dsdt = len >= FADT_X_DSDT + 8 ? field(t + FADT_X_DSDT, 8) : 0;

	acpi.off[0].port = fadt_port(t, len, FADT_PM1A, FADT_X_PM1A);
	acpi.off[1].port = fadt_port(t, len, FADT_PM1B, FADT_X_PM1A + 12);
	acpi_boot.pm_timer = fadt_port(t, len, FADT_PM_TIMER, FADT_X_PM_TIMER);
	if (!dsdt && len >= FADT_DSDT + 4)
		dsdt = field(t + FADT_DSDT, 4);
	if (dsdt)
		scan_aml(dsdt);
}

/* The window of the first segment; another one has no ports either. */
static void parse_mcfg(const u8 *t, u32 len)
{
	struct pci_ecam *e = &acpi_boot.ecam;

	for (u32 at = MCFG_ENTRIES; at + MCFG_ENTRY <= len; at += MCFG_ENTRY) {
		if (field(t + at + 8, 2) || e->base)
			continue;
		e->base = field(t + at, 8);
		e->first = t[at + 10];
		e->last = t[at + 11];
	}
}

static const char *parse_table(u64 addr, bool *madt)
{
	u32 len;
	const u8 *t = table_at(addr, &len);

	if (!t)
		return NULL; /* a bad table is as good as none */
	if (!memcmp(t, "APIC", 4)) {
		*madt = true;
		return parse_madt(t, len);
	}
	if (!memcmp(t, "FACP", 4))
		parse_fadt(t, len);
	else if (!memcmp(t, "MCFG", 4))
		parse_mcfg(t, len);
	else if (!memcmp(t, "SSDT", 4) && !acpi.off[0].value)
		scan_aml(addr);
	else if (!memcmp(t, "DMAR", 4) || !memcmp(t, "IVRS", 4))
		iommu_parse(known, t, len, &acpi_boot.iommu);
	return NULL;
}

/* The XSDT, or the RSDT of an old RSDP. */
static const u8 *root_table(u64 rsdp, u32 *len, u32 *entry)
{
	const u8 *r = (const u8 *)(uintptr_t)rsdp, *t = NULL;

	if (!boot_known(known, rsdp, RSDP_V1) || memcmp(r, "RSD PTR ", 8) ||
	    !sum_is_zero(r, RSDP_V1))
		return NULL;
	*entry = 8;
	if (r[15] >= 2 && boot_known(known, rsdp, RSDP_V2) &&
	    sum_is_zero(r, RSDP_V2) && field(r + 24, 8))
		t = table_at(field(r + 24, 8), len);
	if (!t) {
		*entry = 4;
		t = table_at(field(r + 16, 4), len);
	}
	return t;
}

/* The boot CPU is there, whatever the MADT says. */
static void put_first(u32 self)
{
	u32 i = 0;

	while (i < acpi_boot.nr_cpus && acpi_boot.apic_ids[i] != self)
		i++;
	if (i == CPU_MAX)
		i--;
	if (i == acpi_boot.nr_cpus)
		acpi_boot.nr_cpus++;
	acpi_boot.apic_ids[i] = acpi_boot.apic_ids[0];
	acpi_boot.apic_ids[0] = self;
}

const char *acpi_read(const struct boot_info *bi, u64 rsdp, u32 self)
{
	const char *err = NULL;
	const u8 *root;
	u32 len, entry;
	bool madt = false;

	known = bi;
	memset(&acpi, 0, sizeof(acpi));
	memset(&acpi_boot, 0, sizeof(acpi_boot));
	if (!rsdp)
		return "ACPI: no RSDP";
	root = root_table(rsdp, &len, &entry);
	if (!root)
		return "ACPI: RSDP or its root table is damaged";
	for (u32 at = SDT_HEADER; !err && at + entry <= len; at += entry)
		err = parse_table(field(root + at, entry), &madt);
	if (!err && !madt)
		err = "ACPI: no MADT";
	if (!err && !acpi_boot.nr_cpus)
		err = "ACPI: MADT lists no CPU";
	put_first(self);
	return err;
}
