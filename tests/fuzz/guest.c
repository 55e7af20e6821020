/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guests: what they do comes from the input's bytes. Takes the place of the
 * entry stubs (hv/virt/vmx/stub.S, hv/virt/svm/stub.S), and does as they do
 * with a hypercall.
 */
#include <stdio.h>
#include <string.h>

#include "core/gmem.h"
#include "pvabi/calls.h"
#include "pvabi/grammar.h"
#include "tests/fuzz/guest.h"
#include "tests/fuzz/check.h"

#define RFLAGS_IF_BIT (1ull << 9)
#define STEPS_MAX 4000
static const u8 *input;
static size_t left;
static u32 steps;
u64 guest_calls;
bool guest_trace;

void guest_input(const u8 *data, size_t n)
{
	input = data;
	left = n;
	steps = 0;
}

bool guest_over(void) { return !left || steps > STEPS_MAX; }

u32 guest_byte(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

u64 guest_word(u32 bytes)
{
	u64 v = 0;

	while (bytes--)
		v = v << 8 | guest_byte();
	return v;
}

/* ---- values for arguments ---- */

u64 guest_gpa(void)
{
	static const u64 places[] = {
		PV_PARTITION_PAGE, PV_VCPU_PAGE(0), PV_VCPU_PAGE(1),
		PV_MODULE_BASE,	   PV_VIRTIO_BASE,  1ull << 40,
		1ull << 46,	   1ull << 47,	    1ull << 48,
		LARGE_SIZE,	   2 * LARGE_SIZE,  HUGE_SIZE,
	};
	u32 b = guest_byte();

	if (b < 0xc0) /* a page near 0: there is memory, or a hole behind it */
		return (b & 63) * PAGE_SIZE +
		       (b >> 6 == 1 ? (guest_byte() & 0xf) * 8 : 0);
	if (b < 0xf0)
		return places[b % array_size(places)] +
		       (b & 1 ? guest_byte() * PAGE_SIZE : 0);
	return guest_word(8);
}

static u64 a_handle(struct partition *p)
{
	u32 b = guest_byte();

	if (b < 0x20)
		return PV_SELF;
	if (b < 0xe0)
		return check_handle(p, b);
	if (b < 0xf0) /* stale */
		return check_handle(p, b) - (1ull << 32);
	return guest_word(b & 7);
}

static u64 a_number(u64 lo, u64 hi)
{
	u32 b = guest_byte();

	if (b < 0x90 && hi - lo < 256)
		return lo + b % (hi - lo + 1);
	if (b < 0x90)
		return lo + guest_word(1 + (b & 1)) % (hi - lo + 1);
	switch (b & 7) {
	case 0:
		return lo;
	case 1:
		return hi;
	case 2:
		return lo - 1;
	case 3:
		return hi + 1;
	case 4:
		return 0;
	case 5:
		return ~0ull >> (guest_byte() & 63);
	default:
		return guest_word(b >> 4 & 7);
	}
}

static u64 an_argument(struct partition *p, const struct pv_grammar_arg *a)
{
	switch (a->kind) {
	case PV_GRAMMAR_HANDLE:
		return a_handle(p);
	case PV_GRAMMAR_GPA:
		return guest_gpa();
	case PV_GRAMMAR_TSC:
		return a_number(0, 1) ? sim_now() + (guest_word(2) << 8) : 0;
	case PV_GRAMMAR_FLAGS:
		return a_number(0, 3);
	default:
		return a->ranged ? a_number(a->lo, a->hi) : a_number(0, 16);
	}
}

/* ---- the parts of an exit ---- */

static u64 *rflags(struct vcpu *v)
{
	return sim_vmx ? guest_vmcs(v, GUEST_RFLAGS) : &guest_vmcb(v)->rflags;
}

static bool window_open(struct vcpu *v)
{
	bool wanted = sim_vmx ? *guest_vmcs(v, PROC_CONTROLS) & PROC_WINDOW :
				guest_vmcb(v)->v_irq;

	return wanted && *rflags(v) & RFLAGS_IF_BIT;
}

/* ---- what a guest does: true when it leaves to the C code ---- */

#define RIP_NORMAL 0x1000ull
#define RIP_CALL 0x8000ull

static bool is_resumed(struct vcpu *v) { return *guest_rip(v) == RIP_CALL; }

/* As the stub: the handler's results, then the pending word decides. */
static bool call(struct vcpu *v, u64 nr, const u64 *a)
{
	u64 at = nr < HCALL_TABLE_SIZE ? nr : HCALL_TABLE_SIZE - 1;
	struct virt_vcpu *hw = &v->hw;
	u64 begun = tlb_linear_begin();
	struct hret r;

	v->hw.calls[at]++;
	guest_calls++;
	*guest_rip(v) = RIP_CALL;
	check_turn = sim_turns;
	r = hw->table[at](a[0], a[1], a[2], a[3], a[4], a[5]);
	if (guest_trace)
		fprintf(stderr, "CPU %u: %u.%u %s(%lx, %lx, %lx, %lx) = %lu\n",
			cpu_this()->index, v->part->id, v->id,
			nr < PV_CALL_COUNT ? pv_grammar[nr].name : "?",
			(unsigned long)a[0], (unsigned long)a[1],
			(unsigned long)a[2], (unsigned long)a[3],
			(unsigned long)r.status);
	check_call(v, nr, a, r);
	check_all();
	if (nr == PV_CALL_vcpu_flush_tlb && !r.status)
		tlb_linear_end(v->part, a[1] << a[0], begun);
	if (!load_seq(&hw->pending)) {
		*guest_rip(v) = RIP_NORMAL;
		return false;
	}
	hw->how = VIRT_HOW_HCALL;
	hw->launched = 1;
	if (guest_vmcb(v)->tlb_control && !sim_vmx)
		guest_vmcb(v)->tlb_control = virt_cpu()->flush_all = 0;
	if (hw->pending & PEND_RESUME) {
		vcpu_unpend(v, PEND_RESUME);
		return true;
	}
	*guest_rip(v) = RIP_NORMAL;
	memset(hw->gpr, 0, sizeof(hw->gpr));
	hw->gpr[R_AX] = r.status;
	hw->gpr[R_DX] = r.value;
	return true;
}

/* Any number, and arguments of its grammar. */
static u64 any_call(struct vcpu *v, u64 a[6])
{
	u64 nr = guest_byte();
	u32 i;

	if (nr >= 0xf8)
		nr = guest_word(8);
	else
		nr %= PV_CALL_COUNT;
	/* these are the end of the run */
	if (!v->part->id && guest_byte() & 15 &&
	    (nr == PV_CALL_exit || nr == PV_CALL_machine_off))
		nr = PV_CALL_nop;
	for (i = 0; nr < PV_CALL_COUNT && i < pv_grammar[nr].args; i++)
		a[i] = an_argument(v->part, &pv_grammar[nr].arg[i]);
	return nr;
}

static bool some_call(struct vcpu *v)
{
	u64 a[6] = { 0 }, nr = any_call(v, a);

	return call(v, nr, a);
}

/* Up to four of them in a batch. */
static bool batch(struct vcpu *v)
{
	u64 n = 1 + (guest_byte() & 3), at = OWN(guest_byte());
	struct pv_batch_entry e[4] = { { 0 } };
	u64 a[6] = { at, n };

	for (u32 i = 0; i < n; i++)
		e[i].call = (u32)any_call(v, e[i].arg);
	if (gmem_write(v->part, gpa(at), e, n * sizeof(e[0])))
		return false;
	return call(v, PV_CALL_batch, a);
}

static bool again(struct vcpu *v)
{
	const u64 *g = v->hw.gpr;
	const u64 a[] = { g[R_DI], g[R_SI], g[R_DX], g[R_CX], g[R_8], g[R_9] };

	return call(v, g[R_AX], a);
}

/* The same of functions, their handles and who could get them. */
static bool likely_device_call(struct vcpu *v, u32 what, u32 n)
{
	u64 self = check_handle(v->part, 0), h = check_handle(v->part, n >> 4),
	    d = check_handle(v->part, 1 + (n & 3));
	const struct {
		u64 nr, a[6];
	} calls[] = {
		{ PV_CALL_device_assign, { h, d, PV_DEVICE_UNSAFE_DMA } },
		{ PV_CALL_device_take, { self, n & 3 } },
		{ PV_CALL_device_irq_bind, { d, n >> 4, n >> 2 & 1, n } },
		{ PV_CALL_device_irq_bind, { d, 0, 0, n } },
		{ PV_CALL_device_irq_ack, { d } },
		{ PV_CALL_handle_derive, { h, d, n >> 4 } },
	};
	u32 i = what % array_size(calls);

	return call(v, calls[i].nr, calls[i].a);
}

/* The n-th vCPU that waits for an answer; NULL: none does. */
static struct vcpu *waits(u32 n)
{
	struct vcpu *found[16];
	u32 count = 0;

	for (u32 i = 0; i < PARTITION_MAX; i++) {
		struct partition *p = partition_get(i);

		for (u32 k = 0; p && k < p->nr_vcpus && count < 16; k++)
			if (load_acquire(&p->vcpus[k]->io_cookie))
				found[count++] = p->vcpus[k];
	}
	return count ? found[n % count] : NULL;
}

/* Serving others: regions, and answers to what they have asked. */
static bool likely_server_call(struct vcpu *v, u32 what, u32 n)
{
	struct vcpu *w = waits(n);
	u64 cookie = w ? load_acquire(&w->io_cookie) : 0;
	u64 of = w ? check_handle_to(v->part, w->part->id) : PV_SELF;
	u64 h = check_handle(v->part, n >> 2), self = check_handle(v->part, 0);
	const struct {
		u64 nr, a[6];
	} calls[] = {
		{ PV_CALL_io_serve, { h, PV_SPACE_PORT, WORLD_PORT, 64, 9 } },
		{ PV_CALL_io_copy, { of, cookie, OWN(n) } },
		{ PV_CALL_io_copy, { of, cookie, OWN(n) + 8 * n } },
		{ PV_CALL_io_complete, { of, cookie, n } },
		{ PV_CALL_partition_enumerate, { self, n & 7 } },
		{ PV_CALL_crash, { OWN(n), n & 15 } },
	};
	u32 i = what % array_size(calls);

	return call(v, calls[i].nr, calls[i].a);
}

/* Calls that make sense, on few pages, so that they meet. */
static bool likely_call(struct vcpu *v)
{
	u32 what = guest_byte(), n = guest_byte();
	u64 h = check_handle(v->part, n >> 2), self = check_handle(v->part, 0);
	const struct {
		u64 nr, a[6];
	} calls[] = {
		{ PV_CALL_mem_share, { h, OWN(n), 1, n >> 7 } },
		{ PV_CALL_mem_accept, { h, OWN(n), 1, BORROWED(n) } },
		{ PV_CALL_mem_accept,
		  { h, OWN(n), 1, BORROWED(n), PV_ACCEPT_DMA } },
		{ PV_CALL_mem_revoke, { OWN(n), 1 } },
		{ PV_CALL_mem_return, { BORROWED(n), 1 } },
		{ PV_CALL_mem_revoke, { OWN(n), 1 } },
		{ PV_CALL_io_map, { h, BORROWED(n >> 6) } },
		{ PV_CALL_io_serve, { h, n & 1, BORROWED(n) << 8, 4096, 9 } },
		{ PV_CALL_event_bind, { h, n, n & 1 } },
		{ PV_CALL_event_send, { h } },
		{ PV_CALL_partition_create, { self, WORLD_PARAMS } },
		{ PV_CALL_partition_populate, { h, 0, 16 } },
		{ PV_CALL_partition_write,
		  { h, WORLD_START, WORLD_START, 64 } },
		{ PV_CALL_partition_start, { h, WORLD_START } },
		{ PV_CALL_partition_destroy, { h } },
		{ PV_CALL_handle_derive, { h, h, n } },
		{ PV_CALL_vcpu_start, { 1, WORLD_START } },
		{ PV_CALL_vcpu_state_get, { h, n & 1, OWN(n) } },
		{ PV_CALL_vcpu_state_set, { h, n & 1, OWN(n) } },
		{ PV_CALL_vcpu_flush_tlb, { n >> 2 & 1, 1 } },
		{ PV_CALL_event_vector_set, { n & 15, n } },
		{ PV_CALL_vcpu_vector_send, { n & 1, 1, n } },
		{ PV_CALL_trace_map, { self, n & 1, WORLD_RING(n & 1), 9 } },
		{ PV_CALL_trace_set, { self, h, n & PV_TRACE_ALL } },
		{ PV_CALL_mem_release, { OWN(n), 1 + (n >> 6) } },
		{ PV_CALL_mem_populate, { OWN(n), 1 + (n >> 6), PV_ORDER_4K } },
		{ PV_CALL_mem_populate, { BIG(0), 512, PV_ORDER_2M } },
		{ PV_CALL_mem_release, { BIG(n), 1 + (n >> 6) } },
		{ PV_CALL_mem_populate, { BIG(n), 1, PV_ORDER_4K } },
		{ PV_CALL_partition_dirty_log,
		  { n & 4 ? PV_SELF : h, !!(n & 3) } },
		{ PV_CALL_partition_dirty_read,
		  { n & 4 ? PV_SELF : h, OWN(0), 1 + (n >> 3), OWN(n) } },
		{ PV_CALL_partition_dirty_read,
		  { n & 4 ? PV_SELF : h, BIG(0), 512, OWN(n) } },
	};
	u32 i = what % array_size(calls);

	if (what >= 0xe0)
		return likely_device_call(v, what, n);
	if (what >= 0xd0)
		return likely_server_call(v, what, n);
	return call(v, calls[i].nr, calls[i].a);
}

/* Loads, and stores of nothing, of the pages that likely_call is about. */
static bool touch_all(struct vcpu *v)
{
	u8 *p;

	for (u32 n = 0; n < 4; n++) {
		tlb_access(v, OWN(n), false, &p);
		tlb_access(v, BORROWED(n), false, &p);
		tlb_access(v, BIG(n), n & 1, &p);
		tlb_access(v, OWN(n), n & 2, &p);
	}
	return false;
}

/* Loads, or stores a few bytes of the input. */
static bool touch(struct vcpu *v, bool write)
{
	u64 at = guest_gpa();
	u32 n = write ? guest_byte() & 63 : 1;
	u8 *p;

	for (; n--; at++) {
		if (!tlb_access(v, at, write, &p))
			return false;
		if (write)
			*p = (u8)guest_byte();
	}
	return false;
}

static bool act(struct vcpu *v)
{
	u32 b = guest_byte();

	steps++;
	if (b & 0x10) {
		sim_yield();
		if (sim_irq()) /* it comes before the next instruction */
			return false;
	}
	tlb_linear(v);
	switch (b & 15) {
	case 4:
	case 5:
	case 6:
	case 7:
		return likely_call(v);
	case 8:
	case 9:
		return touch_all(v);
	case 10:
	case 11:
		return touch(v, false);
	case 12:
		return touch(v, true);
	case 13:
		return exit_some(v);
	case 14:
		sim_advance(guest_word(3));
		return false;
	case 15:
		*rflags(v) ^= RFLAGS_IF_BIT;
		return false;
	case 3:
		return batch(v);
	case 2:
		return exit_string(v);
	case 1:
		if (waits(0))
			return likely_server_call(v, guest_byte() % 5,
						  guest_byte());
		return some_call(v);
	default:
		return some_call(v);
	}
}

/* ---- the stub ---- */

/* Until it leaves to the C code. */
static void stay(struct virt_vcpu *hw)
{
	struct vcpu *v = (struct vcpu *)hw;

	if (virt_current() != hw)
		sim_finding("a vCPU is entered that is not the current one");
	tlb_enter(v);
	for (;;) {
		if (guest_over())
			sim_end();
		if (sim_irq()) {
			exit_leave(v, VMX_REASON_IRQ, SVM_EXIT_INTR);
			break;
		}
		if (window_open(v)) {
			exit_leave(v, VMX_REASON_WINDOW, SVM_EXIT_VINTR);
			break;
		}
		if (is_resumed(v) ? again(v) : act(v))
			break;
	}
	if (sim_vmx)
		*guest_vmcs(v, ENTRY_INTR_INFO) &= ~(1ull << 31);
}

static struct virt_vcpu *enter(struct virt_vcpu *hw)
{
	for (;;) {
		stay(hw);
		if (hw->how != VIRT_HOW_HCALL || !virt_next ||
		    !(load_seq(&hw->pending) & PEND_LEAVE))
			return hw;
		hw = virt_next(hw);
		if (!hw)
			return NULL;
	}
}

static struct virt_vcpu *enter_vmx(struct virt_vcpu *v) { return enter(v); }

static struct virt_vcpu *enter_svm(struct virt_vcpu *v, u64 host)
{
	return enter(v);
}

static void exit_vmx(void) {}

#define VMX_STUB                    \
	{                           \
		enter_vmx, exit_vmx \
	}
typeof(vmx_stubs[0]) vmx_stubs[] = { VMX_STUB, VMX_STUB, VMX_STUB, VMX_STUB };
struct virt_vcpu *(*const svm_enters[])(struct virt_vcpu *,
					u64) = { enter_svm, enter_svm,
						 enter_svm, enter_svm };
