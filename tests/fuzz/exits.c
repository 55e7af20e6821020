/* SPDX-License-Identifier: BSD-2-Clause */
/* The exits that a guest's instructions make. */
#include "core/gmem.h"
#include "tests/fuzz/guest.h"

/* Of a string instruction. */
#define STRING_ROOT 0x9000ull /* where CR3 points: see world.c */
#define STRING_UPPER 0xa000ull
#define STRING_CODE 0xb000ull

u64 guest_strings;

void exit_leave(struct vcpu *v, u32 vmx_reason, u64 svm_code)
{
	v->hw.how = VIRT_HOW_EXIT;
	v->hw.launched = 1;
	v->hw.reason = vmx_reason;
	guest_vmcb(v)->exitcode = sim_vmx ? guest_vmcb(v)->exitcode : svm_code;
}

bool exit_some(struct vcpu *v)
{
	static const struct {
		u32 vmx;
		u64 svm;
	} kinds[] = {
		{ 12, SVM_EXIT_HLT },	 { 10, SVM_EXIT_CPUID },
		{ 30, SVM_EXIT_IO },	 { 31, SVM_EXIT_MSR },
		{ 48, SVM_EXIT_NPF },	 { 40, SVM_EXIT_PAUSE },
		{ 54, SVM_EXIT_WBINVD }, { 16, SVM_EXIT_RDTSC },
	};
	u32 k = guest_byte() % array_size(kinds);
	struct vmcb *b = guest_vmcb(v);
	u64 q = guest_word(2) << 16 | guest_byte();

	for (u32 i = 0; i < R_COUNT; i++)
		v->hw.gpr[i] = i < 4 ? guest_word(2) : guest_gpa();
	exit_leave(v, kinds[k].vmx, kinds[k].svm);
	if (sim_vmx) {
		*guest_vmcs(v, EXIT_QUALIFICATION) = q;
		*guest_vmcs(v, EXIT_INSN_LEN) = 2;
		*guest_vmcs(v, GUEST_PHYSICAL) = guest_gpa();
		return true;
	}
	b->info1 = q;
	b->info2 = kinds[k].svm == SVM_EXIT_NPF ? guest_gpa() : b->rip + 2;
	return true;
}

/* By tables that map all as it lies. */
bool exit_string(struct vcpu *v)
{
	static const u8 code[][4] = {
		{ 0xf3, 0x6c }, { 0xf3, 0x6e },	      { 0xf3, 0x66, 0x6d },
		{ 0x6f },	{ 0xf3, 0x66, 0x6f }, { 0xf3, 0x6d },
	};
	static const u64 up = STRING_UPPER | 7, all = 0x87;
	u32 b = guest_byte(), k = b % array_size(code);
	u32 port = WORLD_PORT + (b >> 7) * 0x40;
	const u8 *c = code[k];
	u32 op = c[0] == 0xf3 ? (c[1] == 0x66 ? c[2] : c[1]) : c[0];
	u32 size = !(op & 1) ? 1 : c[1] == 0x66 ? 2 : 4;
	bool in = op < 0x6e, rep = c[0] == 0xf3;

	if (gmem_write(v->part, gpa(STRING_ROOT), &up, 8) ||
	    gmem_write(v->part, gpa(STRING_UPPER), &all, 8) ||
	    gmem_write(v->part, gpa(STRING_CODE), c, 4))
		return false;
	guest_strings++;
	*guest_rip(v) = STRING_CODE;
	v->hw.gpr[R_CX] = guest_byte() * 16;
	v->hw.gpr[R_DX] = port;
	v->hw.gpr[R_SI] = v->hw.gpr[R_DI] = OWN(b >> 4) + guest_byte() * 16;
	exit_leave(v, 30, SVM_EXIT_IO);
	if (sim_vmx) {
		*guest_vmcs(v, EXIT_QUALIFICATION) =
			port << 16 | rep << 5 | 1 << 4 | in << 3 | (size - 1);
		*guest_vmcs(v, EXIT_INSN_LEN) = 2 + (size == 2);
	} else {
		guest_vmcb(v)->info1 = port << 16 | size << 4 | rep << 3 |
				       1 << 2 | in;
		guest_vmcb(v)->info2 = STRING_CODE + 2 + (size == 2);
	}
	return true;
}
