/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of the hypervisor, and what it says on the way. */
#include "lib/panic.h"
#include "lib/log.h"
#include "lib/machine.h"
#include "lib/power.h"
#include "lib/string.h"

#define PANIC_STATUS 99u
#define TRACE_MAX 32

/*
 * The generated table of functions (hv/boot/symtab.py), in read-only data; the
 * first link has it empty. Entry i: symtab_offset[i] from the image base,
 * ascending, and its name is the i-th string at symtab_names.
 */
extern const u32 symtab_count, symtab_offset[];
extern const char symtab_names[];

#define linker_symbol __attribute__((visibility("hidden")))
extern const char ImageBase[] linker_symbol;
extern const char hv_text_start[] linker_symbol, hv_text_end[] linker_symbol;

void (*panic_stop_others)(void);
bool panic_active;
static u32 panic_cpu;

void panic_begin(void)
{
	u32 self = cpuid(1, 0).b >> 24; /* the APIC id */

	__asm__ volatile("cli");
	if (__atomic_exchange_n(&panic_active, true, __ATOMIC_ACQ_REL)) {
		if (self == panic_cpu)
			power_off(PANIC_STATUS);
		cpu_stop();
	}
	panic_cpu = self;
	if (panic_stop_others)
		panic_stop_others();
	log_panic_mode();
}

/* Do the bytes before a return address end a CALL? */
static bool after_call(const u8 *p)
{
	if (p[-5] == 0xE8)
		return true;
	for (int n = 2; n <= 7; n++)
		if (n != 5 && p[-n] == 0xFF && (p[1 - n] & 0x38) == 0x10)
			return true;
	return false;
}

/* Name of the function that holds addr, and the offset in it; NULL if none. */
static const char *symtab_find(u64 addr, u64 *offset)
{
	u64 off = addr - (u64)ImageBase;
	const char *name = NULL, *next = symtab_names;

	if (addr < (u64)hv_text_start || addr >= (u64)hv_text_end)
		return NULL;
	for (u32 i = 0; i < symtab_count && symtab_offset[i] <= off; i++) {
		*offset = off - symtab_offset[i];
		name = next;
		next += strlen(name) + 1;
	}
	return name;
}

/* A line of the trace, unless addr has to be a return address and is none. */
static bool trace_line(u64 addr, bool is_return)
{
	u64 off = 0;
	const char *name = symtab_find(addr, &off);

	if (is_return && (!name || off < 5 || !after_call((u8 *)addr)))
		return false;
	log("parley:   %016lx %s+0x%lx\n", addr, name ? name : "?", off);
	return true;
}

/* Without frame pointers: every word of the stack that looks like a return
 * address. It may show a stale one; it never misses one. */
static void trace(u64 rip, u64 rsp)
{
	u64 end = (rsp | (HV_STACK_SIZE - 1)) + 1, last = rip;
	u32 lines = 0;

	log("parley: back trace:\n");
	trace_line(rip, false);
	for (u64 sp = rsp & ~7ull; sp < end - 8 && lines < TRACE_MAX; sp += 8) {
		u64 addr = *(u64 *)sp;

		if (addr == last || !trace_line(addr, true))
			continue; /* a recursion shows once */
		last = addr;
		lines++;
	}
}

noreturn_fn void panic_end(u64 rip, u64 rsp)
{
	log("parley: APIC id %u  cr0 %lx  cr2 %lx  cr3 %lx  cr4 %lx\n",
	    panic_cpu, read_cr0(), read_cr2(), read_cr3(), read_cr4());
	trace(rip, rsp);
	power_off(PANIC_STATUS);
}

noreturn_fn void panic(const char *fmt, ...)
{
	char msg[256];
	__builtin_va_list ap;

	panic_begin();
	__builtin_va_start(ap, fmt);
	fmt_vbuf(msg, sizeof(msg), fmt, ap);
	__builtin_va_end(ap);
	/* the host partition may have been in the middle of a line */
	log("\nparley: panic: %s\n", msg);
	panic_end((u64)__builtin_return_address(0),
		  (u64)__builtin_frame_address(0));
}
