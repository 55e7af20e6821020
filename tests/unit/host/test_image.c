/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest images: which are accepted, how others are named; first page tables. */
/* TEST-SRC: drivers/host/image.c drivers/host/tables.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/image.h"
#include "host/tables.h"

#define LIMIT (16ull << 20)
#define NX (1ull << 63)

static uint8_t file[16384];
static struct image im;

static void put(size_t at, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		file[at + i] = (uint8_t)(v >> 8 * i);
}

static void phdr(unsigned i, uint32_t type, uint32_t flags, uint64_t off,
		 uint64_t addr, uint64_t filesz, uint64_t memsz)
{
	size_t at = 64 + 56 * i;

	put(at, type, 4);
	put(at + 4, flags, 4);
	put(at + 8, off, 8);
	put(at + 16, addr, 8);
	put(at + 24, addr, 8);
	put(at + 32, filesz, 8);
	put(at + 40, memsz, 8);
}

/* Text at 1 MiB, data one page on; symbols `first` and `second`. */
static void elf_make(void)
{
	memset(file, 0, sizeof(file));
	memcpy(file, "\177ELF\2\1\1", 7);
	put(16, 2, 2);
	put(18, 62, 2);
	put(24, 0x100010, 8);
	put(32, 64, 8);	    /* phoff */
	put(40, 0x3000, 8); /* shoff */
	put(54, 56, 2);
	put(56, 2, 2);
	put(58, 64, 2);
	put(60, 3, 2); /* sections: none, symtab, strtab */
	phdr(0, 1, 5, 0x1000, 0x100000, 0x800, 0x800);
	phdr(1, 1, 6, 0x1800, 0x101000, 0x10, 0x2345);
	put(0x3000 + 64 + 4, 2, 4);
	put(0x3000 + 64 + 24, 0x2000, 8);
	put(0x3000 + 64 + 32, 3 * 24, 8);
	put(0x3000 + 64 + 40, 2, 4);
	put(0x3000 + 128 + 24, 0x2800, 8);
	put(0x3000 + 128 + 32, 16, 8);
	memcpy(file + 0x2800, "\0first\0second\0", 15);
	for (unsigned i = 1; i < 3; i++) {
		put(0x2000 + 24 * i, i == 1 ? 1 : 7, 4);
		file[0x2000 + 24 * i + 4] = 2;
		put(0x2000 + 24 * i + 6, 1, 2);
		put(0x2000 + 24 * i + 8, 0x100000 + 0x100 * (i - 1), 8);
	}
}

static const char *parse(void)
{
	return image_parse(&im, file, sizeof(file), LIMIT);
}

static void test_good(void **state)
{
	(void)state;
	elf_make();
	assert_null(parse());
	assert_int_equal(im.nr_segs, 2);
	assert_int_equal(im.entry, 0x100010);
	assert_int_equal(im.start, 0x100000);
	assert_int_equal(im.end, 0x104000);
}

static void test_foreign(void **state)
{
	(void)state;
	memset(file, 0, sizeof(file));
	assert_string_equal(parse(), "not an image");
	assert_string_equal(image_parse(&im, file, 0, LIMIT), "not an image");
	put(0x1fe, 0xaa55, 2);
	memcpy(file + 0x202, "HdrS", 4);
	assert_string_equal(parse(), "a bzImage (Linux kernel)");
	memset(file, 0, sizeof(file));
	memcpy(file, "MZ", 2);
	assert_string_equal(parse(), "a DOS program");
	put(60, 0x80, 4);
	memcpy(file + 0x80, "PE\0\0", 4);
	assert_string_equal(parse(), "a PE (UEFI or Windows) file");
	put(60, 0xfffffff0, 4);
	assert_string_equal(parse(), "a DOS program");
	elf_make();
	put(0x1004, 0x1badb002, 4);
	put(0x1008, 3, 4);
	put(0x100c, -(0x1badb002 + 3), 4);
	assert_string_equal(parse(), "a Multiboot kernel");
	elf_make();
	put(0x1008, 0xe85250d6, 4);
	put(0x1010, 24, 4);
	put(0x1014, -(0xe85250d6 + 24), 4);
	assert_string_equal(parse(), "a Multiboot kernel");
	elf_make();
	file[4] = 1;
	assert_string_equal(parse(), "a 32-bit ELF file");
}

static void test_elf_refused(void **state)
{
	(void)state;
	elf_make();
	put(18, 183, 2);
	assert_string_equal(parse(), "an ELF file for another CPU");
	elf_make();
	put(16, 3, 2);
	assert_string_equal(parse(),
			    "a position-independent ELF file (ET_DYN)");
	elf_make();
	put(16, 1, 2);
	assert_string_equal(parse(), "an object file (ET_REL)");
	elf_make();
	phdr(1, 3, 4, 0, 0, 0, 0);
	assert_string_equal(parse(), "a dynamically linked ELF file");
	elf_make();
	put(24, 0x101000, 8);
	assert_string_equal(
		parse(), "an ELF file whose entry is in no executable segment");
	elf_make();
	phdr(1, 1, 6, 0x1800, LIMIT - 0x1000, 0x10, 0x1001);
	assert_string_equal(
		parse(), "an ELF file that does not fit in the guest's memory");
	elf_make();
	phdr(1, 1, 6, 0x1800, UINT64_MAX - 0xfff, 0x10, 0x2000);
	assert_string_equal(
		parse(), "an ELF file that does not fit in the guest's memory");
	elf_make();
	phdr(1, 1, 6, sizeof(file) - 8, 0x101000, 0x10, 0x10);
	assert_string_equal(parse(),
			    "a broken ELF file: a segment out of the file");
	elf_make();
	phdr(1, 1, 6, 0x1800, 0x1007ff, 0x10, 0x10);
	assert_string_equal(parse(), "a broken ELF file: segments overlap");
	elf_make();
	put(32, sizeof(file) - 8, 8);
	assert_string_equal(
		parse(), "a broken ELF file: program headers out of the file");
}

static void test_symbols(void **state)
{
	uint64_t off;

	(void)state;
	elf_make();
	assert_string_equal(image_symbol(file, sizeof(file), 0x100010, &off),
			    "first");
	assert_int_equal(off, 0x10);
	assert_string_equal(image_symbol(file, sizeof(file), 0x100100, &off),
			    "second");
	assert_int_equal(off, 0);
	assert_null(image_symbol(file, sizeof(file), 0x200000, &off));
	assert_null(
		image_symbol(file, sizeof(file), 0x101000, &off)); /* data */
	put(0x3000 + 64 + 40, 99, 4); /* no such string section */
	assert_null(image_symbol(file, sizeof(file), 0x100010, &off));
}

/* Any change of the file: no crash, no read out of it. */
static void test_noise(void **state)
{
	(void)state;
	srand(2);
	for (int round = 0; round < 20000; round++) {
		size_t n = sizeof(file);
		uint8_t *copy;
		uint64_t off;

		elf_make();
		for (int i = rand() % 4; i >= 0; i--)
			file[rand() % 2 ? rand() % 256 :
					  0x3000 + rand() % 192] =
				(uint8_t)rand();
		if (rand() % 4 == 0)
			n = (size_t)rand() % n;
		copy = malloc(n ? n : 1);
		memcpy(copy, file, n);
		image_parse(&im, copy, n, LIMIT);
		image_symbol(copy, n, 0x100000 + (uint64_t)rand() % 0x1000,
			     &off);
		free(copy);
	}
}

/* Walks the tables as the CPU does. */
static uint64_t walk(const uint64_t *buf, uint64_t at, uint64_t va)
{
	const uint64_t mask = 0x000ffffffffff000ull;
	const uint64_t *t = buf;
	uint64_t flags = 3;
	uint64_t e = 0;

	for (int shift = 39; shift >= 12; shift -= 9) {
		e = t[va >> shift & 511];
		if (!(e & 1))
			return 0;
		flags &= e;
		if (shift == 21 && (e & 0x80)) {
			assert_int_equal(e & mask, va & ~0x1fffffull);
			return (flags & 2) | (e & NX) | 1;
		}
		if (shift > 12)
			t = buf + ((e & mask) - at) / 8;
	}
	assert_int_equal(e & mask, va & ~0xfffull);
	return (flags & 2) | (e & NX) | 1;
}

static void check_tables(uint64_t ram, const uint64_t *buf, uint64_t at)
{
	assert_int_equal(walk(buf, at, 0), 3 | NX);
	assert_int_equal(walk(buf, at, 0x100000), 1);
	assert_int_equal(walk(buf, at, 0x100fff), 1);
	assert_int_equal(walk(buf, at, 0x101000), 3 | NX);
	assert_int_equal(walk(buf, at, 0x104000), 3 | NX);
	assert_int_equal(walk(buf, at, ram - 1), 3 | NX);
	assert_int_equal(walk(buf, at, ram), 0);
}

static void test_tables(void **state)
{
	static const uint64_t rams[] = { 2ull << 20, (16ull << 20) + 4096,
					 LIMIT, 3ull << 30,
					 (1ull << 30) + 0x5000 };

	(void)state;
	elf_make();
	assert_null(parse());
	for (unsigned i = 0; i < sizeof(rams) / sizeof(rams[0]); i++) {
		uint64_t n = tables_pages(&im, rams[i]);
		uint64_t *buf = calloc(n, 4096);
		uint64_t at = rams[i] - n * 4096;

		tables_build(&im, rams[i], buf, at);
		check_tables(rams[i], buf, at);
		free(buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_elf_refused),
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
