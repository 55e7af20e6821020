/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk of a guest's own page tables in long mode (SDM Vol. 3A 4.5, 4.6). */
#include "core/gmem.h"
#include "lib/string.h"

enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16 };

/* One walk: the registers that steer it, and what it has gathered. */
struct walk {
	struct vcpu *v;
	struct walk_access a;
	u64 cr0, cr3, cr4, efer, rflags;
	unsigned shift; /* of the address bits that index the entry in hand */
	u64 rights;	/* W and U as the AND, NX as the OR of the entries */
	u32 error;
	struct walk_trail trail;
};

/* Where guest-physical memory is; NULL: there is none, or not so. */
static void *host_locked(const struct walk *w, u64 at, u32 need)
{
	u8 *ptr;

	return gmem_span_locked(w->v->part, at, need, &ptr) ? ptr : NULL;
}

/* Sets A (and D) in memory as the CPU would, if the guest can write there. */
static void mark_locked(const struct walk *w, u64 where, u64 old, u64 bits)
{
	u64 *e;

	if ((old & bits) == bits)
		return;
	e = host_locked(w, where, NP_WRITE);
	if (e)
		or_seq(e, bits);
}

static bool fault(struct walk *w, u32 bits)
{
	w->error = bits | (w->a.write ? PF_W : 0) | (w->a.user ? PF_U : 0);
	if (w->a.exec && (w->efer & EFER_NXE || w->cr4 & CR4_SMEP))
		w->error |= PF_I;
	return false;
}

static bool allowed(const struct walk *w)
{
	bool user_page = w->rights & PTE_U, user = w->a.user;

	if (user && !user_page)
		return false;
	if (w->a.exec)
		return !(w->rights & PTE_NX && w->efer & EFER_NXE) &&
		       (user || !user_page || !(w->cr4 & CR4_SMEP));
	if (!user && user_page && w->cr4 & CR4_SMAP && !(w->rflags & RFLAGS_AC))
		return false;
	return !w->a.write || w->rights & PTE_W ||
	       (!user && !(w->cr0 & CR0_WP));
}

static bool is_leaf(u64 e, unsigned level)
{
	return level == 1 || (e & PTE_PS && level <= 3);
}

static bool entry_bad(const struct walk *w, u64 e, unsigned level)
{
	return e & PTE_ADDR & ~0ull << cpu_feat.phys_bits ||
	       (e & PTE_NX && !(w->efer & EFER_NXE)) ||
	       (e & PTE_PS && level > 3);
}

/* Reads one entry, and notes it in the trail. */
static bool entry_read_locked(struct walk *w, u64 where, u64 *e)
{
	u64 *at = host_locked(w, where, NP_READ);

	if (!at)
		return false;
	*e = load_relaxed(at);
	w->trail.entry[w->trail.nr] = at;
	w->trail.was[w->trail.nr++] = *e | PTE_A;
	return *e & PTE_P;
}

static bool walk_tables_locked(struct walk *w, u64 at, u64 *out)
{
	u64 e, where, table = w->cr3 & PTE_ADDR;

	w->rights = PTE_W | PTE_U;
	for (unsigned level = 4;; level--, table = e & PTE_ADDR) {
		w->shift = PAGE_SHIFT + (level - 1) * 9;
		where = table + (at >> w->shift & 511) * sizeof(e);
		if (!entry_read_locked(w, where, &e))
			return fault(w, 0);
		if (entry_bad(w, e, level))
			return fault(w, PF_P | PF_RSVD);
		w->rights = (w->rights & e & (PTE_W | PTE_U)) |
			    ((w->rights | e) & PTE_NX);
		if (is_leaf(e, level))
			break;
		mark_locked(w, where, e, PTE_A);
	}
	if (!allowed(w))
		return fault(w, PF_P);
	mark_locked(w, where, e, PTE_A | (w->a.write ? PTE_D : 0));
	*out = (e & PTE_ADDR & ~0ull << w->shift) |
	       (at & ((1ull << w->shift) - 1));
	return true;
}

static u64 reg(struct vcpu *v, enum vreg r) { return virt->reg_get(&v->hw, r); }

/* Where one byte is; NULL: no translation, or no memory (see gmem_gva). */
static u8 *resolve_locked(struct walk *w, u64 at, struct walk_fault *f)
{
	struct vcpu *v = w->v;

	f->at = at;
	f->gpa = (u32)at; /* without paging */
	w->cr0 = reg(v, VREG_CR0);
	w->cr3 = reg(v, VREG_CR3);
	w->cr4 = reg(v, VREG_CR4);
	w->efer = reg(v, VREG_EFER);
	w->rflags = reg(v, VREG_RFLAGS);
	f->error = GMEM_NO_WALK;
	if (w->cr0 & CR0_PG && !(w->efer & EFER_LMA))
		return NULL;
	if (w->cr0 & CR0_PG && !walk_tables_locked(w, at, &f->gpa)) {
		f->error = w->error;
		return NULL;
	}
	f->error = GMEM_NO_MEMORY;
	return host_locked(w, f->gpa, w->a.write ? NP_WRITE : NP_READ);
}

bool gmem_gva(struct vcpu *v, u64 at, void *buf, u64 n, struct walk_access a,
	      struct walk_fault *f)
{
	lock_scope(&v->part->lock);
	for (u64 c; n; n -= c, at += c) {
		struct walk w = { .v = v, .a = a };
		u8 *to = resolve_locked(&w, at, f);

		if (!to)
			return false;
		c = PAGE_SIZE - (at & PAGE_MASK);
		c = c < n ? c : n;
		if (!buf)
			continue;
		memcpy(a.write ? to : buf, a.write ? buf : to, c);
		buf = (u8 *)buf + c;
	}
	return true;
}

/*
 * Would a walk for `at` find the page that is kept? It read these entries, which
 * are read again here, from this root. Rights were checked by the CPU, which
 * has just fetched there. The pointers are good: a frame that leaves the space
 * serves another end only after a shootdown, which bumps gen and then waits
 * until this CPU takes interrupts.
 */
static bool code_kept(struct vcpu *v, u64 at)
{
	const struct code_page *c = &v->code;

	if (c->at != (at & ~PAGE_MASK) || !c->page ||
	    c->gen != load_acquire(&v->part->space.gen) ||
	    c->cr3 != reg(v, VREG_CR3) || !(reg(v, VREG_EFER) & EFER_LMA))
		return false;
	for (u32 k = 0; k < c->trail.nr; k++)
		if (load_relaxed(c->trail.entry[k]) != c->trail.was[k])
			return false;
	return true;
}

static const u8 *code_walk(struct vcpu *v, u64 at, struct walk_fault *f)
{
	struct walk w = {
		.v = v, .a = { .exec = true, .user = reg(v, VREG_CPL) == 3 }
	};
	u32 gen = load_acquire(&v->part->space.gen);
	const u8 *to;

	lock_scope(&v->part->lock);
	to = resolve_locked(&w, at, f);
	v->code.page = to ? to - (at & PAGE_MASK) : NULL;
	v->code.at = at & ~PAGE_MASK;
	v->code.cr3 = w.cr3;
	v->code.gen = gen;
	v->code.trail = w.trail;
	return to;
}

const u8 *gmem_code(struct vcpu *v, u64 at, struct walk_fault *f)
{
	return likely(code_kept(v, at)) ? v->code.page + (at & PAGE_MASK) :
					  code_walk(v, at, f);
}
