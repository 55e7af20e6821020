/* SPDX-License-Identifier: BSD-2-Clause */
/* What hv/boot hands over to hv/main once UEFI's boot services have ended. */
#ifndef LIB_BOOTINFO_H
#define LIB_BOOTINFO_H

#include "lib/types.h"

#define BOOT_MAX_RANGES 192
#define BOOT_MAX_MODULES 48
#define BOOT_NAME_LEN 40

enum boot_mem_type {
	BOOT_MEM_FREE,	  /* usable from now on */
	BOOT_MEM_HV,	  /* the image, modules, boot data: the hypervisor's */
	BOOT_MEM_RUNTIME, /* UEFI runtime code and data */
	BOOT_MEM_ACPI,	  /* ACPI tables and NVS */
	BOOT_MEM_OTHER,	  /* reserved, unusable, device memory */
};

#define BOOT_ATTR_WB 1u /* UEFI says write-back capable */
#define BOOT_ATTR_STALE \
	2u /* held firmware data (its page tables, too) until \
			      ExitBootServices: use only after paging_init() */

struct boot_range {
	u64 start; /* bytes, page-aligned */
	u64 size;
	u32 type; /* enum boot_mem_type */
	u32 attr; /* BOOT_ATTR_* */
};

struct boot_module {
	char name[BOOT_NAME_LEN]; /* file name in \parley\, NUL-terminated */
	u64 start;		  /* hpa, page-aligned */
	u64 size;		  /* bytes; the rest of the last page is zero */
};

struct boot_image {
	u64 base, size;		/* the loaded image, page-aligned */
	u64 text, text_end;	/* read + execute */
	u64 rodata, rodata_end; /* read only */
	u64 data, data_end;	/* read + write */
};

/*
 * Valid for the life of the hypervisor; lives in BOOT_MEM_HV memory.
 * Ranges are sorted by start and do not overlap.
 */
struct boot_info {
	u32 nr_ranges;
	u32 nr_modules;
	struct boot_range ranges[BOOT_MAX_RANGES];
	struct boot_module modules[BOOT_MAX_MODULES];
	struct boot_image image;
	u64 rsdp;	  /* hpa of the ACPI RSDP, 0 if none */
	u64 ap_page;	  /* hpa of two pages below 1 MiB, for starting CPUs:
			     code, and a top page table; 0 if none was free */
	u64 reset_system; /* UEFI ResetSystem, callable at its physical address */
	u64 system_table; /* UEFI system table */
	u64 tsc_entry;	  /* TSC at efi_main */
	u64 tsc_exit_bs;  /* TSC right after ExitBootServices returned */
	u64 fb_base;	  /* frame buffer, 0 if none (reported only) */
};

/*
 * The hypervisor proper (hv/main), entered once: interrupts off, firmware's
 * page tables and descriptor tables still loaded, on a stack of
 * BOOT_STACK_SIZE bytes aligned to its size, which CPU 0 keeps. The lowest
 * page of the stack is left to be its guard page.
 */
#define BOOT_STACK_SIZE 16384ull
noreturn_fn void hv_main(struct boot_info *bi);

/*
 * What this machine lacks, or NULL. Called before ExitBootServices, so that
 * the answer shows on UEFI's console. hv/boot has a weak default (NULL).
 */
const char *hv_probe(void);

#endif
