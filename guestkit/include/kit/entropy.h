/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random bytes: a virtio entropy front end (VIRTIO 1.2, 5.4). The host partition
 * takes them from its CPU's RDRAND; who has to trust it less mixes them with what
 * is the guest's own. One caller at a time for each device, not with interrupts
 * off.
 */
#ifndef KIT_ENTROPY_H
#define KIT_ENTROPY_H

#include "kit/kit.h"

#define KIT_ENTROPY_STEP 4096u /* bytes of one request */

struct kit_entropy;

/* Finds the entropy device of that name and starts it. NULL when there is none
 * or it does not work (*why, unless NULL, is set to a constant text). */
struct kit_entropy *kit_entropy_open(const char *name, const char **why);

/*
 * Fills all n bytes, any number, of any buffer: copied from a shared page that is
 * wiped behind it, so that the host partition sees what it gave for no longer than
 * needed. A request for each KIT_ENTROPY_STEP bytes, at most. false: the device
 * gives no more; then the buffer's content must not be used.
 */
bool kit_entropy_read(struct kit_entropy *e, void *buf, size_t n);

#endif
