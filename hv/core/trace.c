/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace's rings and their records: see pvabi/manual.md for the protocol. */
#include "core/trace.h"
#include "core/event.h"
#include "core/gmem.h"
#include "lib/string.h"

#define RING_ORDER 5
static_assert_size(struct pv_trace_ring, PAGE_SIZE << RING_ORDER);
static_assert_size(struct pv_trace_record, 128);

/* Guards the rings' making; taken before a partition's lock. */
static struct lock trace_lock;

/* Never changes once `ring` is set, which the CPU's own code then writes. */
static struct trace_cpu {
	struct pv_trace_ring *ring; /* NULL: nobody has asked for it */
	u32 part, gen, port;	    /* who is told; gen 0: nobody maps it */
} cpus[CPU_MAX];

/* ---- making ---- */

static struct pv_trace_ring *ring_new(struct partition *p, u32 cpu)
{
	struct pv_trace_ring *r;

	lock_scope(&p->lock);
	r = partition_pages(p, RING_ORDER);
	if (!r)
		return NULL;
	r->magic = PV_TRACE_MAGIC;
	r->cpu = cpu;
	r->records = PV_TRACE_RECORDS;
	r->tsc_khz = tsc_khz;
	return r;
}

int trace_map(struct partition *p, u32 cpu, gpa_t at, u32 port)
{
	struct trace_cpu *t;
	int err;

	if (cpu >= cpu_count)
		return PV_EINVAL;
	t = &cpus[index_clamp(cpu, CPU_MAX)];
	lock_scope(&trace_lock);
	if (t->gen)
		return PV_EEXIST;
	if (!t->ring) /* it stays, also where it cannot be mapped */
		store_release(&t->ring, ring_new(p, cpu));
	if (!t->ring)
		return PV_ENOMEM;
	err = gmem_map(p, at, ptr_hpa(t->ring), sizeof(*t->ring), NP_READ);
	if (err)
		return err;
	t->part = p->id;
	t->port = port;
	store_release(&t->gen, p->gen);
	return PV_OK;
}

void trace_unmapped(void)
{
	lock_scope(&trace_lock);
	for (u32 i = 0; i < cpu_count; i++)
		cpus[i].gen = 0;
}

static void trace_decode(struct virt_vcpu *hw, struct exit *x);

int trace_set(struct partition *p, u32 what)
{
	for (u32 i = 0; i < cpu_count; i++)
		if (!load_acquire(&cpus[i].gen))
			return PV_ESTATE;
	lock_scope(&p->lock);
	for (u32 i = 0; i < p->nr_vcpus; i++) {
		struct vcpu *v = p->vcpus[i];
		u32 calls = what & PV_TRACE_CALLS ? HCALL_TRACED : 0;

		store_release(&v->traced, what);
		store_release(&v->hw.table, virt_hcall_table + calls);
		store_release(&v->hw.decode, what & PV_TRACE_EXITS ?
						     trace_decode :
						     virt->exit_decode);
	}
	return PV_OK;
}

/* ---- writing ---- */

/* No interrupt handler writes records, so nothing comes in between. */
static void write(const struct vcpu *v, struct pv_trace_record *r)
{
	const struct trace_cpu *t = &cpus[cpu_this()->index];
	struct pv_trace_record *to;
	struct partition *reader;
	u64 n;

	if (!(load_relaxed(&v->traced) >> r->kind & 1))
		return; /* not any more */
	n = t->ring->head + 1;
	to = &t->ring->record[(n - 1) % PV_TRACE_RECORDS];
	r->part = (u16)v->part->id;
	r->vcpu = (u16)v->id;
	r->seq = 0;
	store_relaxed(&to->seq, 0);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* before what it held goes */
	*to = *r;
	store_release(&to->seq, n);
	store_release(&t->ring->head, n);
	reader = n % (PV_TRACE_RECORDS / 2) ? NULL :
					      partition_live(t->part, t->gen);
	if (reader)
		event_send(reader, t->port);
}

/* The slow half of a call that waited: the results are in the registers. */
static void call_returned(struct vcpu *v)
{
	struct pv_trace_record *r = &v->open;

	if (v->open_finish)
		v->open_finish(v);
	if (load_relaxed(&v->hw.pending) & PEND_CALL)
		return; /* one more round */
	r->flags &= ~PV_RECORD_WAITS;
	r->ticks = rdtsc() - r->tsc;
	r->status = (u32)v->hw.gpr[R_AX];
	r->value = v->hw.gpr[R_DX];
	write(v, r);
}

/* Another vCPU may start one that stops: its call_finish is not ours then. */
static bool waits(const struct vcpu *v, const struct pv_trace_record *r,
		  u32 work)
{
	return r->nr != PV_CALL_vcpu_stop && !(work & PEND_DIED) &&
	       (v->call_finish || work & PEND_BLOCK);
}

void trace_call(struct vcpu *v, struct pv_trace_record *r)
{
	u32 work = load_seq(&v->hw.pending);

	r->ticks = rdtsc() - r->tsc;
	if (work & PEND_RESUME && !(r->flags & PV_RECORD_BATCH)) {
		r->flags |= PV_RECORD_RESUMES;
	} else if (waits(v, r, work)) {
		r->flags |= PV_RECORD_WAITS;
		v->open = *r;
		v->open_finish = v->call_finish;
		v->call_finish = call_returned;
		vcpu_pend(v, PEND_CALL);
	}
	write(v, r);
}

/* ---- exits and switches ---- */

/* clang-format off */
/* What exits.def says of a kind: where struct exit has it, and of what size. */
#define FIELD(f) { offsetof(struct exit, f), sizeof(((struct exit *)NULL)->f) }
static const struct field {
	u16 at, size;
} operands[][3] = {
	[EXIT_IO] = { FIELD(io_port), FIELD(io_size), FIELD(io_in) },
	[EXIT_CR] = { FIELD(cr_nr), FIELD(cr_op), FIELD(cr_gpr) },
	[EXIT_DR] = { FIELD(cr_nr), FIELD(cr_op), FIELD(cr_gpr) },
	[EXIT_MMIO] = { FIELD(mmio_gpa), FIELD(mmio_write), FIELD(mmio_exec) },
	[EXIT_INVLPG] = { FIELD(invlpg_gva) },
	[EXIT_RDTSC] = { FIELD(variant) },
	[EXIT_EXCEPTION] = { FIELD(exc_vector), FIELD(exc_error), FIELD(exc_cr2) },
};
/* clang-format on */

static void exit_operands(const struct vcpu *v, const struct exit *x, u64 a[3])
{
	const u64 *g = v->hw.gpr;

	if (x->kind == EXIT_CPUID) {
		a[0] = (u32)g[R_AX];
		a[1] = (u32)g[R_CX];
	} else if (x->kind == EXIT_MSR) {
		a[0] = (u32)g[R_CX];
		a[1] = x->variant;
		a[2] = x->variant ? g[R_DX] << 32 | (u32)g[R_AX] : 0;
	} else if (x->kind < array_size(operands)) {
		for (const struct field *f = operands[x->kind], *end = f + 3;
		     f < end; f++)
			memcpy(a++, (const u8 *)x + f->at, f->size);
	}
}

static bool is_known(const struct exit *x)
{
	return x->known || (x->kind != EXIT_CR && x->kind != EXIT_DR &&
			    x->kind != EXIT_INVLPG);
}

static void trace_decode(struct virt_vcpu *hw, struct exit *x)
{
	const struct vcpu *v = (struct vcpu *)hw;
	struct pv_trace_record r = { .kind = PV_RECORD_EXIT, .tsc = rdtsc() };

	virt->exit_decode(hw, x);
	r.nr = (u16)x->kind;
	r.rip = virt->reg_get(hw, VREG_RIP);
	if (is_known(x))
		exit_operands(v, x, r.arg);
	else
		r.flags = PV_RECORD_OPAQUE;
	if (x->kind != EXIT_HCALL) { /* else they are those of an exit before */
		r.arg[3] = x->hw_reason;
		r.arg[4] = x->hw_info1;
		r.arg[5] = x->hw_info2;
	}
	write(v, &r);
}

void trace_switch(struct vcpu *v)
{
	/* clang-format off */
	static const u8 why[] = {
		[VCPU_STOPPED] = PV_LEFT_STOPPED, [VCPU_WAITING] = PV_LEFT_WAITS,
		[VCPU_IO] = PV_LEFT_IO,           [VCPU_RUNNING] = PV_LEFT_PREEMPTED,
		[VCPU_READY] = PV_LEFT_PREEMPTED,
	};
	/* clang-format on */
	struct pv_trace_record r = { .kind = PV_RECORD_SWITCH,
				     .tsc = v->run_since };

	r.nr = load_relaxed(&v->hw.pending) & PEND_DIED ?
		       PV_LEFT_ENDED :
		       why[load_relaxed(&v->state)];
	r.ticks = rdtsc() - r.tsc;
	write(v, &r);
}
