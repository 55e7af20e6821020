/* SPDX-License-Identifier: BSD-2-Clause */
/* Recognises guest images, checks ELF64 executables; pure. */
#include "image.h"

#include <string.h>

#include "env.h"

/* ELF64 (System V ABI, chapter 4). */
#define EHDR_SIZE 64u
#define PHDR_SIZE 56u
#define SHDR_SIZE 64u
#define SYM_SIZE 24u
#define ET_REL 1u
#define ET_EXEC 2u
#define ET_DYN 3u
#define EM_X86_64 62u
#define PT_LOAD 1u
#define PT_INTERP 3u
#define SHT_SYMTAB 2u
#define STT_NOTYPE 0u
#define STT_FUNC 2u

#define MULTIBOOT1 0x1badb002u
#define MULTIBOOT2 0xe85250d6u
#define PAGE 4096ull

static bool range_in(uint64_t at, uint64_t n, uint64_t size)
{
	return n <= size && at <= size - n;
}

static bool is_multiboot(const uint8_t *d, size_t size)
{
	for (size_t i = 0; i + 16 <= size && i < 32768; i += 4) {
		uint32_t magic = le32(d + i);

		if (magic == MULTIBOOT1 && i < 8192 &&
		    magic + le32(d + i + 4) + le32(d + i + 8) == 0)
			return true;
		if (magic == MULTIBOOT2 && i % 8 == 0 &&
		    magic + le32(d + i + 4) + le32(d + i + 8) +
				    le32(d + i + 12) ==
			    0)
			return true;
	}
	return false;
}

static const char *foreign(const uint8_t *d, size_t size)
{
	if (size >= 0x210 && le16(d + 0x1fe) == 0xaa55 &&
	    !memcmp(d + 0x202, "HdrS", 4))
		return "a bzImage (Linux kernel)";
	if (is_multiboot(d, size))
		return "a Multiboot kernel";
	if (size >= 64 && d[0] == 'M' && d[1] == 'Z') {
		uint32_t at = le32(d + 60);

		if (range_in(at, 4, size) && !memcmp(d + at, "PE\0\0", 4))
			return "a PE (UEFI or Windows) file";
		return "a DOS program";
	}
	if (size < 16 || memcmp(d, "\177ELF", 4))
		return "not an image";
	if (d[4] == 1)
		return "a 32-bit ELF file";
	return NULL;
}

static const char *header_check(const uint8_t *d, size_t size)
{
	if (size < EHDR_SIZE || d[4] != 2)
		return "a broken ELF file: no header";
	if (d[5] != 1 || le16(d + 18) != EM_X86_64)
		return "an ELF file for another CPU";
	if (le16(d + 16) == ET_DYN)
		return "a position-independent ELF file (ET_DYN)";
	if (le16(d + 16) == ET_REL)
		return "an object file (ET_REL)";
	if (le16(d + 16) != ET_EXEC)
		return "an ELF file that is no executable";
	if (le16(d + 54) != PHDR_SIZE ||
	    !range_in(le64(d + 32), (uint64_t)le16(d + 56) * PHDR_SIZE, size))
		return "a broken ELF file: program headers out of the file";
	return NULL;
}

static const char *seg_add(struct image *im, const uint8_t *ph, uint64_t limit)
{
	struct image_seg s = { .gpa = le64(ph + 24),
			       .bytes = le64(ph + 40),
			       .offset = le64(ph + 8),
			       .file_bytes = le64(ph + 32),
			       .flags = le32(ph + 4) };

	if (!s.bytes)
		return NULL;
	if (s.file_bytes > s.bytes ||
	    !range_in(s.offset, s.file_bytes, im->size))
		return "a broken ELF file: a segment out of the file";
	if (!range_in(s.gpa, s.bytes, limit))
		return "an ELF file that does not fit in the guest's memory";
	if (im->nr_segs == IMAGE_SEGS)
		return "an ELF file with too many segments";
	for (unsigned i = 0; i < im->nr_segs; i++)
		if (s.gpa < im->seg[i].gpa + im->seg[i].bytes &&
		    im->seg[i].gpa < s.gpa + s.bytes)
			return "a broken ELF file: segments overlap";
	im->seg[im->nr_segs++] = s;
	if (s.gpa < im->start)
		im->start = s.gpa & ~(PAGE - 1);
	if (s.gpa + s.bytes > im->end)
		im->end = (s.gpa + s.bytes + PAGE - 1) & ~(PAGE - 1);
	return NULL;
}

static bool entry_ok(const struct image *im)
{
	for (unsigned i = 0; i < im->nr_segs; i++) {
		const struct image_seg *s = &im->seg[i];

		if ((s->flags & IMAGE_SEG_X) && im->entry >= s->gpa &&
		    im->entry < s->gpa + s->bytes)
			return true;
	}
	return false;
}

const char *image_parse(struct image *im, const void *data, size_t size,
			uint64_t limit)
{
	const uint8_t *d = data;
	const char *why = foreign(d, size);

	*im = (struct image){ .data = d, .size = size, .start = UINT64_MAX };
	if (!why)
		why = header_check(d, size);
	if (why)
		return why;
	im->entry = le64(d + 24);
	for (unsigned i = 0; i < le16(d + 56); i++) {
		const uint8_t *ph = d + le64(d + 32) + i * PHDR_SIZE;

		if (le32(ph) == PT_INTERP)
			return "a dynamically linked ELF file";
		if (le32(ph) == PT_LOAD)
			why = seg_add(im, ph, limit);
		if (why)
			return why;
	}
	if (!entry_ok(im))
		return "an ELF file whose entry is in no executable segment";
	return NULL;
}

/* ---- symbols ---- */

struct symtab {
	const uint8_t *sym;
	uint64_t count;
	const char *str;
	uint64_t str_size;
};

static bool symtab_find(const uint8_t *d, size_t size, struct symtab *t)
{
	uint64_t shoff = le64(d + 40);
	unsigned n = le16(d + 60);

	if (le16(d + 58) != SHDR_SIZE ||
	    !range_in(shoff, (uint64_t)n * SHDR_SIZE, size))
		return false;
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *sh = d + shoff + i * SHDR_SIZE;
		uint32_t link = le32(sh + 40);
		const uint8_t *st;

		if (le32(sh + 4) != SHT_SYMTAB || link >= n)
			continue;
		st = d + shoff + link * SHDR_SIZE;
		if (!range_in(le64(sh + 24), le64(sh + 32), size) ||
		    !range_in(le64(st + 24), le64(st + 32), size))
			return false;
		t->sym = d + le64(sh + 24);
		t->count = le64(sh + 32) / SYM_SIZE;
		t->str = (const char *)d + le64(st + 24);
		t->str_size = le64(st + 32);
		return t->str_size && !t->str[t->str_size - 1];
	}
	return false;
}

/* The executable segment that addr is in. */
static const struct image_seg *code_of(const struct image *im, uint64_t addr)
{
	for (unsigned i = 0; i < im->nr_segs; i++)
		if (im->seg[i].flags & IMAGE_SEG_X &&
		    addr - im->seg[i].gpa < im->seg[i].bytes)
			return &im->seg[i];
	return NULL;
}

const char *image_symbol(const void *data, size_t size, uint64_t addr,
			 uint64_t *off)
{
	const struct image_seg *code;
	const char *best = NULL;
	struct symtab t;
	struct image im;

	if (image_parse(&im, data, size, UINT64_MAX) ||
	    !symtab_find(data, size, &t))
		return NULL;
	code = code_of(&im, addr);
	if (!code)
		return NULL;
	*off = UINT64_MAX;
	for (uint64_t i = 0; i < t.count; i++) {
		const uint8_t *s = t.sym + i * SYM_SIZE;
		uint32_t name = le32(s);
		uint64_t at = le64(s + 8);
		unsigned type = s[4] & 15;

		if ((type != STT_FUNC && type != STT_NOTYPE) || !le16(s + 6) ||
		    name >= t.str_size || !t.str[name] || at > addr ||
		    at < code->gpa || addr - at >= *off)
			continue;
		*off = addr - at;
		best = t.str + name;
	}
	return best;
}
