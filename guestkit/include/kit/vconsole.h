/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Consoles as a device: a virtio-console front end (VIRTIO 1.2, 5.3). What is
 * written is copied into shared pages, and costs no exit while the host partition
 * is about to look: at most one for each KIT_VCONSOLE_QUEUE / 2 pieces in a row.
 */
#ifndef KIT_VCONSOLE_H
#define KIT_VCONSOLE_H

#include "kit/kit.h"

#define KIT_VCONSOLE_QUEUE 128u /* pieces on their way */
#define KIT_VCONSOLE_PIECE 128u /* bytes of one */

struct kit_vconsole;

/* Finds the console of that name and starts it. NULL when there is none or it
 * does not work (*why, unless NULL, is set to a constant text). */
struct kit_vconsole *kit_vconsole_open(const char *name, const char **why);

/* What kit_write, kit_printf and panics write goes there from now on, and kit_read
 * takes what is typed there. A device that fails gives way to the kit's own. */
void kit_vconsole_use(struct kit_vconsole *c);

/* Its size in characters; 0 where the device does not know. */
void kit_vconsole_size(struct kit_vconsole *c, unsigned *cols, unsigned *rows);

/* Writes all n bytes; waits where they have no room. false: the device has failed.
 * Any context, any vCPU; on the vCPU that it has interrupted within it: false. */
bool kit_vconsole_write(struct kit_vconsole *c, const void *buf, size_t n);

/*
 * Takes what was typed; kit_vconsole_read sleeps (on vCPU 0, which is told) until
 * there is something, and returns how many bytes that were: 0 where the device has
 * failed. The other one does not wait. Not in a handler. What was typed and not taken may be lost when
 * the host partition is started anew; nothing that was written is.
 */
size_t kit_vconsole_read(struct kit_vconsole *c, void *buf, size_t n);
size_t kit_vconsole_read_try(struct kit_vconsole *c, void *buf, size_t n);

#endif
