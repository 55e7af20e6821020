/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk of a guest's own page tables (SDM Vol. 3A 4.3 to 4.6). */
#include "lib/regs.h"
#include "core/gmem.h"
#include "pvabi/calls.h"

#define PF_P 1u
#define PF_W 2u
#define PF_U 4u
#define PF_RSVD 8u
#define PF_I 16u

/* One walk: the registers that steer it, and what it has gathered. */
struct walk {
	struct vcpu *v;
	struct walk_access a;
	u64 cr0, cr4, efer, rflags;
	unsigned levels, entry_size;
	u64 rights; /* W and U as the AND, NX as the OR of the entries */
	u32 error;
};

/* Of a level's entry: shift of the address bits that index it. */
static unsigned level_shift(const struct walk *w, unsigned level)
{
	return 12 + (level - 1) * (w->entry_size == 8 ? 9 : 10);
}

static u64 level_index(const struct walk *w, u64 at, unsigned level)
{
	return at >> level_shift(w, level) & (PAGE_SIZE / w->entry_size - 1);
}

/* Sets A (and D) in memory as the CPU would, if the guest can write there. */
static void mark(struct walk *w, u64 where, u64 old, u64 bits)
{
	struct partition *p = w->v->part;
	u32 flags;
	hpa_t h;

	if ((old & bits) == bits)
		return;
	lock_take(&p->lock);
	/* A and D are in the low four bytes of either form */
	if (nested_lookup(&p->space, gpa(where), &h, &flags, NULL) &&
	    flags & NP_WRITE && !(flags & NP_DEVICE))
		__atomic_fetch_or((u32 *)hpa_ptr(h), (u32)bits,
				  __ATOMIC_SEQ_CST);
	lock_drop(&p->lock);
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
	bool user_page = w->rights & PTE_U;

	if (w->a.user && !user_page)
		return false;
	if (w->a.exec) {
		if (!w->a.user && user_page && w->cr4 & CR4_SMEP)
			return false;
		return !(w->rights & PTE_NX && w->efer & EFER_NXE);
	}
	if (!w->a.user && user_page && w->cr4 & CR4_SMAP &&
	    !(w->rflags & RFLAGS_AC))
		return false;
	return !w->a.write || w->rights & PTE_W ||
	       (!w->a.user && !(w->cr0 & CR0_WP));
}

static bool is_large(const struct walk *w, u64 e, unsigned level)
{
	if (!(e & PTE_PS))
		return false;
	if (w->entry_size == 4)
		return level == 2 && w->cr4 & CR4_PSE;
	return level == 2 || (level == 3 && w->levels == 4);
}

static u64 page_base(const struct walk *w, u64 e, unsigned level)
{
	u64 low = (1ull << level_shift(w, level)) - 1;

	if (w->entry_size == 4 && level == 2) /* PSE-36 */
		return (e & 0xffc00000) | (e >> 13 & 0xff) << 32;
	return e & PTE_ADDR & ~low;
}

static bool entry_bad(const struct walk *w, u64 e, unsigned level)
{
	if (w->entry_size == 4)
		return false;
	if (e & PTE_ADDR & ~((1ull << cpu_feat.phys_bits) - 1))
		return true;
	if (e & PTE_NX && !(w->efer & EFER_NXE))
		return true;
	return e & PTE_PS && level > 2 && !is_large(w, e, level);
}

static void gather(struct walk *w, u64 e, unsigned level)
{
	if (w->levels == 3 && level == 3) /* PAE: the PDPTE has no rights */
		return;
	w->rights = (w->rights & e & (PTE_W | PTE_U)) |
		    ((w->rights | e) & PTE_NX);
}

static bool walk_tables(struct walk *w, u64 table, u64 at, u64 *out)
{
	unsigned level;
	u64 e, where;

	w->rights = PTE_W | PTE_U;
	for (level = w->levels;; level--) {
		where = table + level_index(w, at, level) * w->entry_size;
		e = 0;
		if (gmem_read(w->v->part, gpa(where), &e, w->entry_size) ||
		    !(e & PTE_P))
			return fault(w, 0);
		if (entry_bad(w, e, level))
			return fault(w, PF_P | PF_RSVD);
		gather(w, e, level);
		if (level == 1 || is_large(w, e, level))
			break;
		if (w->levels != 3 || level != 3)
			mark(w, where, e, PTE_A);
		table = e & PTE_ADDR;
	}
	if (!allowed(w))
		return fault(w, PF_P);
	mark(w, where, e, PTE_A | (w->a.write ? PTE_D : 0));
	*out = page_base(w, e, level) |
	       (at & ((1ull << level_shift(w, level)) - 1));
	return true;
}

bool gmem_walk(struct vcpu *v, gva_t at, struct walk_access a, gpa_t *out,
	       u32 *pf_error)
{
	static const u64 root_mask[] = {
		[2] = 0xfffff000, [3] = 0xffffffe0, [4] = PTE_ADDR
	};
	struct walk w = { .v = v, .a = a };
	u64 cr3;
	bool ok;

	w.cr0 = virt->reg_get(&v->hw, VREG_CR0);
	if (!(w.cr0 & CR0_PG)) {
		*out = gpa(at.v & 0xffffffff);
		return true;
	}
	cr3 = virt->reg_get(&v->hw, VREG_CR3);
	w.cr4 = virt->reg_get(&v->hw, VREG_CR4);
	w.efer = virt->reg_get(&v->hw, VREG_EFER);
	w.rflags = virt->reg_get(&v->hw, VREG_RFLAGS);
	w.entry_size = w.cr4 & CR4_PAE ? 8 : 4;
	w.levels = w.efer & EFER_LMA ? 4 : w.cr4 & CR4_PAE ? 3 : 2;
	ok = walk_tables(&w, cr3 & root_mask[w.levels],
			 w.levels == 4 ? at.v : (u32)at.v, &out->v);
	if (!ok)
		*pf_error = w.error;
	return ok;
}

static bool copy_gva(struct vcpu *v, u64 at, u8 *buf, u64 n,
		     struct walk_access a, u64 *fault_at, u32 *pf_error)
{
	while (n) {
		u64 c = PAGE_SIZE - (at & PAGE_MASK);
		gpa_t where;
		int err;

		c = c < n ? c : n;
		*fault_at = at;
		if (!gmem_walk(v, gva(at), a, &where, pf_error))
			return false;
		err = a.write ? gmem_write(v->part, where, buf, c) :
				gmem_read(v->part, where, buf, c);
		if (err) {
			*pf_error = GMEM_NO_MEMORY;
			return false;
		}
		at += c;
		buf += c;
		n -= c;
	}
	return true;
}

bool gmem_read_gva(struct vcpu *v, gva_t at, void *to, u64 n,
		   struct walk_access a, u64 *fault_at, u32 *pf_error)
{
	a.write = false;
	return copy_gva(v, at.v, to, n, a, fault_at, pf_error);
}

bool gmem_write_gva(struct vcpu *v, gva_t at, const void *from, u64 n,
		    struct walk_access a, u64 *fault_at, u32 *pf_error)
{
	a.write = true;
	return copy_gva(v, at.v, (u8 *)(uintptr_t)from, n, a, fault_at,
			pf_error);
}
