/* SPDX-License-Identifier: BSD-2-Clause */
/* lwIP's time, its chance, and its turns. */
#include "lwip/init.h"
#include "lwip/netif.h"
#include "lwip/sys.h"
#include "lwip/timeouts.h"

#include "card.h"
#include "net.h"
#include "check.h"
#include "kit/wait.h"

u32_t sys_now(void) { return (u32_t)(kit_time_ns() / KIT_MS); }

uint32_t port_random(void)
{
	static uint64_t state;

	if (!state)
		state = kit_tsc() | 1;
	return (uint32_t)(rand_next(&state) >> 16);
}

void net_start(void) { lwip_init(); }

void net_turn(void)
{
	struct netif *n;

	for (n = netif_list; n; n = n->next)
		netif_poll(n);
	sys_check_timeouts();
	card_poll();
}

/* Is anything still to be taken? With interrupts off. */
static bool net_pending(void)
{
	struct netif *n;

	for (n = netif_list; n; n = n->next)
		if (n->loop_first)
			return true;
	return card_pending();
}

void net_sleep(void)
{
	u32_t ms = sys_timeouts_sleeptime();
	uint64_t flags = kit_irq_save();

	if (!net_pending())
		kit_wait(ms == SYS_TIMEOUTS_SLEEPTIME_INFINITE ?
				 KIT_FOREVER :
				 kit_time_ns() + ms * KIT_MS);
	kit_irq_restore(flags);
}
