/* SPDX-License-Identifier: BSD-2-Clause */
/* Nested page faults: device registers that a partition serves, or the end. */
#include "core/sched.h"
#include "trap/emul.h"

#define MISSING_US 10000000
#define MISSING_APART 8 /* entries: other exits may come in between */

static u64 reg_value(struct vcpu *v, const struct insn *i)
{
	if (insn_high(i, i->size))
		return v->hw.gpr[i->reg & 3] >> 8 & 0xff;
	return trap_gpr(v, i->reg);
}

static void reg_put(struct vcpu *v, const struct insn *i, u64 val)
{
	u64 *r = &v->hw.gpr[i->reg & 3];

	if (insn_high(i, i->size))
		*r = (*r & ~0xff00ull) | (val & 0xff) << 8;
	else
		trap_gpr_set(v, i->reg, val, i->size);
}

static void mmio_finish(struct vcpu *v, u64 value);

static void mmio_send(struct vcpu *v, bool write, u64 value)
{
	const struct io_state *s = io_state(v);
	struct ioreq r = { .space = PV_SPACE_MMIO,
			   .addr = s->at,
			   .size = s->i.msize,
			   .write = write,
			   .count = 1,
			   .value = insn_mask(value, s->i.msize) };
	bool posted = false;

	v->io_finish = mmio_finish;
	if (ioreq_send(v, &r, &posted) != PV_OK)
		partition_die(v,
			      "access to guest-physical address 0x%lx: "
			      "its server is gone",
			      r.addr);
	else if (!posted)
		mmio_finish(v, 0);
}

static void mmio_store(struct vcpu *v, u64 value)
{
	io_state(v)->written = true;
	mmio_send(v, true, value);
}

/* Flags, and the result in a register or in *value. true: that is stored. */
static bool alu(struct vcpu *v, const struct io_state *s, u64 *value)
{
	bool to_reg = s->i.op == INSN_ALU_RM;
	u64 flags = reg_get(v, VREG_RFLAGS);

	*value = insn_alu(s->i.alu, s->i.msize, to_reg ? s->operand : *value,
			  to_reg ? *value : s->operand, &flags);
	reg_set(v, VREG_RFLAGS, flags);
	if (s->i.alu == ALU_CMP || s->i.alu == ALU_TEST)
		return false;
	if (to_reg)
		reg_put(v, &s->i, *value);
	return !to_reg;
}

static bool is_string(const struct insn *i) { return i->op >= INSN_MOVS; }

/* The server has answered a read (value) or taken a write. */
static void mmio_finish(struct vcpu *v, u64 value)
{
	struct io_state *s = io_state(v);
	const struct insn *i = &s->i;

	value = insn_mask(value, i->msize);
	if (s->written) {
		if (i->op == INSN_XCHG)
			reg_put(v, i, s->old);
	} else if (i->op == INSN_LOAD) {
		reg_put(v, i, i->sign ? insn_sext(value, i->msize) : value);
	} else if (i->op == INSN_MOVS) {
		if (!trap_copy(v, s->operand, &value, i->msize, true))
			return;
	} else if (i->op == INSN_XCHG) {
		s->old = value;
		return mmio_store(v, s->operand);
	} else if (alu(v, s, &value)) {
		return mmio_store(v, value);
	}
	if (!is_string(i) ||
	    trap_string_step(v, i, 1, i->op != INSN_STOS, true))
		trap_advance(v, i->len);
}

/* Collects the operands; *at is the address of the one that faulted. */
static bool operands(struct vcpu *v, struct io_state *s, bool write, u64 *at)
{
	const struct insn *i = &s->i;

	if (!is_string(i)) {
		s->operand = i->op == INSN_STORE_IMM || i->op == INSN_ALU_MI ?
				     i->imm :
				     reg_value(v, i);
		return trap_address(v, i, at);
	}
	*at = trap_string_at(v, i, write);
	s->operand = v->hw.gpr[R_AX];
	if (i->op == INSN_MOVS)
		s->operand = write ? 0 : trap_string_at(v, i, true);
	return i->op != INSN_MOVS || !write ||
	       trap_copy(v, trap_string_at(v, i, false), &s->operand, i->size,
			 false);
}

static void mmio_emulate(struct vcpu *v, struct io_state *s,
			 const struct exit *x)
{
	u64 at;

	if (!operands(v, s, x->mmio_write, &at))
		return;
	s->at = x->mmio_gpa.v;
	s->written = false;
	if (!(s->i.mem || is_string(&s->i)) || ((at ^ s->at) & PAGE_MASK) ||
	    (at & PAGE_MASK) + s->i.msize > PAGE_SIZE)
		partition_die(v,
			      "device access at 0x%lx crosses a page, or "
			      "its code has changed",
			      at);
	else if (s->i.op == INSN_STORE || s->i.op == INSN_STORE_IMM ||
		 (is_string(&s->i) && x->mmio_write))
		mmio_store(v, s->operand);
	else
		mmio_send(v, false, 0);
}

/* Another vCPU or the server has mapped it since: the guest tries again. */
static bool mapped_now_locked(struct vcpu *v, const struct exit *x)
{
	u32 flags = 0;
	hpa_t to;

	if (!nested_lookup(&v->part->space, x->mmio_gpa, &to, &flags, NULL) ||
	    !(flags & (x->mmio_write ? NP_WRITE : NP_READ)) ||
	    (x->mmio_exec && !(flags & NP_EXEC)))
		return false;
	if (x->mmio_write)
		nested_log_put(&v->part->space, x->mmio_gpa);
	virt_flush(&v->hw);
	return true;
}

/* Ends the partition, with what the access was; only the last two of its names
 * are an instruction's. */
static enum trap_end refuse(struct vcpu *v, const struct exit *x)
{
	bool read_only = x->mmio_present && x->mmio_write;
	const char *what = read_only	    ? "write" :
			   x->mmio_delivery ? "delivery of an event" :
			   x->mmio_walk	    ? "page-table walk" :
			   x->mmio_exec	    ? "instruction fetch" :
			   x->mmio_write    ? "write access" :
					      "access";

	partition_die(v, "%s to %s guest-physical address 0x%lx", what,
		      read_only ? "read-only" : "unmapped", x->mmio_gpa.v);
	return TRAP_DONE;
}

/*
 * Another vCPU may be about to map a page there anew, which takes it two calls:
 * the event that was cut short is then delivered again, for so long at most.
 */
static bool awaited(struct vcpu *v, u64 at)
{
	u64 now = rdtsc();

	if (at != v->missing_at ||
	    v->hw.entries - v->missing_entry > MISSING_APART)
		v->missing_since = now;
	v->missing_at = at;
	v->missing_entry = v->hw.entries;
	if (v->part->nr_vcpus == 1 ||
	    now - v->missing_since > tsc_from_us(MISSING_US))
		return false;
	sched_yield(v);
	/* Timers are looked at even if nobody else is ready: an entry that is cut
	 * short in its delivery is ended by none (SDM Vol. 3C, 27.7.4). */
	vcpu_pend(v, PEND_RESCHED);
	return true;
}

enum trap_end trap_mmio(struct vcpu *v, struct exit *x)
{
	bool operand = !x->mmio_delivery && !x->mmio_walk && !x->mmio_exec,
	     mapped, served;
	struct io_state *s = io_state(v);

	lock_take(&v->part->lock);
	mapped = mapped_now_locked(v, x);
	served = ioreq_overlaps(v->part, PV_SPACE_MMIO, x->mmio_gpa.v, 1);
	lock_drop(&v->part->lock);
	if (mapped)
		return TRAP_DONE;
	/* a guest may revoke a share while the host partition uses it: that
	 * must not end the host partition, whose program expects the fault */
	if (operand && !v->part->id)
		return TRAP_GP;
	if (x->mmio_delivery && !x->mmio_present && awaited(v, x->mmio_gpa.v))
		return TRAP_DONE;
	if (!operand || !served || (x->mmio_present && x->mmio_write))
		return refuse(v, x);
	if (trap_decode(v, &s->i, INSN_LOAD, INSN_STOS))
		mmio_emulate(v, s, x);
	return TRAP_DONE;
}
