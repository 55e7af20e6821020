/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about device registers: of who uses them, and of who serves them. */
#include "core/ioreq.h"
#include "hcall/decode.h"

#define PORTS_END 0x10000ull
#define REGION_BYTES_MAX HUGE_SIZE

/* The answer of the server; io_arg[0]: the bits of it that count. */
static void request_finish(struct vcpu *v, u64 value)
{
	v->hw.gpr[R_AX] = PV_OK;
	v->hw.gpr[R_DX] = value & v->io_arg[0];
}

static int request(struct ioreq r)
{
	struct vcpu *v = vcpu_current();
	u64 mask = ~0ull >> (64 - 8 * r.size);
	bool posted;

	if (r.size & (r.size - 1) || r.addr & (r.size - 1) ||
	    (r.size == 8 && r.space == PV_SPACE_PORT) || r.value & ~mask)
		return PV_EINVAL;
	v->io_finish = request_finish;
	v->io_arg[0] = r.write ? 0 : mask;
	return ioreq_send(v, &r, &posted);
}

int call_io_read(u32 space, u64 addr, u32 size, u64 *value)
{
	return request((struct ioreq){ space, size, 0, 1, addr, 0 });
}

int call_io_write(u32 space, u64 addr, u32 size, u64 value)
{
	return request((struct ioreq){ space, size, 1, 1, addr, value });
}

int call_io_serve(struct partition *part, u32 space, u64 addr, u64 len,
		  u32 port)
{
	struct io_region r = { .space = space,
			       .addr = addr,
			       .len = len,
			       .port = port,
			       .server = caller()->id,
			       .server_gen = caller()->gen };
	bool mmio = space == PV_SPACE_MMIO;

	if (!len || !range_within(addr, len, mmio ? gmem_limit() : PORTS_END) ||
	    (mmio && (len > REGION_BYTES_MAX || (addr | len) & PAGE_MASK)))
		return PV_EINVAL;
	return ioreq_serve(part, &r);
}
