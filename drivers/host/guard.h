/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of memory that may stop being mapped in the middle of an access. */
#ifndef HOST_GUARD_H
#define HOST_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void guard_init(void);

/* false: a page was not accessible, and part was perhaps copied. */
bool guard_copy(void *to, const void *from, size_t n);

/* Where an instruction's fault goes on: both as distances from the word. */
struct guard_fixup {
	int32_t insn, resume;
};

#define GUARD_FIXUP(insn, resume)                \
	".pushsection host_fixup,\"a\"\n\t"      \
	".long " insn " - ., " resume " - .\n\t" \
	".popsection"

/* Single accesses, not torn; at a naturally aligned address; the processor sees
 * them in the order of the program. false: a fault. */
#define GUARD_READ(bits)                                                       \
	static inline bool guard_read##bits(const void *from,                  \
					    uint##bits##_t *v)                 \
	{                                                                      \
		uint##bits##_t got = 0;                                        \
                                                                               \
		__asm__ goto(                                                  \
			"1: mov %[m], %[got]\n\t" GUARD_FIXUP("1b", "%l[bad]") \
			: [got] "=r"(got)                                      \
			: [m] "m"(*(const volatile uint##bits##_t *)from)      \
			: "memory"                                             \
			: bad);                                                \
		*v = got;                                                      \
		return true;                                                   \
bad:                                                                           \
		*v = 0;                                                        \
		return false;                                                  \
	}

#define GUARD_WRITE(bits)                                                     \
	static inline bool guard_write##bits(void *to, uint##bits##_t v)      \
	{                                                                     \
		__asm__ goto(                                                 \
			"1: mov %[v], %[m]\n\t" GUARD_FIXUP("1b", "%l[bad]")  \
			:                                                     \
			: [v] "r"(v), [m] "m"(*(volatile uint##bits##_t *)to) \
			: "memory"                                            \
			: bad);                                               \
		return true;                                                  \
bad:                                                                          \
		return false;                                                 \
	}

GUARD_READ(16)
GUARD_READ(64)
GUARD_WRITE(8)
GUARD_WRITE(16)
GUARD_WRITE(64)

/* An IN; false: refused with an exception. */
bool guard_in(uint16_t port, unsigned size, uint32_t *v);
bool guard_out(uint16_t port, unsigned size, uint32_t v);

#endif
