/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's memory, and what the hypervisor has in it and in its variables
 * at the beginning of each run. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sanitizer/asan_interface.h>

#include "core/frame.h"
#include "tests/fuzz/sim.h"

void *sim_memset(void *to, int byte, size_t n)
{
	void *at = to;

	__asm__ volatile("rep stosb"
			 : "+D"(at), "+c"(n)
			 : "a"(byte)
			 : "memory");
	return to;
}

/* A frame that is free is out of bounds (to all but frame.c, which has no
 * address sanitizer), and one that comes from there is zero. */
void *__real_frame_alloc(hpa_t at, u16 owner, enum frame_state st,
			 unsigned order);
void __real_frame_free(void *at, unsigned order);
void *__wrap_frame_alloc(hpa_t at, u16 owner, enum frame_state st,
			 unsigned order);
void __wrap_frame_free(void *at, unsigned order);

static void *unpoison(u64 *p, unsigned order)
{
	if (!p)
		return NULL;
	__asan_unpoison_memory_region(p, PAGE_SIZE << order);
	for (u64 i = 0; i < (PAGE_SIZE << order) / 8; i++)
		if (p[i])
			sim_finding("a new frame is not zero");
	return p;
}

void *__wrap_frame_alloc(hpa_t at, u16 owner, enum frame_state st,
			 unsigned order)
{
	return unpoison(__real_frame_alloc(at, owner, st, order), order);
}

void __wrap_frame_free(void *at, unsigned order)
{
	__real_frame_free(at, order);
	__asan_poison_memory_region(at, PAGE_SIZE << order);
}

/* All variables of the hypervisor are in these two (see the Makefile). */
extern char __start_hvdata[], __stop_hvdata[], __start_hvbss[], __stop_hvbss[];
static char *saved_data, *saved_bss, *saved_ram;
__attribute__((no_sanitize("all"))) static void move(char *to, const char *from,
						     size_t n)
{
	__asm__ volatile("rep movsb"
			 : "+D"(to), "+S"(from), "+c"(n)
			 :
			 : "memory");
}

static char *save(const char *from, size_t n)
{
	char *to = mmap(NULL, n, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	move(to, from, n);
	return to;
}

static bool was_free[SIM_SIZE / PAGE_SIZE];

/* Calls fn for each frame, the frame table in the last ones: is it free? */
static void frames_look(void (*fn)(u64 at, bool spare))
{
	u64 spare = 0;

	for (u64 at = SIM_RAM; at < SIM_RAM + SIM_SIZE; at += PAGE_SIZE) {
		const struct frame *f = frame_of(hpa(at));

		if (f->owner == FRAME_FREE && f->order != FRAME_INNER)
			spare = 1ull << f->order;
		fn(at, spare);
		spare -= spare ? 1 : 0;
	}
}

static void note_free(u64 at, bool spare)
{
	was_free[(at - SIM_RAM) / PAGE_SIZE] = spare;
}

/* A frame that is free now and was so before has not been touched, or it has
 * been scrubbed; of the others, most have not changed. */
__attribute__((no_sanitize("all"))) static void put_back(u64 at, bool spare)
{
	const u64 *old = (u64 *)(saved_ram + (at - SIM_RAM));
	u64 *cur = (u64 *)at, diff = 0;
	bool before = was_free[(at - SIM_RAM) / PAGE_SIZE];

	if (spare && before)
		return;
	if (spare)
		__asan_unpoison_memory_region(cur, PAGE_SIZE);
	for (u32 i = 0; i < 512; i++)
		diff |= old[i] ^ cur[i];
	if (diff)
		move((char *)cur, (const char *)old, PAGE_SIZE);
	if (before)
		__asan_poison_memory_region(cur, PAGE_SIZE);
}

void memory_init(void)
{
	if (mmap((void *)SIM_RAM, SIM_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		 0) != (void *)SIM_RAM)
		abort();
}

void memory_save(void)
{
	saved_data =
		save(__start_hvdata, (size_t)(__stop_hvdata - __start_hvdata));
	saved_bss = save(__start_hvbss, (size_t)(__stop_hvbss - __start_hvbss));
	saved_ram = save((char *)SIM_RAM, SIM_SIZE);
	frames_look(note_free);
}

void memory_restore(void)
{
	frames_look(put_back);
	move(__start_hvdata, saved_data,
	     (size_t)(__stop_hvdata - __start_hvdata));
	move(__start_hvbss, saved_bss, (size_t)(__stop_hvbss - __start_hvbss));
}
