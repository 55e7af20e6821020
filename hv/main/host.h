/* SPDX-License-Identifier: BSD-2-Clause */
/* Turns what the boot stage has prepared into partition 0. */
#pragma once

#include "lib/bootinfo.h"

/* Its vCPU is ready when this returns. Boot CPU, last of all. NULL, or what is
 * wrong. */
const char *host_build(const struct boot_host *h);
