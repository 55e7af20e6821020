/* SPDX-License-Identifier: BSD-2-Clause */
/* The handlers of the calls that are traced. */
#include "core/trace.h"
#include "hcall/hcall.h"

/*
 * What the slots hold: each pushes its own number, which so becomes the seventh
 * argument of the one handler. In C this would be some thousand bytes more.
 */
/* clang-format off */
__asm__(".pushsection .text\n\t"
	".balign 16\n"
	".globl hcall_thunks\n"
	"hcall_thunks:\n\t"
	".set slot, 0\n\t"
	".rept 256\n\t"
	".balign 16\n\t"
	"push $slot\n\t"
	"call hcall_traced\n\t"
	"pop %rcx\n\t"
	"ret\n\t"
	".set slot, slot + 1\n\t"
	".endr\n\t"
	".popsection");
/* clang-format on */
_Static_assert(HCALL_TRACED == 256, "the thunks' number");

/* Runs a slot's handler. The number says whether it is an entry of a batch:
 * tracing may begin or end in the middle of one. */
__attribute__((used)) struct hret hcall_traced(u64 a0, u64 a1, u64 a2, u64 a3,
					       u64 a4, u64 a5, u64 slot)
{
	struct vcpu *v = vcpu_current();
	struct pv_trace_record r = {
		.kind = PV_RECORD_CALL,
		.nr = (u16)(slot % HCALL_TABLE_SIZE),
		.flags = slot < HCALL_BATCH ? 0 : PV_RECORD_BATCH,
		.rip = virt->reg_get(&v->hw, VREG_RIP),
		.arg = { a0, a1, a2, a3, a4, a5 },
	};
	struct hret res;

	if (r.nr >= PV_CALL_COUNT)
		r.nr = PV_RECORD_UNKNOWN;
	v->call_finish = NULL; /* so that it tells of this call */
	r.tsc = rdtsc();
	res = virt_hcall_table[slot](a0, a1, a2, a3, a4, a5);
	r.status = (u32)res.status;
	r.value = res.value;
	trace_call(v, &r);
	return res;
}
