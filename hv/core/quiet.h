/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes the functions of a partition that has ended quiet. */
#pragma once

#include "core/partition.h"

#define STATUS_HOST_DIED 98u /* for power_off() */

/* p's functions leave the bus, their interrupts do not come any more, and what they
 * are doing is stopped. One of an ISA device may still set the bit of its port. */
void device_quiet(struct partition *p);
/*
 * To be asked behind it, again and again: true once no function of p will write to
 * memory any more. Until then no frame that it could reach may be used again. One
 * that can be reset is, which takes 100 ms. Where one stays busy, and cannot be
 * reset, the machine goes off if p is the host partition; else this never says
 * true. Of a guest that has left all CPUs it does device_quiet() first.
 */
bool device_settled(struct partition *p) must_check;
