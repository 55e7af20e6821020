/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's own part of the configuration file. */
#ifndef MAIN_OPTIONS_H
#define MAIN_OPTIONS_H

#include "lib/types.h"

struct options {
	bool mitigations_auto; /* [hypervisor] mitigations = off | auto */
	bool probe;	       /* [hypervisor] probe = off | on */
	bool stay;	       /* [hypervisor] on_halt = poweroff | stay */
	char floor[32];	       /* [hypervisor] floor = NAME: this guest is for
				  the bench's floor (virt.h), else empty */
	u64 host_memory;       /* [host] memory, bytes; a multiple of 2 MiB */
};
extern struct options options;

/*
 * Reads the sections [hypervisor] and [host] of n bytes of text into o, which
 * has defaults for what the text does not say; other sections are the host
 * partition's business. Returns false and a sentence in err
 * ("parley.cfg:LINE: what is wrong") at the first error.
 */
bool options_parse(const char *text, size_t n, struct options *o, char *err,
		   size_t err_size);

#endif
