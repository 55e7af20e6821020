/* SPDX-License-Identifier: BSD-2-Clause */
/* What a kernel does all day without the hypervisor, where it can. */
#include <string.h>

#include "bench.h"
#include "kit/irq.h"
#include "kit/mm.h"

#define PAGES 32u
#define VA 0x4000000000ull   /* of pages with an entry each */
#define USER 0x5000000000ull /* of the program in ring 3 */
#define PTE_P 1ull
#define PTE_SOFT (1ull << 9) /* ignored by the CPU */
#define PTE_ADDR 0x000ffffffffff000ull
#define MSR_EFER 0xc0000080u
#define MSR_STAR 0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_SFMASK 0xc0000084u
#define EFER_SCE 1ull
#define RFLAGS_IF 0x200ull
#define STAR_KERNEL 0x08ull /* then 0x10: of the kit's GDT */
#define STAR_USER 0x1bull   /* SYSRET loads +16 and +8, and not from a GDT */

/* ---- page tables ---- */

static uint64_t *ptes; /* the first page's entry */

static uint64_t *pte_find(uint64_t va)
{
	uint64_t *table = kit_ptr(kit_root());
	unsigned shift;

	for (shift = 39; shift > 12; shift -= 9)
		table = kit_ptr(table[va >> shift & 511] & PTE_ADDR);
	return &table[va >> 12 & 511];
}

static inline void invlpg(uint64_t va)
{
	__asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static bool ptes_start(void)
{
	uint8_t *p;

	if (ptes)
		return true;
	p = kit_pages_alloc(PAGES);
	if (!p || !kit_map(VA, kit_gpa(p), PAGES * KIT_PAGE_SIZE, KIT_WRITE))
		return false;
	ptes = pte_find(VA);
	return true;
}

/* The handler maps the page that CR2 names. */
static void fault(struct kit_frame *f)
{
	uint64_t at;

	(void)f;
	__asm__ volatile("movq %%cr2, %0" : "=r"(at));
	ptes[(at - VA) / KIT_PAGE_SIZE] |= PTE_P;
}

static kit_trap_fn fault_before;

static bool fault_start(void)
{
	fault_before = kit_trap_set(14, fault);
	return ptes_start();
}

static void fault_stop(void) { kit_trap_set(14, fault_before); }

static void fault_prep(uint32_t n)
{
	while (n--) {
		ptes[n] &= ~PTE_P;
		invlpg(VA + n * KIT_PAGE_SIZE);
	}
}

static void page_fault_run(uint32_t n)
{
	while (n--)
		*(volatile uint8_t *)kit_ptr(VA + n * KIT_PAGE_SIZE);
}

static void pte_update_run(uint32_t n)
{
	while (n--) {
		ptes[0] ^= PTE_SOFT;
		invlpg(VA);
	}
}

/* ---- system calls ---- */

/* EBX times SYSCALL with EAX = 0, then one with 1, which does not return. */
extern const uint8_t user_code[], user_end[];
__asm__(".pushsection .rodata\n"
	"user_code: xorl %eax, %eax\n"
	"1:	syscall\n"
	"	decl %ebx\n"
	"	jnz 1b\n"
	"	incl %eax\n"
	"	syscall\n"
	"user_end:\n"
	".popsection");

static void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)v),
			 "d"((uint32_t)(v >> 32))
			 : "memory");
}

static uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

/* The other side of user_code; the last call goes on in user_syscall_run. */
void syscall_entry(void);
__asm__(".text\n"
	"syscall_entry: testl %eax, %eax\n"
	"	jnz syscall_back\n"
	"	sysretq\n");

static bool user_start(void)
{
	static uint8_t *code;

	if (!code) {
		code = kit_pages_alloc(1);
		if (!code)
			return false;
		memcpy(code, user_code,
		       (uintptr_t)user_end - (uintptr_t)user_code);
		if (!kit_map(USER, kit_gpa(code), KIT_PAGE_SIZE,
			     KIT_USER | KIT_EXEC))
			return false;
	}
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
	wrmsr(MSR_STAR, STAR_USER << 48 | STAR_KERNEL << 32);
	wrmsr(MSR_LSTAR, (uint64_t)(uintptr_t)syscall_entry);
	wrmsr(MSR_SFMASK, RFLAGS_IF);
	return true;
}

/* Interrupts stay off: there is no stack for one from ring 3. */
__attribute__((noinline)) static void user_syscall_run(uint32_t n)
{
	uint64_t flags = kit_irq_save();

	__asm__ volatile("movl $2, %%r11d\n\t"
			 "sysretq\n"
			 "syscall_back:"
			 : "+b"(n)
			 : "c"(USER)
			 : "rax", "r11", "cc", "memory");
	kit_irq_restore(flags);
}

const struct op cpu_ops[] = {
	OP("page_fault", 16, 1, page_fault_run, .start = fault_start,
	   .stop = fault_stop, .prep = fault_prep),
	OP("pte_update", 16, 1, pte_update_run, .start = ptes_start),
	OP("user_syscall", 64, 1, user_syscall_run, .start = user_start),
	OPS_END,
};
