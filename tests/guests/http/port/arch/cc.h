/* SPDX-License-Identifier: BSD-2-Clause */
/* What lwIP asks of its compiler and machine. */
#ifndef PORT_CC_H
#define PORT_CC_H

#include "kit/console.h"
#include "kit/kit.h"

#define LWIP_NO_UNISTD_H 1
#define LWIP_PLATFORM_DIAG(x) \
	do {                  \
		kit_printf x; \
	} while (0)
#define LWIP_PLATFORM_ASSERT(x) kit_panic("lwIP: %s", x)

uint32_t port_random(void);
#define LWIP_RAND() port_random()

#endif
