/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A debug build: every call is held to what pvabi/calls.def declares of it, and
 * what a call may clobber comes back poisoned (tests/hv/poison). A call that
 * breaks its promise panics, by its name.
 *
 * Each slot of the dispatch tables becomes an entry of debug_entries, which
 * looks before and behind the handler. A call that has work left comes to its
 * end later: a note of it is kept until its vCPU is entered again.
 */
#include "core/partition.h"
#include "debug.h"
#include "hcall/hcall.h"
#include "lib/bootinfo.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "pvabi/abi.h"
#include "pvabi/calls.h"
#include "pvabi/declared.h"
#include "pvabi/names.h"
#include "virt/virt.h"

#define KEPT 6	     /* RBX RBP R12 R13 R14 R15 */
#define NOTES 1024u  /* of calls that have not ended */
#define NOTE_TRIES 8 /* slots that a vCPU's note may be in */
#define POISON 0xa5c3a5c3a5c3a5c3ull
#define VREGS VREG_CR2 /* those in the VMCS or VMCB */

_Static_assert(HCALL_TABLE_SIZE == 128, "as in the assembly below");

/* What debug_entry pushes, from the stack's end up. */
struct entry {
	u64 nr; /* + HCALL_TABLE_SIZE: an entry of a batch */
	u64 arg[6];
	u64 kept[KEPT];
};

struct note {
	const struct virt_vcpu *v; /* NULL: free */
	u64 nr, calls;
	u64 kept[KEPT];
	u64 rip, rsp, rflags, cr3;
};

static const struct virt_ops *real_ops;
static struct virt_ops ops;
static hcall_fn handlers[2 * HCALL_TABLE_SIZE];
static bool unfit[HCALL_TABLE_SIZE]; /* may not stand in a batch */
static struct note notes[NOTES];
/* Of the call in hand; entries of a batch come within one. */
static u64 before[CPU_MAX][2][VREGS];

static const u32 declared[] = PV_DECLARED;
static const char *const call_names[] = PV_CALL_NAMES;
static const char *const status_names[] = PV_ERROR_NAMES;
_Static_assert(array_size(declared) == PV_CALL_COUNT, "one for each call");

__attribute__((weak, noipa)) void debug_provoke(void) {}

static const char *call_name(u64 nr)
{
	return nr < PV_CALL_COUNT ? call_names[nr] : "(none)";
}

static const char *status_name(u64 status)
{
	return status < PV_ERROR_COUNT ? status_names[status] : "no status";
}

static void results_check(u64 nr, u64 status, u64 value)
{
	u64 i = nr % HCALL_TABLE_SIZE;
	u32 may = i < PV_CALL_COUNT ? declared[i] : 1u << PV_ENOSYS;

	if (nr >= HCALL_TABLE_SIZE && unfit[i])
		may = 1u << PV_EINVAL;
	if (status >= PV_ERROR_COUNT || !(may >> status & 1))
		panic("call %s returned %lu (%s), which it does not declare",
		      call_name(i), status, status_name(status));
	if (value && (status || !(may & PV_DECLARED_RESULT)))
		panic("call %s returned a second result, %lx, with %s",
		      call_name(i), value, status_name(status));
}

static void kept_check(u64 nr, const u64 *was, const u64 *is)
{
	static const char names[KEPT][4] = { "rbx", "rbp", "r12",
					     "r13", "r14", "r15" };

	for (u32 i = 0; i < KEPT; i++)
		if (was[i] != is[i])
			panic("call %s changed %s from %lx to %lx",
			      call_name(nr), names[i], was[i], is[i]);
}

/* ---- around the handler ---- */

static u64 *vregs_of(const struct entry *f)
{
	return before[cpu_this()->index][f->nr >= HCALL_TABLE_SIZE];
}

static __attribute__((used)) hcall_fn debug_before(const struct entry *f)
{
	u64 *was = vregs_of(f);

	for (u32 r = 0; r < VREGS; r++)
		was[r] = virt->reg_get(virt_current(), r);
	return handlers[f->nr];
}

/* The note of v, or where it may be made; NULL: no room. */
static struct note *note_of(const struct virt_vcpu *v, bool make)
{
	u64 at = ptr_hpa(v).v >> PAGE_SHIFT;
	const struct virt_vcpu *none;

	for (u32 i = 0; i < NOTE_TRIES; i++)
		if (load_relaxed(&notes[(at + i) % NOTES].v) == v)
			return &notes[(at + i) % NOTES];
	for (u32 i = 0; make && i < NOTE_TRIES; i++) {
		none = NULL;
		if (__atomic_compare_exchange_n(
			    &notes[(at + i) % NOTES].v, &none, v, false,
			    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return &notes[(at + i) % NOTES];
	}
	return NULL;
}

static void note_make(const struct entry *f, const u64 *was)
{
	struct virt_vcpu *v = virt_current();
	struct note *n = note_of(v, true);

	if (!n)
		return;
	n->nr = f->nr;
	n->calls = v->calls[f->nr];
	memcpy(n->kept, f->kept, sizeof(n->kept));
	n->rip = was[VREG_RIP];
	n->rsp = was[VREG_RSP];
	n->rflags = was[VREG_RFLAGS];
	n->cr3 = was[VREG_CR3];
}

/* now: the kept registers as the handler has left them. */
static __attribute__((used)) void debug_after(const struct entry *f, u64 status,
					      u64 value, const u64 *now)
{
	const u64 *was = vregs_of(f);
	struct virt_vcpu *v = virt_current();
	u64 nr = f->nr % HCALL_TABLE_SIZE;

	kept_check(nr, f->kept, now);
	for (u32 r = 0; r < VREGS; r++)
		if (virt->reg_get(v, r) != was[r])
			panic("call %s changed register %u of its caller",
			      call_name(nr), r);
	if (load_relaxed(&v->pending) & PEND_RESUME)
		status = value = 0; /* ignored */
	else
		results_check(f->nr, status, value);
	if (f->nr < PV_CALL_COUNT && load_relaxed(&v->pending) &&
	    !(declared[nr] & PV_DECLARED_ENDS && !status))
		note_make(f, was);
}

/* clang-format off */
__asm__(".text\n"
	".globl debug_entries\n"
	".set n, 0\n"
	"debug_entries:\n"
	".rept 256\n"
	"	.balign 16\n"
	"	mov $n, %eax\n"
	"	jmp debug_entry\n"
	"	.set n, n + 1\n"
	".endr\n"
	"debug_entry:\n"
	"	push %r15; push %r14; push %r13; push %r12; push %rbp; push %rbx\n"
	"	push %r9; push %r8; push %rcx; push %rdx; push %rsi; push %rdi\n"
	"	push %rax\n"
	"	mov %rsp, %rdi\n"
	"	call debug_before\n"
	"	mov 8(%rsp), %rdi\n"
	"	mov 16(%rsp), %rsi\n"
	"	mov 24(%rsp), %rdx\n"
	"	mov 32(%rsp), %rcx\n"
	"	mov 40(%rsp), %r8\n"
	"	mov 48(%rsp), %r9\n"
	"	call *%rax\n"
	"	push %r15; push %r14; push %r13; push %r12; push %rbp; push %rbx\n"
	"	mov %rsp, %rcx\n"
	"	push %rax; push %rdx\n"
	"	lea 48(%rcx), %rdi\n"
	"	mov %rax, %rsi\n"
	"	call debug_after\n"
	"	pop %rdx; pop %rax\n"
	"	add $19 * 8, %rsp\n"
	"	ret\n");
/* clang-format on */
extern const char debug_entries[];

/* ---- at the entry behind a call that had work left ---- */

static void clobbered_check(const struct virt_vcpu *v, u64 nr)
{
	static const u8 regs[] = { R_CX, R_SI, R_DI, R_8, R_9, R_10, R_11 };

	for (u32 i = 0; i < array_size(regs); i++)
		if (v->gpr[regs[i]] != POISON)
			panic("call %s leaves %lx in register %u",
			      call_name(nr), v->gpr[regs[i]], regs[i]);
}

static void end_check(struct virt_vcpu *v, const struct note *n)
{
	const u64 kept[KEPT] = { v->gpr[R_BX], v->gpr[R_BP], v->gpr[R_12],
				 v->gpr[R_13], v->gpr[R_14], v->gpr[R_15] };
	u64 rip = virt->reg_get(v, VREG_RIP);

	kept_check(n->nr, n->kept, kept);
	if (virt->reg_get(v, VREG_RSP) != n->rsp ||
	    virt->reg_get(v, VREG_RFLAGS) != n->rflags ||
	    virt->reg_get(v, VREG_CR3) != n->cr3)
		panic("call %s changed RSP, RFLAGS or CR3", call_name(n->nr));
	if (rip == n->rip) { /* it resumes */
		if (v->gpr[R_AX] != n->nr)
			panic("call %s resumes as %lu", call_name(n->nr),
			      v->gpr[R_AX]);
		return;
	}
	if (rip != n->rip + VIRT_CALL_LEN)
		panic("call %s goes on at %lx", call_name(n->nr), rip);
	results_check(n->nr, v->gpr[R_AX], v->gpr[R_DX]);
	clobbered_check(v, n->nr);
}

static struct virt_vcpu *enter(struct virt_vcpu *v)
{
	struct note *n = note_of(v, false);

	if (n && v->how == VIRT_HOW_HCALL && v->calls[n->nr] == n->calls)
		end_check(v, n);
	if (n)
		store_release(&n->v, NULL);
	return real_ops->enter(v);
}

void hv_provoke(void)
{
	for (u32 i = 0; i < HCALL_TABLE_SIZE; i++)
		unfit[i] = virt_hcall_table[i] !=
			   virt_hcall_table[HCALL_BATCH + i];
	debug_provoke();
	for (u32 i = 0; i < array_size(handlers); i++) {
		handlers[i] = virt_hcall_table[i];
		virt_hcall_table[i] = (hcall_fn)(debug_entries + 16 * i);
	}
	virt_next = NULL; /* each entry comes by here */
	real_ops = virt;
	ops = *virt;
	ops.enter = enter;
	virt = &ops;
	partition_get(0)->vcpus[0]->hw.enter = enter; /* made already */
}
