/* SPDX-License-Identifier: BSD-2-Clause */
/* What hv/boot has found. */
#include "lib/stop.h"

struct pci_stop pci_stops[PCI_MAX_FUNCS][PCI_STOPS];
