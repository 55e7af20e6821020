/* SPDX-License-Identifier: BSD-2-Clause */
/* A call returns an error that the table does not declare. */
#include "debug.h"
#include "hcall/hcall.h"
#include "pvabi/calls.h"

static struct hret nop(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
	return (struct hret){ PV_EEXIST, 0 };
}

void debug_provoke(void) { virt_hcall_table[PV_CALL_nop] = nop; }
