/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions that a guest has no business with. */
#include <string.h>

#include "hostile.h"
#include "kit/mm.h"

static uint8_t *scratch; /* a page of ours: the operand of most of them */

/* Each runs with RAX and RDI at the page and RCX = 1. */
#define INSN(name, text)                                          \
	static void name(uint64_t arg)                            \
	{                                                         \
		__asm__ volatile(text                             \
				 : "+a"(arg)                      \
				 : "D"(arg), "c"(1ull)            \
				 : "memory", "cc", "rbx", "rdx"); \
	}
INSN(i_vmxon, "vmxon (%%rdi)")
INSN(i_vmxoff, "vmxoff")
INSN(i_vmclear, "vmclear (%%rdi)")
INSN(i_vmptrld, "vmptrld (%%rdi)")
INSN(i_vmptrst, "vmptrst (%%rdi)")
INSN(i_vmread, "vmread %%rcx, %%rbx")
INSN(i_vmread_mem, "vmread %%rcx, (%%rdi)")
INSN(i_vmwrite, "vmwrite %%rcx, %%rcx")
INSN(i_vmlaunch, "vmlaunch")
INSN(i_vmresume, "vmresume")
INSN(i_invept, "invept (%%rdi), %%rcx")
INSN(i_invvpid, "invvpid (%%rdi), %%rcx")
INSN(i_vmfunc, "vmfunc")
INSN(i_vmrun, "vmrun %%rax")
INSN(i_vmsave, "vmsave %%rax")
INSN(i_vmload, "vmload %%rax")
INSN(i_stgi, "stgi")
INSN(i_clgi, "clgi")
INSN(i_skinit, "skinit %%eax")
INSN(i_invlpga, "invlpga %%rax, %%ecx")
INSN(i_getsec, "getsec")
INSN(i_monitor, "monitor %%rax, %%rcx, %%rdx")
INSN(i_mwait, "mwait %%rax, %%rcx")
INSN(i_rdpmc, "rdpmc")
INSN(i_rsm, "rsm")

static const struct {
	const char *name;
	void (*run)(uint64_t arg);
} insns[] = {
	{ "vmxon", i_vmxon },
	{ "vmxoff", i_vmxoff },
	{ "vmclear", i_vmclear },
	{ "vmptrld", i_vmptrld },
	{ "vmptrst", i_vmptrst },
	{ "vmread", i_vmread },
	{ "vmread-mem", i_vmread_mem },
	{ "vmwrite", i_vmwrite },
	{ "vmlaunch", i_vmlaunch },
	{ "vmresume", i_vmresume },
	{ "invept", i_invept },
	{ "invvpid", i_invvpid },
	{ "vmfunc", i_vmfunc },
	{ "vmrun", i_vmrun },
	{ "vmsave", i_vmsave },
	{ "vmload", i_vmload },
	{ "stgi", i_stgi },
	{ "clgi", i_clgi },
	{ "skinit", i_skinit },
	{ "invlpga", i_invlpga },
	{ "getsec", i_getsec },
	{ "monitor", i_monitor },
	{ "mwait", i_mwait },
	{ "rdpmc", i_rdpmc },
	{ "rsm", i_rsm },
};

/* With several addresses: our own page, and small host-physical ones, which a
 * VMSAVE that nobody intercepts would write. */
static void virt_insns(void)
{
	static const uint64_t at[] = { 0, 0x1000, 0x100000, 0xfee00000 };
	char name[40];
	unsigned i, k;
	int got = -1;

	scratch = kit_pages_alloc(1);
	for (i = 0; i < sizeof(insns) / sizeof(insns[0]); i++) {
		bool ok = true;

		for (k = 0; k < 5 && ok; k++) {
			got = try(insns[i].run,
				  k < 4 ? at[k] : kit_gpa(scratch));
			ok = got == VECTOR_UD || got == VECTOR_GP;
		}
		snprintf(name, sizeof(name), "insn-%s", insns[i].name);
		check(ok, name, "vector %d instead of a fault", got);
	}
}

/* ---- user mode ---- */

#define STAR 0xc0000081u
#define EFER 0xc0000080u
#define USER_AT 0x4000000000ull

static uint64_t gdt[8], tss_stack;

/* A TSS with a ring-0 stack, and a GDT with ring-3 segments. */
static void user_tables(void)
{
	struct {
		uint16_t pad[3], limit;
		uint64_t base;
	} r;
	uint64_t *old, tss;

	__asm__ volatile("sgdt %0" : "=m"(r.limit), "=m"(r));
	old = kit_ptr(r.base);
	memcpy(gdt, old, 5 * sizeof(*gdt));
	gdt[5] = 0x00cff3000000ffffull; /* 0x28: data */
	gdt[6] = 0x00affb000000ffffull; /* 0x30: 64-bit code */
	tss = (gdt[3] >> 16 & 0xffffff) | (gdt[3] >> 56) << 24 | gdt[4] << 32;
	tss_stack = kit_gpa(kit_pages_alloc(2)) + 8192;
	memcpy(kit_ptr(tss + 4), &tss_stack, 8);
	r.limit = sizeof(gdt) - 1;
	r.base = (uint64_t)(uintptr_t)gdt;
	__asm__ volatile("lgdt %0" ::"m"(r.limit), "m"(r));
}

static void user_enter(uint64_t rip)
{
	__asm__ volatile("pushq $0x2b; pushq %1; pushq $2; pushq $0x33;"
			 "pushq %0; iretq" ::"r"(rip),
			 "r"(USER_AT + 0x1ff0)
			 : "memory");
}

static void user_mode(void)
{
	static const struct {
		const char *name;
		uint8_t code[8];
		int want;
	} t[] = {
		{ "user-vmcall", { 0x0f, 0x01, 0xc1 }, VECTOR_UD },
		{ "user-vmmcall", { 0x0f, 0x01, 0xd9 }, VECTOR_UD },
		{ "user-hlt", { 0xf4 }, VECTOR_GP },
		{ "user-in", { 0xec }, VECTOR_GP },
		{ "user-rdmsr", { 0x0f, 0x32 }, VECTOR_GP },
		{ "user-cr3", { 0x0f, 0x20, 0xd8 }, VECTOR_GP },
		{ "user-invlpg", { 0x0f, 0x01, 0x38 }, VECTOR_GP },
		{ "user-vmsave", { 0x0f, 0x01, 0xdb }, -2 },
		{ "user-xsetbv", { 0x0f, 0x01, 0xd1 }, -2 },
		{ "user-cpuid", { 0x0f, 0xa2, 0x0f, 0x0b }, VECTOR_UD },
	};
	uint8_t *page = kit_pages_alloc(1);
	unsigned i;
	int got;

	user_tables();
	kit_map(USER_AT, kit_gpa(page), 4096, KIT_EXEC | KIT_USER);
	kit_map(USER_AT + 0x1000, kit_gpa(kit_pages_alloc(1)), 4096,
		KIT_WRITE | KIT_USER);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		memcpy(page, t[i].code, 8);
		got = try(user_enter, USER_AT);
		check(got == t[i].want ||
			      (t[i].want == -2 &&
			       (got == VECTOR_UD || got == VECTOR_GP)),
		      t[i].name, "vector %d", got);
	}
}

/* ---- ports ---- */

static void port_all(uint64_t port)
{
	uint16_t p = (uint16_t)port;
	uint8_t buf[16];
	void *at = buf;
	uint64_t n = 4;

	__asm__ volatile("outb %b0, %1" ::"a"(0xfe), "d"(p));
	__asm__ volatile("outw %w0, %1" ::"a"(0x2000), "d"(p));
	__asm__ volatile("outl %0, %1" ::"a"(0x80000000u), "d"(p));
	__asm__ volatile("xorl %%eax, %%eax; inb %0, %%al" ::"d"(p) : "rax");
	__asm__ volatile("inw %0, %%ax" ::"d"(p) : "rax");
	__asm__ volatile("inl %0, %%eax" ::"d"(p) : "rax");
	__asm__ volatile("rep insb" : "+D"(at), "+c"(n) : "d"(p) : "memory");
	at = buf;
	n = 4;
	__asm__ volatile("rep outsb" : "+S"(at), "+c"(n) : "d"(p) : "memory");
}

/* Resets, power, SMI, PIC, PIT, keyboard, PCI, IDE, the emulators' own. 0x3f8
 * is the guest's console. */
static void ports(void)
{
	static const uint16_t list[] = {
		0x20,  0x21,   0x40,   0x43,   0x60,   0x61,  0x64,
		0x70,  0x71,   0x80,   0x92,   0xa0,   0xa1,  0xb2,
		0xb3,  0xf4,   0x1f0,  0x1f7,  0x3f6,  0x402, 0x4d0,
		0x500, 0x501,  0x510,  0x604,  0xcf8,  0xcf9, 0xcfc,
		0xcfe, 0x8900, 0xb004, 0xc000, 0xffff,
	};
	unsigned i;
	int got = -1;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		got = try(port_all, list[i]);
		if (got != -1 && got != VECTOR_GP)
			break;
	}
	check(i == sizeof(list) / sizeof(list[0]), "ports",
	      "port %x: vector %d", i < 33 ? list[i] : 0, got);
}

/* ---- ways to stop ---- */

static void spin(void) { __asm__ volatile("cli; 1: jmp 1b"); }

static void halt_off(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void triple(void)
{
	static const struct {
		uint16_t pad[3], limit;
		uint64_t base;
	} none;

	__asm__ volatile("lidt %0; ud2" ::"m"(none.limit));
}

/* RIP right below the non-canonical hole, an intercepted instruction there. */
static void edge_jump(uint64_t at)
{
	__asm__ volatile(
		"xorl %%eax, %%eax; xorl %%ecx, %%ecx; call *%0" ::"r"(at)
		: "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
		  "r11", "memory");
}

static void rip_edge(void)
{
	static const struct {
		uint8_t code[3], len;
	} t[] = { { { 0x0f, 0xa2 }, 2 },
		  { { 0x0f, 0x01, 0xc1 }, 3 },
		  { { 0x0f, 0x01, 0xd9 }, 3 },
		  { { 0x0f, 0x32 }, 2 },
		  { { 0x90 }, 1 } };
	uint8_t *page = kit_pages_alloc(1);
	unsigned i;
	int got;

	kit_map(0x7ffffffff000, kit_gpa(page), 4096, KIT_EXEC);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		memcpy(page + 4096 - t[i].len, t[i].code, t[i].len);
		got = try(edge_jump, 0x800000000000 - t[i].len);
		check(got == VECTOR_GP || got == VECTOR_UD, "rip-edge",
		      "code %x: vector %d", t[i].code[1], got);
	}
}

const struct hostile insn_tests[] = {
	{ "virt-insns", virt_insns, false },
	{ "user-mode", user_mode, false },
	{ "ports", ports, false },
	{ "rip-edge", rip_edge, false },
	{ "spin", spin, true },
	{ "halt-off", halt_off, true },
	{ "triple", triple, true },
	{ NULL, NULL, false },
};
