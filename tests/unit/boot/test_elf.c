/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF reader's bounds, and the start-of-day page tables. */
/* TEST-SRC: hv/boot/elf.c hv/boot/start.c */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#undef PT_LOAD
#include "boot/start.h"

#define MEM (8ull << 20)
#define PTE_NX (1ull << 63)

static struct {
	Elf64_Ehdr h;
	Elf64_Phdr p[3];
	char data[64];
} f;
static struct elf_image image;

static const char *parse(void) { return elf_parse(&f, sizeof(f), MEM, &image); }

static int setup(void **state)
{
	memset(&f, 0, sizeof(f));
	memcpy(f.h.e_ident, "\177ELF\2\1\1", 7);
	f.h.e_type = 2;
	f.h.e_machine = 62;
	f.h.e_phoff = offsetof(typeof(f), p);
	f.h.e_phentsize = sizeof(Elf64_Phdr);
	f.h.e_phnum = 3;
	f.h.e_entry = 0x200010;
	for (int i = 0; i < 3; i++) {
		f.p[i].p_type = 1;
		f.p[i].p_vaddr = f.p[i].p_paddr = 0x200000 + i * 0x1000;
		f.p[i].p_offset = offsetof(typeof(f), data);
		f.p[i].p_filesz = 64;
		f.p[i].p_memsz = 0x1000;
	}
	f.p[0].p_flags = 5; /* R X */
	f.p[1].p_flags = 4; /* R */
	f.p[2].p_flags = 6; /* R W */
	f.p[2].p_memsz = 0x3001;
	return 0;
}

static void accepts_a_good_one(void **state)
{
	assert_null(parse());
	assert_int_equal(image.nr, 3);
	assert_int_equal(image.start, 0x200000);
	assert_int_equal(image.end, 0x206000);
	assert_int_equal(image.entry, 0x200010);
}

#define REFUSES(name, ...)                       \
	static void refuses_##name(void **state) \
	{                                        \
		__VA_ARGS__;                     \
		assert_non_null(parse());        \
	}
REFUSES(magic, f.h.e_ident[0] = 0)
REFUSES(32_bit, f.h.e_ident[4] = 1)
REFUSES(machine, f.h.e_machine = 3)
REFUSES(shared_object, f.h.e_type = 3)
REFUSES(header_size, f.h.e_phentsize = 32)
REFUSES(headers_outside, f.h.e_phoff = sizeof(f))
REFUSES(headers_wrap, f.h.e_phoff = ~0ull - 7)
REFUSES(header_count, f.h.e_phnum = 0xffff)
REFUSES(file_end, f.p[1].p_offset = sizeof(f) - 63)
REFUSES(file_wrap, f.p[1].p_offset = ~0ull)
REFUSES(filesz, f.p[1].p_filesz = 0x2000)
REFUSES(memory_end, f.p[2].p_memsz = MEM)
REFUSES(memory_wrap, f.p[2].p_memsz = ~0ull)
REFUSES(page_zero, f.p[1].p_vaddr = f.p[1].p_paddr = 0)
REFUSES(not_identity, f.p[1].p_paddr = 0x300000)
REFUSES(write_and_execute, f.p[2].p_flags = 7)
REFUSES(overlap, f.p[1].p_vaddr = f.p[1].p_paddr = 0x202f00)
REFUSES(entry_outside, f.h.e_entry = 0x100000)
REFUSES(entry_in_data, f.h.e_entry = 0x202000)
REFUSES(no_segment, f.h.e_phnum = 0)

static void refuses_a_short_file(void **state)
{
	assert_non_null(elf_parse(&f, sizeof(f.h) - 1, MEM, &image));
	assert_non_null(elf_parse(&f, 0, MEM, &image));
}

/* The entry that maps `at`, walked as the CPU does; 0: none. */
static u64 walk(const struct start_mem *m, u64 root, u64 at)
{
	u64 t = root, e = 0;

	for (int shift = 39; shift >= 12; shift -= 9) {
		e = ((u64 *)(m->base + t))[at >> shift & 511];
		if (!(e & 1) || (shift == 21 && e & 0x80))
			return e;
		t = e & 0x000ffffffffff000ull;
	}
	return e;
}

static void tables_are_write_xor_execute(void **state)
{
	u64 size = MEM - 0x3000, root; /* 4 KiB pages at the edge */
	struct start_mem m = { aligned_alloc(4096, size), size, size,
			       0x300000 };

	assert_null(parse());
	root = start_tables(&m, &image);
	assert_int_not_equal(root, 0);
	assert_int_equal(walk(&m, root, 0x200000) & ~0x20ull, 0x200001);
	assert_int_equal(walk(&m, root, 0x201000) & ~0x20ull,
			 0x201001 | PTE_NX);
	for (u64 at = 0; at < size; at += 4096) {
		u64 e = walk(&m, root, at);

		assert_true(e & 1);
		assert_false((e & 2) && !(e & PTE_NX));
		assert_int_equal(e >> 12 & 0xffffffffff & ~(e & 0x80 ? 511 : 0),
				 (e & 0x80 ? at & ~0x1fffffull : at) >> 12);
	}
	assert_int_equal(walk(&m, root, size), 0);
	free(m.base);
}

static void tables_want_room(void **state)
{
	struct start_mem m = { aligned_alloc(4096, MEM), MEM, MEM,
			       MEM - 2 * 4096 };

	assert_null(parse());
	assert_int_equal(start_tables(&m, &image), 0);
	assert_int_equal(start_pages(&m, ~0ull / 8192), 0);
	free(m.base);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(accepts_a_good_one),
		T(refuses_magic),
		T(refuses_32_bit),
		T(refuses_machine),
		T(refuses_shared_object),
		T(refuses_header_size),
		T(refuses_headers_outside),
		T(refuses_headers_wrap),
		T(refuses_header_count),
		T(refuses_file_end),
		T(refuses_file_wrap),
		T(refuses_filesz),
		T(refuses_memory_end),
		T(refuses_memory_wrap),
		T(refuses_page_zero),
		T(refuses_not_identity),
		T(refuses_write_and_execute),
		T(refuses_overlap),
		T(refuses_entry_outside),
		T(refuses_entry_in_data),
		T(refuses_no_segment),
		T(refuses_a_short_file),
		T(tables_are_write_xor_execute),
		T(tables_want_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
