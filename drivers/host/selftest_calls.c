/* SPDX-License-Identifier: BSD-2-Clause */
/* The self test's table: one call with bad arguments, one error each. */
#include "selftest.h"

#include "host.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "pvabi/calls.h"

/* Arguments that are known only at run time. */
enum arg {
	SELF = 1,
	WEAK_SELF,
	PART,
	WEAK_PART,
	DEAD,
	EVENT,
	WEAK_EVENT,
	BAD,
	PAGE, /* scratch memory of ours */
	ODD,  /* the same, misaligned by one */
	NOWHERE,
	ARGS,
};

#define A(x) (0x5e1f000000000000ull | (x)) /* marks one of them */
#define A_MASK 0xffff000000000000ull

struct row {
	uint32_t nr;
	const char *name;
	uint32_t wanted;
	uint64_t a[6];
};

#define ROW(call, error, ...)                                 \
	{                                                     \
		PV_CALL_##call, #call, error, { __VA_ARGS__ } \
	}
/* The three errors of a handle of ourselves, and of a partition. */
#define ON_SELF(call, ...)                                   \
	ROW(call, PV_EHANDLE, A(BAD), __VA_ARGS__),          \
		ROW(call, PV_EHANDLE, A(PART), __VA_ARGS__), \
		ROW(call, PV_ERIGHT, A(WEAK_SELF), __VA_ARGS__)
#define ON_PART(call, ...)                          \
	ROW(call, PV_EHANDLE, A(BAD), __VA_ARGS__), \
		ROW(call, PV_ERIGHT, A(WEAK_PART), __VA_ARGS__)

#define MMIO PV_SPACE_MMIO
#define AT 0xfc000000ull /* of a served range */

static const struct row rows[] = {
	ON_PART(event_bind, 3, 0),
	ROW(event_bind, PV_EINVAL, A(PART), PV_PORTS, 0),
	ROW(event_bind, PV_EINVAL, A(PART), 3, 1),
	ROW(event_send, PV_EHANDLE, A(BAD)),
	ROW(event_send, PV_EHANDLE, A(PART)),
	ROW(event_send, PV_ERIGHT, A(WEAK_EVENT)),
	ROW(event_send_wait, PV_EHANDLE, A(BAD), 1),
	ROW(event_send_wait, PV_ERIGHT, A(WEAK_EVENT), 1),
	ROW(event_send_wait, PV_ETIME, A(EVENT), 1),

	ON_PART(mem_accept, 0, 1, A(NOWHERE)),
	ROW(mem_accept, PV_EINVAL, A(PART), 1, 1, A(NOWHERE)),
	ROW(mem_accept, PV_EINVAL, A(PART), 0, 0, A(NOWHERE)),
	ROW(mem_accept, PV_EINVAL, A(PART), 0, 513, A(NOWHERE)),
	ROW(mem_accept, PV_EFAULT, A(PART), 0, 1, A(NOWHERE)),
	ROW(mem_return, PV_EINVAL, A(ODD), 1),
	ROW(mem_return, PV_EINVAL, A(PAGE), 0),
	ROW(mem_return, PV_EFAULT, A(PAGE), 1),
	ROW(batch, PV_EINVAL, A(ODD), 1, 0),
	ROW(batch, PV_EFAULT, A(NOWHERE), 1, 0),
	ROW(mem_device_addr, PV_EHANDLE, A(PAGE), A(BAD)),
	ROW(mem_device_addr, PV_ERIGHT, A(PAGE), A(WEAK_SELF)),
	ROW(mem_device_addr, PV_EINVAL, A(ODD), A(SELF)),
	ROW(mem_device_addr, PV_EFAULT, A(NOWHERE), A(SELF)),

	ON_PART(io_serve, MMIO, AT, 0x1000, 2),
	ROW(io_serve, PV_EINVAL, A(PART), 2, AT, 0x1000, 2),
	ROW(io_serve, PV_EINVAL, A(PART), MMIO, AT + 4, 0x1000, 2),
	ROW(io_serve, PV_EINVAL, A(PART), MMIO, AT, 0, 2),
	ROW(io_serve, PV_EINVAL, A(PART), MMIO, AT, 0x1000, PV_PORTS),
	ROW(io_serve, PV_EINVAL, A(PART), PV_SPACE_PORT, 0xffff, 2, 2),
	ROW(io_serve, PV_EEXIST, A(PART), MMIO, 0, 0x1000, 2),
	ROW(io_serve, PV_OK, A(PART), MMIO, AT, 0x1000, 2),
	ROW(io_serve, PV_EEXIST, A(PART), MMIO, AT, 0x1000, 2),
	ON_PART(io_serve_notify, AT, 2),
	ROW(io_serve_notify, PV_EINVAL, A(PART), AT + 2, 2),
	ROW(io_serve_notify, PV_EINVAL, A(PART), AT, PV_PORTS),
	ROW(io_serve_notify, PV_EFAULT, A(PART), AT + 0x1000, 2),
	ON_PART(io_map, A(NOWHERE)),
	ROW(io_map, PV_EINVAL, A(PART), A(ODD)),
	ROW(io_map, PV_EEXIST, A(PART), A(PAGE)),
	ON_PART(io_copy, 1, A(PAGE)),
	ROW(io_copy, PV_EINVAL, A(PART), 0x1234567, A(PAGE)),
	ON_PART(io_complete, 1, 0),
	ROW(io_complete, PV_EINVAL, A(PART), 0x1234567, 0),

	ON_SELF(partition_create, A(PAGE)),
	ROW(partition_create, PV_EINVAL, A(SELF), A(PAGE)),
	ROW(partition_create, PV_EFAULT, A(SELF), A(NOWHERE)),
	ON_PART(partition_populate, TEST_MEMORY, 1),
	ROW(partition_populate, PV_EINVAL, A(PART), TEST_MEMORY + 1, 1),
	ROW(partition_populate, PV_EINVAL, A(PART), TEST_MEMORY, 0),
	ROW(partition_populate, PV_EINVAL, A(PART), 1ull << 60, 1),
	ROW(partition_populate, PV_EEXIST, A(PART), 0, 1),
	ROW(partition_populate, PV_ENOMEM, A(PART), TEST_MEMORY, 100000),
	ROW(partition_populate, PV_ESTATE, A(DEAD), TEST_MEMORY, 1),
	ON_PART(partition_write, 0, A(PAGE), 8),
	ROW(partition_write, PV_EINVAL, A(PART), 0, A(PAGE), 0),
	ROW(partition_write, PV_EINVAL, A(PART), 0, A(PAGE), 65537),
	ROW(partition_write, PV_EFAULT, A(PART), 0, A(NOWHERE), 8),
	ROW(partition_write, PV_EFAULT, A(PART), TEST_MEMORY, A(PAGE), 8),
	ROW(partition_write, PV_ESTATE, A(DEAD), 0, A(PAGE), 8),
	ON_PART(partition_start, A(PAGE)),
	ROW(partition_start, PV_EINVAL, A(PART), A(ODD)),
	ROW(partition_start, PV_EFAULT, A(PART), A(NOWHERE)),
	ROW(partition_start, PV_ESTATE, A(DEAD), A(PAGE)),
	ON_PART(partition_pause, 0),
	ROW(partition_pause, PV_ESTATE, A(PART)),
	ON_PART(partition_resume, 0),
	ROW(partition_resume, PV_ESTATE, A(PART)),
	ON_PART(partition_destroy, 0),
	ROW(partition_destroy, PV_EINVAL, A(SELF)),
	ON_PART(partition_stats, 0, A(PAGE)),
	ROW(partition_stats, PV_EINVAL, A(PART), 1, A(PAGE)),
	ROW(partition_stats, PV_EINVAL, A(PART), 0, A(ODD)),
	ROW(partition_stats, PV_EFAULT, A(PART), 0, A(NOWHERE)),
	ON_PART(partition_calls, 0, A(PAGE)),
	ROW(partition_calls, PV_EINVAL, A(PART), 1, A(PAGE)),
	ROW(partition_calls, PV_EINVAL, A(PART), 0, A(ODD)),
	ROW(partition_calls, PV_EFAULT, A(PART), 0, A(NOWHERE)),
	ROW(partition_calls, PV_OK, A(PART), 0, A(PAGE)),
	ON_PART(partition_status, A(PAGE)),
	ROW(partition_status, PV_EINVAL, A(PART), A(ODD)),
	ROW(partition_status, PV_EFAULT, A(PART), A(NOWHERE)),
	ON_SELF(partition_enumerate, 0),
	ROW(partition_enumerate, PV_EINVAL, A(SELF), 255),
	ROW(partition_enumerate, PV_ESTATE, A(SELF), 60),
	ON_PART(partition_console_read, A(PAGE), 16),
	ROW(partition_console_read, PV_EINVAL, A(PART), A(PAGE), 0),
	ROW(partition_console_read, PV_EINVAL, A(PART), A(PAGE), 4097),
	ROW(partition_console_read, PV_EFAULT, A(PART), A(NOWHERE), 16),
	ON_PART(partition_console_write, A(PAGE), 16),
	ROW(partition_console_write, PV_EINVAL, A(PART), A(PAGE), 0),
	ROW(partition_console_write, PV_EFAULT, A(PART), A(NOWHERE), 16),
	ROW(partition_console_write, PV_OK, A(PART), A(PAGE), 4096),
	ROW(partition_console_write, PV_EAGAIN, A(PART), A(PAGE), 4096),

	ON_PART(partition_irq_line, 0, PV_LINE_UP),
	ROW(partition_irq_line, PV_EINVAL, A(PART), PV_IOAPIC_PINS, PV_LINE_UP),
	ROW(partition_irq_line, PV_EINVAL, A(PART), 0, PV_LINE_PULSE + 1),
	ROW(partition_irq_line, PV_ENOSYS, A(PART), 0, PV_LINE_UP),
	ON_PART(vcpu_state_get, 0, A(PAGE)),
	ROW(vcpu_state_get, PV_EINVAL, A(PART), 1, A(PAGE)),
	ROW(vcpu_state_get, PV_EINVAL, A(PART), 0, A(ODD)),
	ROW(vcpu_state_get, PV_ESTATE, A(PART), 0, A(PAGE)),
	ROW(vcpu_state_get, PV_ESTATE, A(DEAD), 0, A(PAGE)),
	ROW(vcpu_state_get, PV_ESTATE, A(SELF), 0, A(PAGE)),
	ON_PART(vcpu_state_set, 0, A(PAGE)),
	ROW(vcpu_state_set, PV_EINVAL, A(PART), 1, A(PAGE)),
	ROW(vcpu_state_set, PV_EINVAL, A(PART), 0, A(ODD)),
	ROW(vcpu_state_set, PV_EINVAL, A(PART), 0, A(PAGE)),
	ROW(vcpu_state_set, PV_EFAULT, A(PART), 0, A(NOWHERE)),
	ON_PART(partition_dirty_log, 1),
	ROW(partition_dirty_log, PV_EINVAL, A(PART), 2),
	ON_PART(partition_dirty_read, 0, 1, A(PAGE)),
	ROW(partition_dirty_read, PV_EINVAL, A(PART), 1, 1, A(PAGE)),
	ROW(partition_dirty_read, PV_EINVAL, A(PART), 0, 0, A(PAGE)),
	ROW(partition_dirty_read, PV_EINVAL, A(PART), 0, 1, A(ODD)),
	ROW(partition_dirty_read, PV_EFAULT, A(PART), 0, 1, A(NOWHERE)),
	ROW(partition_dirty_read, PV_ESTATE, A(PART), 0, 1, A(PAGE)),

	ROW(handle_derive, PV_EHANDLE, A(BAD), A(PART), PV_RIGHT_SHARE),
	ROW(handle_derive, PV_EHANDLE, A(SELF), A(BAD), PV_RIGHT_SHARE),
	ROW(handle_derive, PV_ERIGHT, A(WEAK_PART), A(PART), PV_RIGHT_SHARE),
	ROW(handle_derive, PV_ERIGHT, A(SELF), A(WEAK_PART), PV_RIGHT_SHARE),
	ROW(handle_derive, PV_ERIGHT, A(SELF), A(WEAK_EVENT), PV_RIGHT_SEND),
	ROW(handle_derive, PV_EINVAL, A(SELF), A(PART), 1ull << 40),
	ROW(handle_close, PV_EHANDLE, A(BAD)),
	ROW(handle_close, PV_EINVAL, PV_SELF),

	ON_SELF(irq_bind, 11, 2),
	ROW(irq_bind, PV_EINVAL, A(SELF), 16, 2),
	ROW(irq_bind, PV_EINVAL, A(SELF), 0, 2),
	ROW(irq_bind, PV_EINVAL, A(SELF), 11, PV_PORTS),
	ON_SELF(irq_ack, 11),
	ROW(irq_ack, PV_EINVAL, A(SELF), 16),
	ROW(irq_ack, PV_EINVAL, A(SELF), 3),
	ON_SELF(log_read, A(PAGE), 16),
	ROW(log_read, PV_EINVAL, A(SELF), A(PAGE), 0),
	ROW(log_read, PV_EINVAL, A(SELF), A(PAGE), 4097),
	ROW(log_read, PV_EFAULT, A(SELF), A(NOWHERE), 16),
	ON_SELF(trace_map, 0, A(NOWHERE), 2),
	ROW(trace_map, PV_EINVAL, A(SELF), 63, A(NOWHERE), 2),
	ROW(trace_map, PV_EINVAL, A(SELF), 0, A(ODD), 2),
	ROW(trace_map, PV_EINVAL, A(SELF), 0, A(NOWHERE), PV_PORTS),
	ROW(trace_map, PV_EEXIST, A(SELF), 0, A(PAGE), 2),
	ON_SELF(trace_set, A(PART), 0),
	ROW(trace_set, PV_EHANDLE, A(SELF), A(BAD), 0),
	ROW(trace_set, PV_EHANDLE, A(SELF), A(EVENT), 0),
	ROW(trace_set, PV_ERIGHT, A(SELF), A(WEAK_PART), 0),
	ROW(trace_set, PV_EINVAL, A(SELF), A(PART), PV_TRACE_ALL + 1),
	ROW(trace_set, PV_ESTATE, A(SELF), A(PART), PV_TRACE_CALLS),
	ON_SELF(partition_translate, A(PART), 0, A(PAGE)),
	ROW(partition_translate, PV_EHANDLE, A(SELF), A(BAD), 0, A(PAGE)),
	ROW(partition_translate, PV_EHANDLE, A(SELF), A(EVENT), 0, A(PAGE)),
	ROW(partition_translate, PV_ERIGHT, A(SELF), A(WEAK_PART), 0, A(PAGE)),
	ROW(partition_translate, PV_EINVAL, A(SELF), A(PART), 0, A(ODD)),
	ROW(partition_translate, PV_EFAULT, A(SELF), A(PART), 0, A(NOWHERE)),
	ROW(partition_translate, PV_EFAULT, A(SELF), A(PART), TEST_MEMORY,
	    A(PAGE)),
	ROW(partition_translate, PV_EFAULT, A(SELF), A(PART), ~0ull, A(PAGE)),
	ON_SELF(machine_off, 0),
	ROW(machine_off, PV_EINVAL, A(SELF), 256),
};

static uint64_t arg_value(uint64_t a)
{
	const uint64_t value[ARGS] = {
		[SELF] = test.self,
		[WEAK_SELF] = test.weak_self,
		[PART] = test.part,
		[WEAK_PART] = test.weak_part,
		[DEAD] = test.dead,
		[EVENT] = test.event,
		[WEAK_EVENT] = test.weak_event,
		[BAD] = TEST_BAD_HANDLE,
		[PAGE] = kit_gpa(test_page),
		[ODD] = kit_gpa(test_page) + 1,
		[NOWHERE] = TEST_NOWHERE,
	};

	return (a & A_MASK) == A(0) ? value[a & ~A_MASK] : a;
}

static void row_run(const struct row *r)
{
	uint64_t a[6];

	for (int i = 0; i < 6; i++)
		a[i] = arg_value(r->a[i]);
	for (unsigned i = 0; i < sizeof(test_page); i++)
		test_page[i] = 0xff; /* no structure is valid so */
	test_expect(r->name, r->wanted,
		    pv_call6(r->nr, a[0], a[1], a[2], a[3], a[4], a[5], NULL));
}

void selftest_calls(void)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		row_run(&rows[i]);
}
