/* SPDX-License-Identifier: BSD-2-Clause */
/* The second half of a call changes a register that is the caller's. */
#include "core/partition.h"
#include "debug.h"
#include "hcall/hcall.h"
#include "pvabi/calls.h"

static void finish(struct vcpu *v) { v->hw.gpr[R_12]++; }

static struct hret nop(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
	struct vcpu *v = vcpu_current();

	v->call_finish = finish;
	vcpu_pend(v, PEND_CALL);
	return (struct hret){ PV_OK, 0 };
}

void debug_provoke(void) { virt_hcall_table[PV_CALL_nop] = nop; }
