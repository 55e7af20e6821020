/* SPDX-License-Identifier: BSD-2-Clause */
/* What the emulators share: faults, fetch and decode, advance, operands. */
#include "trap/emul.h"
#include "lib/log.h"
#include "lib/string.h"

/* The exceptions that have an error code, as bits (SDM 3A, table 6-1). */
#define WITH_ERROR 0x27d00u

/* It goes before an event whose delivery the exit cut short: with #DB and #AC,
 * the only ones that come so, that makes no double fault (SDM 3A 6.15). */
bool trap_fault(struct vcpu *v, u8 vector, u32 error)
{
	u32 has_error = WITH_ERROR >> vector & 1 ? INJECT_ERROR : 0;

	virt_reinject(&v->hw, INJECT_EXCEPTION | vector | has_error, error, 0);
	return false;
}

u64 trap_gpr(struct vcpu *v, u8 n)
{
	return n == R_SP ? reg_get(v, VREG_RSP) : v->hw.gpr[n];
}

void trap_gpr_set(struct vcpu *v, u8 n, u64 val, unsigned size)
{
	if (n == R_SP)
		reg_set(v, VREG_RSP,
			insn_merge(reg_get(v, VREG_RSP), val, size));
	else
		v->hw.gpr[n] = insn_merge(v->hw.gpr[n], val, size);
}

u8 trap_mode(struct vcpu *v)
{
	u64 ar = reg_get(v, VREG_CS_AR);

	if (ar & AR_LONG && reg_get(v, VREG_EFER) & EFER_LMA)
		return 8;
	return ar & AR_DB ? 4 : 2;
}

u64 trap_seg_base(struct vcpu *v, u8 seg)
{
	if (seg < SEG_FS && trap_mode(v) == 8)
		return 0;
	return reg_get(v, VREG_ES_BASE + seg); /* in their order */
}

/* What the guest meets where a walk ended. */
static bool walk_failed(struct vcpu *v, const struct walk_fault *f,
			const char *what)
{
	if (f->error == GMEM_NO_WALK) {
		partition_die(v, "%s at 0x%lx: 32-bit paging is not walked",
			      what, f->at);
	} else if (f->error == GMEM_NO_MEMORY) {
		partition_die(v,
			      "%s at 0x%lx: no memory at guest-physical 0x%lx",
			      what, f->at, f->gpa);
	} else {
		reg_set(v, VREG_CR2, f->at);
		trap_fault(v, VEC_PF, f->error);
	}
	return false;
}

bool trap_copy_as(struct vcpu *v, u64 at, void *buf, u64 n,
		  struct walk_access a)
{
	struct walk_fault f;

	if (!gmem_gva(v, at, buf, n, a, &f))
		return walk_failed(v, &f, "operand");
	v->io_gpa = f.gpa;
	return true;
}

bool trap_copy(struct vcpu *v, u64 at, void *buf, u64 n, bool write)
{
	struct walk_access a = { .write = write,
				 .user = reg_get(v, VREG_CPL) == 3 };

	return trap_copy_as(v, at, buf, n, a);
}

bool trap_address(struct vcpu *v, const struct insn *i, u64 *at)
{
	*at = trap_seg_base(v, i->seg) + i->ea;
	if (trap_mode(v) != 8)
		*at = (u32)*at;
	return canonical48(*at) ||
	       trap_fault(v, i->seg == SEG_SS ? VEC_SS : VEC_GP, 0);
}

bool trap_rm16_get(struct vcpu *v, const struct insn *i, u16 *val)
{
	u64 at;

	*val = (u16)(i->mem ? 0 : trap_gpr(v, i->rm));
	return !i->mem ||
	       (trap_address(v, i, &at) && trap_copy(v, at, val, 2, false));
}

bool trap_rm16_put(struct vcpu *v, const struct insn *i, u64 val)
{
	u64 at;

	if (i->mem)
		return trap_address(v, i, &at) &&
		       trap_copy(v, at, &val, 2, true);
	trap_gpr_set(v, i->rm, val, i->size);
	return true;
}

/* At most n bytes of code, as far as the page goes; 0: none, as trap_decode. */
static unsigned fetch(struct vcpu *v, u64 at, u8 *b, unsigned n)
{
	u64 rest = PAGE_SIZE - (at & PAGE_MASK);
	struct walk_fault f;
	const u8 *from = gmem_code(v, at, &f);

	if (!from)
		return walk_failed(v, &f, "code");
	n = rest < n ? rest : n;
	memcpy(b, from, n);
	return n;
}

/* Linear address of the instruction. */
static u64 code_at(struct vcpu *v)
{
	return trap_seg_base(v, SEG_CS) + reg_get(v, VREG_RIP);
}

static void not_understood(struct vcpu *v)
{
	char text[3 * INSN_MAX + 1] = "";
	u8 b[INSN_MAX];
	unsigned n = fetch(v, code_at(v), b, INSN_MAX);

	for (unsigned k = 0; k < n; k++)
		fmt_buf(text + 3 * k, 4, " %02x", b[k]);
	if (n)
		partition_die(v, "instruction at 0x%lx is not understood:%s",
			      reg_get(v, VREG_RIP), text);
}

bool trap_decode(struct vcpu *v, struct insn *i, enum insn_op first,
		 enum insn_op last)
{
	struct insn_env env = { .mode = trap_mode(v),
				.rip = reg_get(v, VREG_RIP),
				.gpr = v->hw.gpr };
	u64 at = code_at(v);
	u8 b[INSN_MAX];
	unsigned n = fetch(v, at, b, INSN_MAX), more;
	enum insn_status s;

	if (!n)
		return false;
	v->hw.gpr[R_SP] = reg_get(v, VREG_RSP);
	s = insn_decode(i, b, n, &env);
	if (s == INSN_SHORT) {
		/* it crosses into the next page, which may fault */
		more = fetch(v, at + n, b + n, INSN_MAX - n);
		if (!more)
			return false;
		s = insn_decode(i, b, n + more, &env);
	}
	if (s == INSN_OK && i->op >= first && i->op <= last) {
		v->last.insn_len = i->len;
		return true;
	}
	not_understood(v);
	return false;
}

enum { OPCODE_HLT = 0xf4 };

/* The first byte of the instruction; 0 also if it cannot be fetched. */
static inline u8 first_byte(struct vcpu *v)
{
	struct walk_fault f;
	const u8 *b = gmem_code(v, code_at(v), &f);

	return b ? *b : 0;
}

bool trap_at_hlt(struct vcpu *v) { return first_byte(v) == OPCODE_HLT; }

bool trap_length(struct vcpu *v, struct exit *x)
{
	u8 b = x->insn_guess ? first_byte(v) : 0;
	struct insn i;

	/* no prefix comes first: then the guess is right */
	return b == 0x0f || b == OPCODE_HLT ||
	       trap_decode(v, &i, INSN_LOAD, INSN_OTHER);
}

void trap_advance(struct vcpu *v, u32 len)
{
	u64 rip = reg_get(v, VREG_RIP), next = rip + len;

	/* only outside 64-bit mode does it wrap at 4 GiB */
	if (unlikely(next >> 32 && !(rip >> 32)) && trap_mode(v) != 8)
		next = (u32)next;
	reg_set(v, VREG_RIP, next);
	if (unlikely(reg_get(v, VREG_RFLAGS) & RFLAGS_TF)) {
		reg_set(v, VREG_DR6, reg_get(v, VREG_DR6) | DR6_BS);
		trap_fault(v, VEC_DB, 0);
	}
}

bool trap_string_step(struct vcpu *v, const struct insn *i, u32 n, bool si,
		      bool di)
{
	bool down = reg_get(v, VREG_RFLAGS) & RFLAGS_DF;
	u64 *gpr = v->hw.gpr, step = (u64)n * i->size;

	step = down ? -step : step;

	if (si)
		trap_gpr_set(v, R_SI, gpr[R_SI] + step, i->asize);
	if (di)
		trap_gpr_set(v, R_DI, gpr[R_DI] + step, i->asize);
	if (!i->rep)
		return true;
	trap_gpr_set(v, R_CX, gpr[R_CX] - n, i->asize);
	return trap_string_done(v, i);
}

bool trap_string_done(struct vcpu *v, const struct insn *i)
{
	return i->rep && !insn_mask(v->hw.gpr[R_CX], i->asize);
}

u64 trap_string_at(struct vcpu *v, const struct insn *i, bool di)
{
	u64 off = insn_mask(v->hw.gpr[di ? R_DI : R_SI], i->asize);

	return trap_seg_base(v, di ? SEG_ES : i->seg) + off;
}
