/* SPDX-License-Identifier: BSD-2-Clause */
/* Sleeping until something happens, without losing it. */
#ifndef KIT_WAIT_H
#define KIT_WAIT_H

#include "kit/irq.h"
#include "kit/time.h"

/*
 * Sleeps until a handler ran (event, timer, IPI, any interrupt), or until
 * kit_time_ns() reaches the deadline (KIT_FOREVER: none). May return early.
 * Called with interrupts off, it is race-free: what came after kit_irq_off()
 * ends the sleep at once; its handlers run before it returns, with interrupts
 * off again. Returns false when the deadline has passed.
 */
bool kit_wait(uint64_t deadline_ns);

/* Sleeps until cond holds, a handler making it so: the usual form. Gives
 * false when the deadline came first. cond is evaluated until it holds, the
 * deadline once. */
#define kit_wait_until(cond, deadline_ns)                       \
	({                                                      \
		uint64_t kit_flags_ = kit_irq_save();           \
		bool kit_ok_ = (cond), kit_left_ = true;        \
		if (!kit_ok_) {                                 \
			uint64_t kit_end_ = (deadline_ns);      \
			do {                                    \
				kit_left_ = kit_wait(kit_end_); \
				kit_ok_ = (cond);               \
			} while (!kit_ok_ && kit_left_);        \
		}                                               \
		kit_irq_restore(kit_flags_);                    \
		kit_ok_;                                        \
	})

#endif
