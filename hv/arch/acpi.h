/* SPDX-License-Identifier: BSD-2-Clause */
/* Kept for the old spelling. */
#include "lib/machine.h"
