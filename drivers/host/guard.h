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

/* Single accesses, not torn; at a naturally aligned address. */
bool guard_read16(const void *from, uint16_t *v);
bool guard_read64(const void *from, uint64_t *v);
bool guard_write8(void *to, uint8_t v);
bool guard_write16(void *to, uint16_t v);
bool guard_write64(void *to, uint64_t v);
bool guard_read32(const void *from, uint32_t *v);

/* An IN; false: refused with an exception. */
bool guard_in(uint16_t port, unsigned size, uint32_t *v);
bool guard_out(uint16_t port, unsigned size, uint32_t v);

#endif
