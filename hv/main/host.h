/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds the host partition and makes it ready to run. */
#ifndef MAIN_HOST_H
#define MAIN_HOST_H

#include "lib/bootinfo.h"

struct partition;

/*
 * Makes partition 0 from the module host.elf: memory, start tables, boot
 * information, modules, devices; its vCPU is ready when this returns. Boot CPU,
 * last of all. NULL, or what is wrong.
 */
const char *host_build(const struct boot_info *bi);

/* The module of that name, NULL if there is none. */
const struct boot_module *module_find(const struct boot_info *bi,
				      const char *name);

/* Fills out[] with the devices that p gets, and opens their ports, maps their
 * memory (host_dev.c). Returns how many. */
struct pv_device;
u32 host_devices(struct partition *p, struct pv_device *out, u32 max);

#endif
