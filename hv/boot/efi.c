/* SPDX-License-Identifier: BSD-2-Clause */
/* The UEFI application's entry: gathers, leaves boot services, hands over. */
#include "boot/acpi.h"
#include "boot/boot.h"
#include "boot/early.h"
#include "boot/host.h"
#include "boot/machine.h"
#include "boot/utc.h"
#include "boot/vulns.h"
#include "lib/lapic.h"
#include "lib/log.h"
#include "lib/power.h"
#include "boot/string.h"
#include "version.h"

#define AP_PAGES 2
#define AP_LIMIT 0x9FFFFull
#define CPU_STACK_PAGES (CPU_STACKS * HV_STACK_SIZE / PAGE_SIZE)
#define MAP_SLACK 16 /* map entries that our own allocations may add */

#define linker_symbol __attribute__((visibility("hidden")))
extern char ImageBase[] linker_symbol;

EFI_HANDLE boot_self;
EFI_SYSTEM_TABLE *boot_st;
EFI_BOOT_SERVICES *boot_bs;

__attribute__((weak)) void boot_provoke(void) {}

/* The jump ends the emulator's trace, so that the count is exact. */
static u64 tsc_exact(void)
{
	u32 lo, hi;

	__asm__ volatile("jmp 1f; 1: rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

static void check_cpu(void)
{
	const char *lack = virt_caps_read();

	if (lack)
		boot_fail("%s", lack);
	if (!cpu_feat.nx)
		boot_fail("this CPU has no NX (execute-disable), or the "
			  "firmware has it switched off");
}

static u64 find_rsdp(void)
{
	EFI_GUID guid2 = ACPI_20_TABLE_GUID, guid1 = ACPI_TABLE_GUID;
	EFI_CONFIGURATION_TABLE *t = boot_st->ConfigurationTable;
	u64 old = 0;

	for (UINTN i = 0; i < boot_st->NumberOfTableEntries; i++) {
		if (!memcmp(&t[i].VendorGuid, &guid2, sizeof(guid2)))
			return (u64)t[i].VendorTable;
		if (!memcmp(&t[i].VendorGuid, &guid1, sizeof(guid1)))
			old = (u64)t[i].VendorTable;
	}
	return old;
}

static u64 alloc_ap_pages(void)
{
	EFI_PHYSICAL_ADDRESS at = AP_LIMIT;

	if (boot_bs->AllocatePages(AllocateMaxAddress, EfiLoaderData, AP_PAGES,
				   &at)) {
		say("parley: boot: no page below 1 MiB: only one CPU\n");
		return 0;
	}
	return at;
}

static void gather(void)
{
	u64 cpus = acpi_boot.nr_cpus;

	boot_own.stacks =
		(u64)boot_pages(cpus * CPU_STACK_PAGES, HV_STACK_SIZE);
	boot_own.cpu_pages = (u64)boot_pages(cpus * CPU_PAGES, PAGE_SIZE);
	msrs_allow(boot_pages(MSR_BITMAP_PAGES, PAGE_SIZE));
	boot_own.ap_page = cpus > 1 ? alloc_ap_pages() : 0;
	power_reset_system = (u64)boot_st->RuntimeServices->ResetSystem;
}

static void read_map(struct efi_map *map)
{
	UINT32 version;
	EFI_STATUS err;

	map->size = map->room;
	err = boot_bs->GetMemoryMap(&map->size,
				    (EFI_MEMORY_DESCRIPTOR *)map->buf,
				    &map->key, &map->stride, &version);
	if (err)
		boot_fail("no memory map (UEFI status 0x%lx)", (u64)err);
}

/* A buffer that does for every later reading, and what is in it now. */
static void first_map(struct efi_map *map)
{
	UINT32 version;

	boot_bs->GetMemoryMap(&map->room, NULL, &map->key, &map->stride,
			      &version);
	map->room += MAP_SLACK * map->stride;
	map->buf = boot_pages((map->room + PAGE_MASK) / PAGE_SIZE, PAGE_SIZE);
	read_map(map);
}

/* From the first ExitBootServices on, nothing but GetMemoryMap may be called
 * (UEFI 2.10, 7.4.6). Returns how many tries it took. */
static u32 leave_boot_services(struct efi_map *map)
{
	for (u32 tries = 1; tries <= 8; tries++) {
		read_map(map);
		boot_provoke();
		if (!boot_bs->ExitBootServices(boot_self, map->key))
			return tries;
	}
	boot_fail("UEFI does not let go (ExitBootServices)");
}

static void read_acpi(struct boot_info *bi, struct efi_map *map)
{
	const char *wrong;

	boot_map_convert(bi, map);
	wrong = acpi_read(bi, find_rsdp(), cpu_boot_id());
	if (wrong)
		boot_fail("%s", wrong);
}

static void banner(const struct boot_info *bi)
{
	u64 size = bi->host.size;

	for (u32 i = 0; i < bi->nr_ranges; i++)
		size += bi->ranges[i].type == BOOT_MEM_FREE ?
				bi->ranges[i].size :
				0;
	log("parley: Parley %s, commit %s\n", PARLEY_VERSION, PARLEY_COMMIT);
	log("parley: back end %s, CPU %s\n", svm_caps.present ? "SVM" : "VMX",
	    cpu_boot.brand);
	log("parley: memory %lu MiB, %lu MiB of them the host partition's\n",
	    size >> 20, bi->host.size >> 20);
	log("parley: %u CPU%s up, TSC %lu kHz\n", cpu_count,
	    cpu_count == 1 ? "" : "s", tsc_khz);
	log("parley: mitigations %s\n", boot_own.mitigations);
	ecam_say();
	iommu_say();
}

/* The machine is ours. */
static void take_over(struct boot_info *bi, struct efi_map *map, u32 tries)
{
	u32 lost;

	__asm__ volatile("cli; cld");
	uart_init();
	if (tries > 1)
		log("parley: boot: %u tries to leave the boot services\n",
		    tries);
	lost = boot_map_convert(bi, map);
	if (lost)
		log("parley: boot: %u memory ranges not used\n", lost);
	early_init(bi);
	paging_init(bi);
	irq_lines_mask();
	lapic_on();
	clock_measure();
}

/* What is left to do on the hypervisor's own stack and tables. */
static noreturn_fn void finish(struct boot_info *bi)
{
	cpu_take(cpu_make(cpu_count++, acpi_boot.apic_ids[0]));
	guest_cpu_choose();
	ecam_use(bi);
	pci_scan();
	iommu_setup(bi);
	acpi_lines_find();
	host_finish(bi);
	stops_find(&bi->host);
	cpus_start(bi);
	early_frames(bi);
	banner(bi);
	hv_main(bi);
}

static noreturn_fn void stack_switch(struct boot_info *bi)
{
	__asm__ volatile("mov %0, %%rsp; xor %%ebp, %%ebp; call *%1; ud2"
			 :
			 : "r"(boot_stack_top(0)), "r"(finish), "D"(bi)
			 : "memory");
	__builtin_unreachable();
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *st);

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *st)
{
	u64 tsc_entry = tsc_exact();
	struct efi_map map = { 0 };
	struct boot_info *bi;
	u32 tries;

	boot_self = self;
	boot_st = st;
	boot_bs = st->BootServices;
	boot_bs->SetWatchdogTimer(0, 0, 0, NULL);
	say_init();
	say("parley: boot: Parley %s (%s), image at 0x%lx\n", PARLEY_VERSION,
	    PARLEY_COMMIT, (u64)ImageBase);
	cpu_features_read();
	check_cpu();
	bi = boot_pages((sizeof(*bi) + PAGE_MASK) / PAGE_SIZE, PAGE_SIZE);
	bi->tsc_entry = tsc_entry;
	boot_load_modules();
	host_load(bi);
	utc_read();
	screen_find();
	vulns_report();
	first_map(&map);
	read_acpi(bi, &map);
	gather();
	tries = leave_boot_services(&map);
	bi->tsc_exit_bs = tsc_exact();
	take_over(bi, &map, tries);
	stack_switch(bi);
}
