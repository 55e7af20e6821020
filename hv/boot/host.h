/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes the host partition's memory ready, before root mode. */
#pragma once

#include "lib/bootinfo.h"

struct pv_device;

/* Reads parley.cfg and host.elf, fills bi->options and bi->host but for the
 * devices; a boot that cannot do so fails. Before ExitBootServices. */
void host_load(struct boot_info *bi);

/* The rest: clock and devices. After clock_measure() and pci_scan(). */
void host_finish(struct boot_info *bi);

/* Fills out[] with the devices that the host partition gets, and bi's grants
 * of their ports and memory (hostdev.c). Returns how many. */
u32 host_devices(struct boot_info *bi, struct pv_device *out, u32 max);

/* Looks for UEFI's frame buffer (screen.c), while there are boot services. */
struct boot_screen {
	u64 base, size; /* hpa, bytes; 0: there is none */
	u32 width, height,
		stride; /* pixels; the last from a line to the next */
};
extern struct boot_screen boot_screen;
void screen_find(void);
