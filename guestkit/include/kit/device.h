/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI functions of this partition, and the environment in which the drivers of
 * drivers/ run here. (Its headers are found by -Idrivers.) */
#ifndef KIT_DEVICE_H
#define KIT_DEVICE_H

#include "env.h"
#include "pci.h"
#include "pvabi/abi.h"

/*
 * The environment of one function, whose handle it is. A driver and its
 * interrupt handlers exclude each other by interrupts: call a driver with
 * interrupts off, also where it waits. Memory for DMA that is not contiguous for
 * the device is refused.
 */
void kit_env_init(struct env *e, uint64_t handle);

/* A device of type PV_DEV_PCI as drivers know it. */
void kit_pci_dev(struct pci_dev *to, const struct pv_device *d);

#endif
