/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices that an unported guest finds at I/O ports: UART, clock, timer. */
#ifndef HOST_PORTS_H
#define HOST_PORTS_H

#include "pit.h"
#include "rtc.h"
#include "uart16550.h"

struct ports {
	struct uart16550 uart;
	struct rtc rtc;
	struct pit pit;
};

/* Now, on the two clocks that they go by, in nanoseconds. */
struct ports_time {
	uint64_t run; /* since boot; does not go back */
	uint64_t utc; /* since 1970 */
};

/* The ranges that are served. */
#define PORTS_RANGES 4u
struct ports_range {
	uint16_t first, len;
};
extern const struct ports_range ports_ranges[PORTS_RANGES];

void ports_init(struct ports *p, uint64_t memory, struct ports_time now);
/* An access of size bytes: one of each port from `port` on. */
uint32_t ports_read(struct ports *p, unsigned port, unsigned size,
		    struct ports_time now);
/* text gets what was sent by the UART: at most size bytes; how many. */
unsigned ports_write(struct ports *p, unsigned port, unsigned size,
		     uint32_t value, struct ports_time now, char *text);

#endif
