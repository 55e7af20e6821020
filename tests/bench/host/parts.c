/* SPDX-License-Identifier: BSD-2-Clause */
/* Partitions with a program of some instructions: one call, and sleep. */
#include "tests/bench/host/parts.h"
#include "drivers/host/host.h"
#include "kit/mm.h"
#include "pvabi/calls.h"
#include "tests/bench/bench.h"

#define ROOT 0x1000ull /* page tables: three pages, one entry in each */
#define CODE 0x4000ull
#define CALL 0x5000ull /* struct part_call */
#define OVERHEAD 256u  /* pages that the hypervisor needs for a partition */
#define PTE_TABLE 3ull
#define PTE_LARGE 0x83ull

uint64_t parts[PARTS_MAX];

/* RDI: struct part_call. The kit has patched the calls for this CPU. */
extern const uint8_t part_code[], part_code_end[];
__asm__(".text\n"
	"part_code: movq %rdi, %rbx\n"
	"	movq (%rbx), %rax\n"
	"	movq 8(%rbx), %rdi\n"
	"	movq 16(%rbx), %rsi\n"
	"	movq 24(%rbx), %rdx\n"
	"	movq 32(%rbx), %rcx\n"
	"	movq 40(%rbx), %r8\n"
	"	movq 48(%rbx), %r9\n"
	"	" PV_CALL_INSN "\n"
	"1:	movl $9, %eax\n" /* PV_CALL_vcpu_wait */
	"	xorl %edi, %edi\n"
	"	" PV_CALL_INSN "\n"
	"	jmp 1b\n"
	"part_code_end:\n");
_Static_assert(PV_CALL_vcpu_wait == 9, "as in part_code");

uint64_t part_try(uint64_t *part, uint64_t quota)
{
	return part_try_of(PV_PROFILE_PV, part, quota);
}

uint64_t part_try_of(uint32_t profile, uint64_t *part, uint64_t quota)
{
	static struct pv_partition_params p __attribute__((aligned(64)));

	p = (struct pv_partition_params){ .name = "bench",
					  .vcpus = 1,
					  .profile = profile,
					  .port = HOST_PORT_TEST,
					  .max_pages = quota };
	return pv_partition_create(kit_info()->self, kit_gpa(&p), part);
}

uint64_t part_make(uint64_t pages)
{
	uint64_t part;

	must(part_try(&part, (pages ? pages : PART_PAGES) + OVERHEAD));
	if (pages)
		must(pv_partition_populate(part, 0, pages));
	return part;
}

void parts_make(uint32_t n, uint64_t pages)
{
	while (n--)
		parts[n] = part_make(pages);
}

void parts_destroy(uint32_t n)
{
	while (n--) {
		uint64_t err;

		do
			err = pv_partition_destroy(parts[n]);
		while (err == PV_EAGAIN);
		must(err);
	}
}

void parts_close(uint32_t n)
{
	while (n--)
		must(pv_handle_close(parts[n]));
}

void parts_end(uint32_t n)
{
	parts_destroy(n);
	parts_close(n);
}

static void put(uint64_t part, uint64_t to, const void *from, uint64_t n)
{
	must(pv_partition_write(part, to, kit_gpa(from), n));
}

void part_prepare(uint64_t part, const struct part_call *c)
{
	uint64_t e[3] = { (ROOT + 0x1000) | PTE_TABLE,
			  (ROOT + 0x2000) | PTE_TABLE, PTE_LARGE };
	unsigned i;

	for (i = 0; i < 3; i++)
		put(part, ROOT + i * KIT_PAGE_SIZE, &e[i], sizeof(e[i]));
	put(part, CODE, part_code,
	    (uintptr_t)part_code_end - (uintptr_t)part_code);
	put(part, CALL, c, sizeof(*c));
}

uint64_t part_start(uint64_t part)
{
	static struct pv_vcpu_start st __attribute__((aligned(64)));

	st = (struct pv_vcpu_start){ .rip = CODE, .rdi = CALL, .cr3 = ROOT };
	return pv_partition_start(part, kit_gpa(&st));
}
