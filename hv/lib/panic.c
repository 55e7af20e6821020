/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of the hypervisor, and what it says on the way. */
#include "lib/panic.h"
#include "lib/log.h"
#include "lib/symtab.h"
#include "lib/uart.h"

#define TRACE_MAX 32

struct panic_ops panic_ops;
bool panic_active;
static u32 panic_cpu;

static noreturn_fn void stop(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

noreturn_fn void panic_end(void)
{
	if (panic_ops.power_off)
		panic_ops.power_off(PANIC_STATUS);
	log_flush();
	uart_drain();
	stop();
}

void panic_begin(void)
{
	u32 self = panic_ops.cpu_index ? panic_ops.cpu_index() : 0;

	__asm__ volatile("cli");
	if (__atomic_exchange_n(&panic_active, true, __ATOMIC_ACQ_REL)) {
		if (self == panic_cpu)
			panic_end();
		stop();
	}
	panic_cpu = self;
	if (panic_ops.stop_others)
		panic_ops.stop_others();
	log_panic_mode();
}

/* Do the bytes before a return address end a CALL? */
static bool after_call(u64 addr)
{
	const u8 *p = (const u8 *)addr;

	return p[-5] == 0xE8 || (p[-2] == 0xFF && (p[-1] & 0x38) == 0x10) ||
	       (p[-3] == 0xFF && (p[-2] & 0x38) == 0x10) ||
	       (p[-4] == 0xFF && (p[-3] & 0x38) == 0x10) ||
	       (p[-6] == 0xFF && (p[-5] & 0x38) == 0x10) ||
	       (p[-7] == 0xFF && (p[-6] & 0x38) == 0x10);
}

static bool is_return(u64 addr)
{
	u64 off = 0;

	return symtab_find(addr, &off) && off >= 5 && after_call(addr);
}

static void trace_line(u64 addr)
{
	u64 off = 0;
	const char *name = symtab_find(addr, &off);

	if (name)
		log("parley:   %016lx %s+0x%lx\n", addr, name, off);
	else
		log("parley:   %016lx\n", addr);
}

/* Without frame pointers: every word of the stack that looks like a return
 * address. It may show a stale one; it never misses one. */
void panic_trace(u64 rip, u64 rsp)
{
	u64 end = (rsp | (PANIC_STACK_SIZE - 1)) + 1, last = rip;
	u32 lines = 0;

	log("parley: back trace:\n");
	trace_line(rip);
	for (u64 sp = rsp & ~7ull; sp < end - 8 && lines < TRACE_MAX; sp += 8) {
		u64 addr = *(u64 *)sp;

		if (addr == last || !is_return(addr))
			continue; /* a recursion shows once */
		last = addr;
		trace_line(addr);
		lines++;
	}
}

noreturn_fn void panic(const char *fmt, ...)
{
	char msg[256];
	__builtin_va_list ap;

	panic_begin();
	__builtin_va_start(ap, fmt);
	fmt_vbuf(msg, sizeof(msg), fmt, ap);
	__builtin_va_end(ap);
	log("parley: panic: %s\n", msg);
	if (panic_ops.registers)
		panic_ops.registers();
	panic_trace((u64)__builtin_return_address(0),
		    (u64)__builtin_frame_address(0));
	panic_end();
}
