/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI functions that the configuration gives to guests. */
#ifndef HOST_ASSIGN_H
#define HOST_ASSIGN_H

#include "guest.h"

/* Before any guest is loaded; false: no memory. */
bool assign_init(void);

/*
 * Gives the guest, whose partition is made but not started, its functions, and
 * describes them at `out`, which has room for CFG_DEVICES. Null, or what is
 * wrong; g->nr_assigned says how many it has got.
 */
const char *assign_devices(struct guest *g, struct pv_device *out);
/* Its partition is gone: they are ours again. */
void assign_return(struct guest *g);

#endif
