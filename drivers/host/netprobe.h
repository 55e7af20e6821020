/* SPDX-License-Identifier: BSD-2-Clause */
/* A look whether the network is there. */
#ifndef HOST_NETPROBE_H
#define HOST_NETPROBE_H

#include <stdint.h>

/* Asks by the switch who has that IPv4 address, waits for the answer for some
 * seconds, and prints it. */
void netprobe_run(uint32_t ip);

#endif
