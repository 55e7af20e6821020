/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about device registers: of who uses them, and of who serves them. */
#include "core/ioreq.h"
#include "hcall/decode.h"

#define PORTS_END 0x10000ull
#define REGION_BYTES_MAX HUGE_SIZE

static bool access_ok(u64 space, u64 addr, u64 size)
{
	if (space > PV_SPACE_MMIO || (addr & (size - 1)))
		return false;
	return size == 1 || size == 2 || size == 4 ||
	       (size == 8 && space == PV_SPACE_MMIO);
}

static u64 size_mask(u64 size)
{
	return ~0ull >> (64 - 8 * size);
}

static void read_finish(struct vcpu *v, u64 value)
{
	v->hw.gpr[R_AX] = PV_OK;
	v->hw.gpr[R_DX] = value & size_mask(v->io_arg[0]);
}

static void write_finish(struct vcpu *v, u64 value)
{
	v->hw.gpr[R_AX] = PV_OK;
	v->hw.gpr[R_DX] = 0;
}

static struct hret request(const struct ioreq *r)
{
	struct vcpu *v = vcpu_current();
	bool posted;

	v->io_finish = r->write ? write_finish : read_finish;
	v->io_arg[0] = r->size;
	return ret(ioreq_send(v, r, &posted));
}

HCALL(io_read)
{
	struct ioreq r = {
		.space = (u32)a0, .addr = a1, .size = (u32)a2, .count = 1
	};

	if (!access_ok(a0, a1, a2))
		return ret(PV_EINVAL);
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

	if (!access_ok(a0, a1, a2) || a3 & ~size_mask(a2))
		return ret(PV_EINVAL);
	return request(&r);
}

static bool region_ok(u64 space, u64 addr, u64 len)
{
	if (space == PV_SPACE_PORT)
		return len && range_within(addr, len, PORTS_END);
	return space == PV_SPACE_MMIO && len && len <= REGION_BYTES_MAX &&
	       !((addr | len) & PAGE_MASK) &&
	       range_within(addr, len, gmem_limit());
}

HCALL(io_serve)
{
	struct partition *p, *me = self();
	struct io_region r = { .space = (u32)a1,
			       .addr = a2,
			       .len = a3,
			       .port = (u32)a4,
			       .server = me->id,
			       .server_gen = me->gen };
	int err;

	err = handle_partition(me, a0, PV_RIGHT_SERVE, &p);
	if (err)
		return ret(err);
	if (!region_ok(a1, a2, a3) || a4 >= PV_PORTS)
		return ret(PV_EINVAL);
	return ret(ioreq_serve(p, &r));
}

HCALL(io_serve_notify)
{
	struct partition *p;
	int err;

	err = handle_partition(self(), a0, PV_RIGHT_SERVE, &p);
	if (err)
		return ret(err);
	if (a1 & 3 || a2 >= PV_PORTS)
		return ret(PV_EINVAL);
	return ret(ioreq_notify(p, self(), a1, (u32)a2));
}

HCALL(io_map)
{
	struct partition *p;
	int err;

	err = handle_partition(self(), a0, PV_RIGHT_SERVE, &p);
	if (err)
		return ret(err);
	if (!pages_ok(a1, 1, 1))
		return ret(PV_EINVAL);
	return ret(ioreq_map(p, self(), gpa(a1)));
}

HCALL(io_complete)
{
	struct partition *p;
	int err;

	err = handle_partition(self(), a0, PV_RIGHT_SERVE, &p);
	if (err)
		return ret(err);
	return ret(ioreq_complete(p, a1, a2));
}
