/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about device registers, of who uses them. */
#include "core/ioreq.h"
#include "hcall/decode.h"

/* The answer of the server; io_arg[0]: the bits of it that count. */
static void request_finish(struct vcpu *v, u64 value)
{
	v->hw.gpr[R_AX] = PV_OK;
	v->hw.gpr[R_DX] = value & v->io_arg[0];
}

int hcall_io(u32 space, u64 addr, u32 size, u32 write, u64 value)
{
	struct ioreq r = { space, size, write, 1, addr, value };
	struct vcpu *v = vcpu_current();
	u64 mask = ~0ull >> (64 - 8 * size);
	bool posted;

	if (size & (size - 1) || addr & (size - 1) ||
	    (size == 8 && space == PV_SPACE_PORT) || value & ~mask)
		return PV_EINVAL;
	v->io_finish = request_finish;
	v->io_arg[0] = write ? 0 : mask;
	return ioreq_send(v, &r, &posted);
}
