/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's own part of the configuration file. */
#pragma once

#include "lib/bootinfo.h"

/*
 * Reads the sections [hypervisor] and [host] of n bytes of text into o, which
 * has defaults for what the text does not say; other sections are the host
 * partition's business. Returns false and a sentence in err
 * ("parley.cfg:LINE: what is wrong") at the first error.
 */
bool options_parse(const char *text, size_t n, struct options *o, char *err,
		   size_t err_size);
