/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine beneath hv/core, faked: RAM at a low address, panic, a page-table
 * format. Included once by each test program. */
#ifndef UNIT_CORE_FAKE_H
#define UNIT_CORE_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "core/frame.h"
#include "core/partition.h"
#include "lib/panic.h"
#include "lib/string.h"

#define RAM_START 0x10000000ull
#define RAM_SIZE (64ull << 20)

/* Identity-mapped, as the hypervisor's own memory is. */
static inline void fake_ram(struct boot_info *bi)
{
	static void *ram, *frames;

	if (!ram)
		ram = mmap((void *)RAM_START, RAM_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	assert_ptr_equal(ram, (void *)RAM_START);
	memset(bi, 0, sizeof(*bi));
	bi->nr_frames = (RAM_START + RAM_SIZE) / PAGE_SIZE;
	bi->frames = realloc(frames, bi->nr_frames * BOOT_FRAME_SIZE);
	frames = memset(bi->frames, 0xff, bi->nr_frames * BOOT_FRAME_SIZE);
	bi->nr_ranges = 1;
	bi->ranges[0] = (struct boot_range){ .start = RAM_START,
					     .size = RAM_SIZE,
					     .type = BOOT_MEM_FREE };
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	mock_assert(0, "panic", __FILE__, __LINE__);
	abort();
}

#endif
