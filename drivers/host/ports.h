/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices that an unported guest finds at I/O ports (UART, clock, timer), and
 * the lines of their interrupts. */
#ifndef HOST_PORTS_H
#define HOST_PORTS_H

#include "pit.h"
#include "rtc.h"
#include "uart16550.h"

struct ports {
	struct uart16550 uart;
	struct rtc rtc;
	struct pit pit;
	uint32_t lines; /* a bit for each pin whose line is up */
	/* Set by the owner: a pin's line is PV_LINE_* from now on. */
	void (*line)(void *arg, unsigned pin, uint64_t line);
	void *arg;
};

/* Now, on the two clocks that they go by, in nanoseconds. */
struct ports_time {
	uint64_t run; /* since boot; does not go back */
	uint64_t utc; /* since 1970 */
};

/* The ranges that are served; what is in between is absent. */
#define PORTS_RANGES 2u
struct ports_range {
	uint16_t first, len;
};
extern const struct ports_range ports_ranges[PORTS_RANGES];

/* What falls into less time than this is one interrupt. */
#define PORTS_PERIOD_NS 250000u

void ports_init(struct ports *p, uint64_t memory, struct ports_time now);
/* May a line change, as time goes by or behind an access? */
bool ports_live(const struct ports *p);
/* Sets the lines. Returns when one may change next (by the clock `run`), if the guest
 * does nothing; 0: never. Behind each access while they are live, at the access's
 * time: a line that goes down for a moment is seen then. */
uint64_t ports_run(struct ports *p, struct ports_time now);
/* An access of size bytes: one of each port from `port` on. */
uint32_t ports_read(struct ports *p, unsigned port, unsigned size,
		    struct ports_time now);
/* text gets what was sent by the UART: at most size bytes; how many. */
unsigned ports_write(struct ports *p, unsigned port, unsigned size,
		     uint32_t value, struct ports_time now, char *text);

#endif
