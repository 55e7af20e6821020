/* SPDX-License-Identifier: BSD-2-Clause */
/* The decoder: lengths, operands and addresses, ALU flags, random bytes. */
/* TEST-SRC: hv/trap/insn.c hv/trap/alu.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "trap/insn.h"

static const u64 gpr[16] = {
	0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000, 0x7000, 0x8000,
	0x9000, 0xa000, 0xb000, 0xc000, 0xd000, 0xe000, 0xf000, 0x10000,
};

static enum insn_status decode(struct insn *i, u8 mode, const u8 *b, unsigned n)
{
	struct insn_env env = { .mode = mode, .rip = 0x100000, .gpr = gpr };
	u8 *copy = malloc(n ? n : 1); /* so that ASan sees an over-read */
	enum insn_status s;

	if (n)
		memcpy(copy, b, n);
	s = insn_decode(i, copy, n, &env);
	free(copy);
	return s;
}

static const struct {
	u8 mode, op;
	const char *hex;
} list[] = {
#include "trap/insn_list.inc"
};

static unsigned hex_bytes(const char **h, u8 *b)
{
	unsigned n = 0, x;
	char two[3] = "";

	while (**h && **h != ' ') {
		two[0] = (*h)[0];
		two[1] = (*h)[1];
		x = (unsigned)strtoul(two, NULL, 16);
		b[n++] = (u8)x;
		*h += 2;
	}
	while (**h == ' ')
		(*h)++;
	return n;
}

static void assembled(void **state)
{
	unsigned total = 0;

	for (size_t k = 0; k < array_size(list); k++) {
		const char *h = list[k].hex;

		while (*h) {
			u8 b[16] = { 0 };
			unsigned n = hex_bytes(&h, b);
			struct insn i;

			if (decode(&i, list[k].mode, b, n) != INSN_OK ||
			    i.len != n || i.op != list[k].op)
				fail_msg("list %zu, byte %02x %02x %02x: len "
					 "%u not %u, op %u not %u",
					 k, b[0], b[1], b[2], i.len, n, i.op,
					 list[k].op);
			for (unsigned cut = 0; cut < n; cut++)
				assert_int_equal(
					decode(&i, list[k].mode, b, cut),
					INSN_SHORT);
			total++;
		}
	}
	assert_true(total > 1000);
}

struct one {
	const char *bytes;
	u8 n, mode;
	struct insn want;
};

/* Derived by hand from SDM Vol. 2, chapter 2 and appendix A. */
static const struct one ones[] = {
	/* mov eax, [rbx+rcx*4+0x10] */
	{ "\x8b\x44\x8b\x10",
	  4,
	  8,
	  { INSN_LOAD, 0, 4, 4, 4, 8, 0, 3, SEG_DS, 1, 0, 0, 0, 0, 0xc010,
	    0 } },
	/* mov [rip+0x100], r9b */
	{ "\x44\x88\x0d\x00\x01\x00\x00",
	  7,
	  8,
	  { INSN_STORE, 0, 7, 1, 1, 8, 9, 5, SEG_DS, 1, 0, 0, 0, 1, 0x100107,
	    0 } },
	/* mov dword [rip-8], 0x11223344: relative to its own end */
	{ "\xc7\x05\xf8\xff\xff\xff\x44\x33\x22\x11",
	  10,
	  8,
	  { INSN_STORE_IMM, 0, 10, 4, 4, 8, 0, 5, SEG_DS, 1, 0, 0, 0, 0,
	    0x100002, 0x11223344 } },
	/* mov qword [rax], -2 */
	{ "\x48\xc7\x00\xfe\xff\xff\xff",
	  7,
	  8,
	  { INSN_STORE_IMM, 0, 7, 8, 8, 8, 0, 0, SEG_DS, 1, 0, 0, 0, 1, 0x1000,
	    (u64)-2 } },
	/* movsx rdx, byte fs:[rbp] : a segment prefix beats SS */
	{ "\x64\x48\x0f\xbe\x55\x00",
	  6,
	  8,
	  { INSN_LOAD, 0, 6, 8, 1, 8, 2, 5, SEG_FS, 1, 1, 0, 0, 1, 0x6000,
	    0 } },
	/* movzx cx, byte [rbp]: SS */
	{ "\x66\x0f\xb6\x4d\x00",
	  5,
	  8,
	  { INSN_LOAD, 0, 5, 2, 1, 8, 1, 5, SEG_SS, 1, 0, 0, 0, 0, 0x6000,
	    0 } },
	/* mov [r13], ah is not encodable; mov [rax], ah */
	{ "\x88\x20",
	  2,
	  8,
	  { INSN_STORE, 0, 2, 1, 1, 8, 4, 0, SEG_DS, 1, 0, 0, 0, 0, 0x1000,
	    0 } },
	/* lock or dword [rax+r12*2], imm8 -1 */
	{ "\xf0\x42\x83\x0c\x60\xff",
	  6,
	  8,
	  { INSN_ALU_MI, ALU_OR, 6, 4, 4, 8, 1, 4, SEG_DS, 1, 0, 0, 1, 1,
	    0x1b000, (u64)-1 } },
	/* rep stosq */
	{ "\xf3\x48\xab",
	  3,
	  8,
	  { INSN_STOS, 0, 3, 8, 8, 8, 0, 0, SEG_DS, 0, 0, 1, 0, 1, 0, 0 } },
	/* a REX before another prefix does not count */
	{ "\x48\x66\x8b\x00",
	  4,
	  8,
	  { INSN_LOAD, 0, 4, 2, 2, 8, 0, 0, SEG_DS, 1, 0, 0, 0, 0, 0x1000,
	    0 } },
	/* addr32: mov eax, [ecx-0x3000] wraps at 4 GiB */
	{ "\x67\x8b\x81\x00\xd0\xff\xff",
	  7,
	  8,
	  { INSN_LOAD, 0, 7, 4, 4, 4, 0, 1, SEG_DS, 1, 0, 0, 0, 0, 0xfffff000,
	    0 } },
	/* 32-bit: mov eax, [0x12345678] by ModRM is absolute */
	{ "\x8b\x05\x78\x56\x34\x12",
	  6,
	  4,
	  { INSN_LOAD, 0, 6, 4, 4, 4, 0, 5, SEG_DS, 1, 0, 0, 0, 0, 0x12345678,
	    0 } },
	/* 16-bit: mov ax, [bp+si-1]; SS */
	{ "\x8b\x42\xff",
	  3,
	  2,
	  { INSN_LOAD, 0, 3, 2, 2, 2, 0, 2, SEG_SS, 1, 0, 0, 0, 0, 0xcfff,
	    0 } },
	/* mov cr8, rax; mov cr0, rax whatever mod says */
	{ "\x44\x0f\x22\xc0",
	  4,
	  8,
	  { INSN_MOV_TO_CR, 0, 4, 8, 8, 8, 8, 0, SEG_DS, 0, 0, 0, 0, 1, 0,
	    0 } },
	{ "\x0f\x22\x00",
	  3,
	  8,
	  { INSN_MOV_TO_CR, 0, 3, 8, 8, 8, 0, 0, SEG_DS, 0, 0, 0, 0, 0, 0,
	    0 } },
	/* lidt [rsp+8] */
	{ "\x0f\x01\x5c\x24\x08",
	  5,
	  8,
	  { INSN_LIDT, 0, 5, 4, 4, 8, 3, 4, SEG_SS, 1, 0, 0, 0, 0, 0x5008,
	    0 } },
};

static void by_hand(void **state)
{
	for (size_t k = 0; k < array_size(ones); k++) {
		const struct insn *w = &ones[k].want;
		struct insn i;

		if (decode(&i, ones[k].mode, (const u8 *)ones[k].bytes,
			   ones[k].n) != INSN_OK)
			fail_msg("%zu does not decode", k);
		if (i.op != w->op || i.alu != w->alu || i.len != w->len ||
		    i.size != w->size || i.msize != w->msize ||
		    i.asize != w->asize || i.reg != w->reg ||
		    (!i.mem && i.rm != w->rm) || i.seg != w->seg ||
		    i.mem != w->mem || i.sign != w->sign || i.rep != w->rep ||
		    i.lock != w->lock || i.rex != w->rex || i.ea != w->ea ||
		    i.imm != w->imm)
			fail_msg("%zu: op %u len %u size %u/%u/%u reg %u rm %u "
				 "seg %u ea %llx imm %llx",
				 k, i.op, i.len, i.size, i.msize, i.asize,
				 i.reg, i.rm, i.seg, (unsigned long long)i.ea,
				 (unsigned long long)i.imm);
	}
}

static void refused(void **state)
{
	static const struct {
		u8 mode, n;
		const char *b;
	} bad[] = {
		{ 8, 3, "\x0f\x0b\x00" },     /* UD2 */
		{ 8, 4, "\xc5\xf8\x10\x00" }, /* VMOVUPS */
		{ 8, 3, "\x0f\x10\x00" },     /* MOVUPS */
		{ 8, 2, "\xff\x30" },	      /* PUSH m */
		{ 8, 3, "\xc6\x08\x00" },     /* C6 /1 */
		{ 4, 2, "\x63\x00" },	      /* ARPL */
		{ 8, 3, "\x0f\x01\x28" },     /* 0F 01 /5 with memory */
		{ 8, 15,
		  "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66"
		  "\x66\x8b" },
	};
	struct insn i;

	for (size_t k = 0; k < array_size(bad); k++)
		if (decode(&i, bad[k].mode, (const u8 *)bad[k].b, bad[k].n) !=
		    INSN_BAD)
			fail_msg("%zu decodes", k);
}

#define FLAGS 0x8d5ull

/* What the CPU itself says. */
#define NATIVE(name, text, type)                                            \
	static u64 name(u64 a, u64 b, u64 *f)                               \
	{                                                                   \
		type r = (type)a;                                           \
		u64 fl = *f;                                                \
		__asm__ volatile("push %1; popfq; " text "; pushfq; pop %1" \
				 : "+q"(r), "+r"(fl)                        \
				 : "q"((type)b)                             \
				 : "cc", "memory");                         \
		*f = fl;                                                    \
		return r;                                                   \
	}
#define NATIVE4(op)                       \
	NATIVE(op##1, #op " %2, %0", u8)  \
	NATIVE(op##2, #op " %2, %0", u16) \
	NATIVE(op##4, #op " %2, %0", u32) \
	NATIVE(op##8, #op " %2, %0", u64)
NATIVE4(add)
NATIVE4(or)
NATIVE4(adc)
NATIVE4(sbb)
NATIVE4(and)
NATIVE4(sub)
NATIVE4(xor)
NATIVE4(cmp)
NATIVE4(test)

typedef u64 (*native_fn)(u64 a, u64 b, u64 *f);
#define ROW(op)                            \
	{                                  \
		op##1, op##2, op##4, op##8 \
	}
static const native_fn native[][4] = {
	ROW(add), ROW(or),  ROW(adc), ROW(sbb),	 ROW(and),
	ROW(sub), ROW(xor), ROW(cmp), ROW(test),
};

static u64 next(u64 *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void check_alu(unsigned op, unsigned sz, u64 a, u64 b, u64 cf)
{
	u64 f = 0x202 | cf, g = 0x202 | cf, r, w, ignore;
	unsigned size = 1u << sz;

	r = insn_alu(op, size, a, b, &f);
	w = native[op][sz](a, b, &g);
	/* AF is undefined after the logical ones; CMP and TEST keep a */
	ignore = op == ALU_AND || op == ALU_OR || op == ALU_XOR ||
				 op == ALU_TEST ?
			 0x10 :
			 0;
	if (op != ALU_CMP && op != ALU_TEST && r != insn_mask(w, size))
		fail_msg("alu %u size %u", op, size);
	if ((f ^ g) & FLAGS & ~ignore)
		fail_msg("alu %u size %u a %llx b %llx: flags %llx not %llx",
			 op, size, (unsigned long long)a, (unsigned long long)b,
			 (unsigned long long)f, (unsigned long long)g);
}

static void alu(void **state)
{
	static const u64 edge[] = { 0,		1,	    0x7f,
				    0x80,	0xff,	    0x7fff,
				    0x8000,	0xffff,	    0x7fffffff,
				    0x80000000, 0xffffffff, ~0ull >> 1,
				    1ull << 63, ~0ull };
	u64 seed = 0x123456789abcdef1;

	for (unsigned op = ALU_ADD; op <= ALU_TEST; op++)
		for (unsigned sz = 0; sz < 4; sz++) {
			for (size_t a = 0; a < array_size(edge); a++)
				for (size_t b = 0; b < array_size(edge); b++)
					check_alu(op, sz, edge[a], edge[b],
						  (a + b) & 1);
			for (int k = 0; k < 500; k++)
				check_alu(op, sz, next(&seed), next(&seed),
					  (u64)k & 1);
		}
}

/* Whatever the bytes are: no over-read, and a sane answer. */
static void random_bytes(void **state)
{
	u64 seed = 0x9E3779B97F4A7C15;

	for (unsigned k = 0; k < 400000; k++) {
		static const u8 modes[3] = { 2, 4, 8 };
		u8 b[16], mode = modes[k % 3];
		u64 r[2] = { next(&seed), next(&seed) };
		enum insn_status s;
		struct insn i;
		unsigned n = (unsigned)(next(&seed) % 17);

		memcpy(b, r, 16);
		if (k & 1)
			b[k >> 1 & 3] = 0x0f;
		s = decode(&i, mode, b, n);
		assert_true(s == INSN_OK || s == INSN_SHORT || s == INSN_BAD);
		if (s == INSN_SHORT)
			assert_true(n < INSN_MAX);
		if (s != INSN_OK)
			continue;
		assert_true(i.len >= 1 && i.len <= n && i.len <= INSN_MAX);
		assert_true(i.op > INSN_NONE && i.op <= INSN_OTHER);
		assert_true(i.size && i.size <= 8 && i.msize && i.msize <= 8);
		assert_true(i.reg < 16 && i.rm < 16 && i.seg <= SEG_GS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(assembled),	cmocka_unit_test(by_hand),
		cmocka_unit_test(refused),	cmocka_unit_test(alu),
		cmocka_unit_test(random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
