/* SPDX-License-Identifier: BSD-2-Clause */
/* Turns what the boot stage has prepared into partition 0. */
#pragma once

#include "core/partition.h"

/* Its vCPU is ready when this returns. Boot CPU, last of all. NULL, or what is
 * wrong. */
const char *host_build(const struct boot_host *h);
/* Grants p all rights on itself, and each function of its list that is nobody
 * else's; the names go into its boot information. PV_ENOMEM: no room. */
int host_own(struct partition *p, const struct boot_host *h) must_check;

/* again.c: from now on its death does not end the guests. */
void again_init(const struct boot_host *h);
