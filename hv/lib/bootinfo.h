/* SPDX-License-Identifier: BSD-2-Clause */
/* What hv/boot hands over to hv/main once UEFI's boot services have ended. */
#pragma once

#include "lib/types.h"
#include "pvabi/abi.h"

#define BOOT_MAX_RANGES 192

/* The later, the less of it is anybody's. */
enum boot_mem_type {
	BOOT_MEM_FREE,	  /* usable from now on */
	BOOT_MEM_HV,	  /* the image, modules, boot data: the hypervisor's */
	BOOT_MEM_RUNTIME, /* UEFI runtime code and data */
	BOOT_MEM_ACPI,	  /* ACPI tables and NVS */
	BOOT_MEM_OTHER,	  /* reserved, unusable, device memory */
};

struct boot_range {
	u64 start; /* bytes, page-aligned */
	u64 size;
	u32 type;   /* enum boot_mem_type */
	bool stale; /* held firmware data (its page tables, too) until
		       ExitBootServices: use only after paging_init() */
};

#define BOOT_FRAME_SIZE 16 /* bytes: struct frame of core */
#define BOOT_MAX_GRANTS 192

/*
 * The host partition, made ready in a run of memory of its own: image, page
 * tables and boot information are in place (pvabi/abi.h, start of day), but for
 * pv_start.self. `kept` has what is there below `floor` and from `top` on; the
 * rest is zero.
 */
struct boot_host {
	u64 base, size; /* hpa of gpa 0; bytes, multiples of LARGE_SIZE */
	u64 kept;	/* hpa: floor bytes, then size - top */
	u64 floor, top; /* gpa, page-aligned */
	struct pv_vcpu_start vcpu;
	u32 nr_grants;
	struct boot_grant {
		enum {
			BOOT_GRANT_MODULE, /* memory, read-only */
			BOOT_GRANT_DEVICE, /* its memory, whole pages */
			BOOT_GRANT_PORTS,
		} kind;
		u32 func; /* number of the PCI function + 1; 0: none's */
		u64 start, hpa, size; /* gpa or port; hpa of memory */
	} grants[BOOT_MAX_GRANTS];
};

/*
 * Valid for the life of the hypervisor; lives in BOOT_MEM_HV memory.
 * Ranges are sorted by start and do not overlap.
 */
struct boot_info {
	u32 nr_ranges;
	struct boot_range ranges[BOOT_MAX_RANGES];
	bool probe;	/* parley.cfg, [hypervisor] probe = off | on */
	char floor[32]; /* and floor = NAME: this guest is for the bench's floor
			   (virt.h), else empty */
	struct boot_host host;
	void *frames; /* the frame table, all ones: frames of nobody */
	u64 nr_frames; /* it has, BOOT_FRAME_SIZE each: up to the end of memory */
	/* Each CPU but the first waits until this is not NULL; then it runs
	 * it. */
	void (*ap_entry)(void);
	u64 tsc_entry;	 /* TSC at efi_main */
	u64 tsc_exit_bs; /* TSC right after ExitBootServices returned */
};

/* Code: the entry points of the IDT's 256 vectors, one behind the other. */
extern const u8 hv_vectors[] __attribute__((visibility("hidden")));
#define HV_VECTOR_SIZE 16

/*
 * The hypervisor proper (hv/main), entered once, on the first CPU's stack. All
 * of lib/machine.h and the PCI functions are known. Each CPU of cpu_table is on
 * page tables that map memory identically, W^X, with guard pages, and has its own GDT, TSS, control registers, PAT and
 * local APIC, and the IDT of hv_vectors; interrupts are off, and all of their
 * sources masked. VMX or SVM is on, and the MSRs of SYSCALL and RDTSCP are 0.
 */
noreturn_fn void hv_main(struct boot_info *bi);

/* Right before the host partition runs; does nothing. The hypervisors of
 * tests/hv have another one, which breaks something. */
void hv_provoke(void);
