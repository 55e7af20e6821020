/* SPDX-License-Identifier: BSD-2-Clause */
/* The UEFI application's entry: gathers, leaves boot services, hands over. */
#include <cpuid.h>

#include "boot/boot.h"
#include "lib/log.h"
#include "lib/string.h"
#include "version.h"

#define AP_PAGES 2
#define AP_LIMIT 0x9FFFFull
#define MAP_SLACK 16 /* map entries that our own allocations may add */

#define HYGON_EBX 0x6f677948 /* "Hygo" */
#define CPUID_VMX (1u << 5)  /* leaf 1, ECX */
#define CPUID_SVM (1u << 2)  /* leaf 0x80000001, ECX */
#define CPUID_NX (1u << 20)  /* leaf 0x80000001, EDX */

#define linker_symbol __attribute__((visibility("hidden")))
extern char ImageBase[] linker_symbol, _end[] linker_symbol;
extern char hv_text_start[] linker_symbol, hv_text_end[] linker_symbol;
extern char hv_rodata_start[] linker_symbol, hv_rodata_end[] linker_symbol;
extern char hv_data_start[] linker_symbol, hv_data_end[] linker_symbol;

EFI_HANDLE boot_self;
EFI_SYSTEM_TABLE *boot_st;
EFI_BOOT_SERVICES *boot_bs;

__attribute__((weak)) const char *hv_probe(void)
{
	return NULL;
}

/* The jump ends the emulator's trace, so that the count is exact. */
static u64 tsc_exact(void)
{
	u32 lo, hi;

	__asm__ volatile("jmp 1f; 1: rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

static void check_cpu(void)
{
	u32 a, b, c, d, vendor, ext = 0;
	const char *lack;

	__cpuid(0, a, vendor, c, d);
	__cpuid(1, a, b, c, d);
	if (vendor == signature_AMD_ebx || vendor == HYGON_EBX) {
		__cpuid(0x80000001, a, b, ext, d);
		if (!(ext & CPUID_SVM))
			boot_fail("this AMD CPU has no SVM (or it is hidden: "
				  "in a virtual machine, allow nested SVM)");
	} else if (!(c & CPUID_VMX)) {
		boot_fail("this CPU has neither VMX nor SVM (or it is hidden: "
			  "in a virtual machine, allow nesting)");
	}
	__cpuid(0x80000001, a, b, ext, d);
	if (!(d & CPUID_NX))
		boot_fail("this CPU has no NX (execute-disable), or the "
			  "firmware has it switched off");
	lack = hv_probe();
	if (lack)
		boot_fail("%s", lack);
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

static u64 find_frame_buffer(void)
{
	EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
	EFI_GRAPHICS_OUTPUT_PROTOCOL *gop;
	void *p;

	if (boot_bs->LocateProtocol(&guid, NULL, &p))
		return 0;
	gop = p;
	return gop->Mode ? gop->Mode->FrameBufferBase : 0;
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

static void gather(struct boot_info *bi)
{
	bi->image = (struct boot_image){
		.base = (u64)ImageBase,
		.size = (u64)_end - (u64)ImageBase,
		.text = (u64)hv_text_start,
		.text_end = (u64)hv_text_end,
		.rodata = (u64)hv_rodata_start,
		.rodata_end = (u64)hv_rodata_end,
		.data = (u64)hv_data_start,
		.data_end = (u64)hv_data_end,
	};
	bi->rsdp = find_rsdp();
	bi->fb_base = find_frame_buffer();
	bi->ap_page = alloc_ap_pages();
	bi->system_table = (u64)boot_st;
	bi->reset_system = (u64)boot_st->RuntimeServices->ResetSystem;
}

/* From the first ExitBootServices on, nothing but GetMemoryMap may be called
 * (UEFI 2.10, 7.4.6), so the buffer has to do for every try. */
static void leave_boot_services(struct efi_map *map)
{
	UINTN room = 0;
	UINT32 version;
	EFI_STATUS err;

	boot_bs->GetMemoryMap(&room, NULL, &map->key, &map->stride, &version);
	room += MAP_SLACK * map->stride;
	map->buf = boot_pages((room + PAGE_MASK) / PAGE_SIZE, PAGE_SIZE);
	for (u32 tries = 0; tries < 8; tries++) {
		map->size = room;
		err = boot_bs->GetMemoryMap(&map->size,
					    (EFI_MEMORY_DESCRIPTOR *)map->buf,
					    &map->key, &map->stride, &version);
		if (err)
			boot_fail("no memory map (UEFI status 0x%lx)",
				  (u64)err);
		if (!boot_bs->ExitBootServices(boot_self, map->key))
			return;
	}
	boot_fail("UEFI does not let go (ExitBootServices)");
}

static noreturn_fn void enter_hv(struct boot_info *bi, u64 stack)
{
	__asm__ volatile("mov %0, %%rsp; xor %%ebp, %%ebp; call *%1; ud2"
			 :
			 : "r"(stack + BOOT_STACK_SIZE - 16), "r"(hv_main),
			   "D"(bi)
			 : "memory");
	__builtin_unreachable();
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *st);

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *st)
{
	u64 tsc_entry = tsc_exact(), stack;
	struct efi_map map = { 0 };
	struct boot_info *bi;
	u32 lost;

	boot_self = self;
	boot_st = st;
	boot_bs = st->BootServices;
	boot_bs->SetWatchdogTimer(0, 0, 0, NULL);
	say_init();
	say("parley: boot: Parley %s (%s)\n", PARLEY_VERSION, PARLEY_COMMIT);
	check_cpu();
	bi = boot_pages((sizeof(*bi) + PAGE_MASK) / PAGE_SIZE, PAGE_SIZE);
	bi->tsc_entry = tsc_entry;
	stack = (u64)boot_pages(BOOT_STACK_SIZE / PAGE_SIZE, BOOT_STACK_SIZE);
	gather(bi);
	boot_load_modules(bi);
	leave_boot_services(&map);
	bi->tsc_exit_bs = tsc_exact();
	__asm__ volatile("cli; cld");
	lost = boot_map_convert(bi, &map);
	if (lost)
		log("parley: boot: %u memory ranges not used\n", lost);
	enter_hv(bi, stack);
}
