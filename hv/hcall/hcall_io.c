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

static int request(const struct ioreq *r)
{
	struct vcpu *v = vcpu_current();
	u64 mask = ~0ull >> (64 - 8 * r->size);
	bool posted;

	if (r->size & (r->size - 1) || r->addr & (r->size - 1) ||
	    (r->size == 8 && r->space == PV_SPACE_PORT) || r->value & ~mask)
		return PV_EINVAL;
	v->io_finish = request_finish;
	v->io_arg[0] = r->write ? 0 : mask;
	return ioreq_send(v, r, &posted);
}

HCALL(io_read)
{
	struct ioreq r = {
		.space = (u32)a0, .addr = a1, .size = (u32)a2, .count = 1
	};

	return request(&r);
}

HCALL(io_write)
{
	struct ioreq r = { .space = (u32)a0,
			   .addr = a1,
			   .size = (u32)a2,
			   .write = 1,
			   .count = 1,
			   .value = a3 };

	return request(&r);
}

static bool region_ok(u64 space, u64 addr, u64 len)
{
	if (space == PV_SPACE_PORT)
		return len && range_within(addr, len, PORTS_END);
	return len && len <= REGION_BYTES_MAX && !((addr | len) & PAGE_MASK) &&
	       range_within(addr, len, gmem_limit());
}

HCALL(io_serve)
{
	struct io_region r = { .space = (u32)a1,
			       .addr = a2,
			       .len = a3,
			       .port = (u32)a4,
			       .server = self()->id,
			       .server_gen = self()->gen };

	return region_ok(a1, a2, a3) ? ioreq_serve(p, &r) : (int)PV_EINVAL;
}

HCALL(io_serve_notify)
{
	return a1 & 3 ? (int)PV_EINVAL : ioreq_notify(p, self(), a1, (u32)a2);
}

HCALL(io_map)
{
	/* its own page: that would take it from the server */
	if (!pages_ok(a1, 1) || p == self())
		return PV_EINVAL;
	return ioreq_map(p, self(), gpa(a1));
}

HCALL(io_complete)
{
	return ioreq_complete(p, a1, a2);
}
