/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's own part of the configuration file. */
#pragma once

#include "lib/types.h"

#define OPTIONS_DEVICES 16

/* From parley.cfg. */
struct options {
	bool mitigations_auto; /* [hypervisor] mitigations = off | auto */
	bool iommu_off;	       /* [hypervisor] iommu = auto | off */
	bool probe;	       /* these two: lib/bootinfo.h */
	char floor[32];
	bool control;	 /* [host] control = no | com2 */
	bool pcap;	 /* [host] pcap = no | com3 */
	u64 host_memory; /* [host] memory, bytes; a multiple of 2 MiB */
	/* [host] devices = all | none | PCI functions */
	bool some_devices; /* those, and no others */
	u32 nr_devices;
	u16 device[OPTIONS_DEVICES]; /* bdf */
};
extern struct options boot_options; /* as host_load() has read them */

/*
 * Reads the sections [hypervisor] and [host] of n bytes of text into o, which
 * has defaults for what the text does not say; other sections are the host
 * partition's business. Returns false and a sentence in err
 * ("parley.cfg:LINE: what is wrong") at the first error.
 */
bool options_parse(const char *text, size_t n, struct options *o, char *err,
		   size_t err_size);
