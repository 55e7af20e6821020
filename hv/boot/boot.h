/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the boot stage share; all of it ends with boot services. */
#pragma once

#include <efi.h>

#include "lib/bootinfo.h"

/* Set by efi_main before anything else. */
extern EFI_HANDLE boot_self;
extern EFI_SYSTEM_TABLE *boot_st;
extern EFI_BOOT_SERVICES *boot_bs;

/* Looks for the consoles that say() writes to. */
void say_init(void);
/* A message to UEFI's console, and to the UART if that console does not reach
 * a serial line. At most 200 characters. Until ExitBootServices. */
void say(const char *fmt, ...) printf_like(1, 2);
/* Says why Parley cannot start, waits some seconds, switches off. */
noreturn_fn void boot_fail(const char *fmt, ...) printf_like(1, 2);

/* Before each try of ExitBootServices; does nothing. The hypervisors of
 * tests/hv may have another one, which breaks something. */
void boot_provoke(void);

/* n pages that stay the hypervisor's, aligned to align bytes (a power of two),
 * zeroed. Fails the boot when there are none. */
void *boot_pages(u64 n, u64 align);

#define BOOT_MAX_MODULES 48u
#define BOOT_NAME_LEN 40u

struct boot_module {
	char name[BOOT_NAME_LEN]; /* file name in \parley\, NUL-terminated */
	u64 start;		  /* hpa, page-aligned */
	u64 size;		  /* bytes; the rest of the last page is zero */
};
extern struct boot_module boot_modules[BOOT_MAX_MODULES];
extern u32 boot_nr_modules;

/* Reads every file of \parley\ on the boot volume into boot_modules. */
void boot_load_modules(void);

/* UEFI's memory map, as GetMemoryMap gave it. */
struct efi_map {
	u8 *buf;
	UINTN room, size, key, stride; /* room: bytes of buf */
};

/* Fills ranges from UEFI's map: sorted, clipped, merged. Pure. Returns how
 * many ranges did not fit (they then belong to nobody). */
u32 boot_map_convert(struct boot_info *bi, const struct efi_map *map);
