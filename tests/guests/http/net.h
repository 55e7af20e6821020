/* SPDX-License-Identifier: BSD-2-Clause */
/* The stack and its turns. */
#ifndef HTTP_NET_H
#define HTTP_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "kit/time.h"

/* Starts lwIP, with the loop-back interface only. */
void net_start(void);

/* Does what is to be done: frames, timers. */
void net_turn(void);

/* Turns until cond holds, or until the deadline. */
#define net_until(cond, deadline_ns)                             \
	do {                                                     \
		while (!(cond) && kit_time_ns() < (deadline_ns)) \
			net_turn(), net_sleep();                 \
	} while (0)

/* Sleeps until a frame comes or the next timer is due. */
void net_sleep(void);

#endif
