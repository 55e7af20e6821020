/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes the functions of the host partition that has died quiet. */
#pragma once

#include "core/partition.h"

#define STATUS_HOST_DIED 98u /* for power_off() */

/* Do requests that a function of p has made still wait for their answer? */
bool device_pending(const struct partition *p);
/* p's functions leave the bus, and their interrupts do not come any more. One of
 * an ISA device may still set the bit of its port. */
void device_quiet(struct partition *p);
/*
 * To be asked behind it, again and again: true once no function of p will write to
 * memory any more. Until then no frame that it could reach may be used again. One
 * that can be reset is, which takes 100 ms. Where one stays busy, and cannot be
 * reset, the machine goes off.
 */
bool device_settled(const struct partition *p) must_check;
