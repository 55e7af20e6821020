/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF reader of the host partition's image. */
#include "boot/elf.h"
#include "boot/string.h"

struct elf_header {
	u8 ident[16];
	uint16_t type, machine;
	u32 version;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
static_assert_size(struct elf_header, 64);

struct elf_ph {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
};
static_assert_size(struct elf_ph, 56);

#define PT_LOAD 1u
#define ET_EXEC 2u
#define EM_X86_64 62u

static u64 page_down(u64 a) { return a & ~PAGE_MASK; }

static u64 page_up(u64 a) { return (a + PAGE_MASK) & ~PAGE_MASK; }

static const char *header_check(const struct elf_header *h, u64 size)
{
	/* magic, 64-bit, little-endian, version 1 */
	static const u8 ident[7] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

	if (size < sizeof(*h) || memcmp(h->ident, ident, sizeof(ident)))
		return "not a 64-bit ELF file";
	if (h->machine != EM_X86_64 || h->type != ET_EXEC)
		return "not an x86-64 executable";
	if (h->phentsize != sizeof(struct elf_ph) ||
	    !range_within(h->phoff, (u64)h->phnum * sizeof(struct elf_ph),
			  size) ||
	    h->phoff % 8)
		return "its program headers are not in the file";
	return NULL;
}

static bool pages_overlap(const struct elf_segment *a,
			  const struct elf_segment *b)
{
	return page_down(a->addr) < page_up(b->addr + b->memsz) &&
	       page_down(b->addr) < page_up(a->addr + a->memsz);
}

static const char *segment_check(const struct elf_ph *p, u64 size, u64 limit)
{
	if (p->filesz > p->memsz || !range_within(p->offset, p->filesz, size))
		return "a segment is not in the file";
	if (p->vaddr != p->paddr)
		return "a segment is not identity-mapped";
	if (p->vaddr < PAGE_SIZE || !range_within(p->vaddr, p->memsz, limit))
		return "a segment is outside of the memory";
	if ((p->flags & (ELF_W | ELF_X)) == (ELF_W | ELF_X))
		return "a segment is writable and executable";
	return NULL;
}

static const char *segment_add(const struct elf_ph *p, struct elf_image *out)
{
	struct elf_segment *s = &out->seg[out->nr];

	if (out->nr == ELF_MAX_SEGMENTS)
		return "it has too many segments";
	*s = (struct elf_segment){ p->vaddr, p->offset, p->filesz, p->memsz,
				   p->flags };
	for (u32 i = 0; i < out->nr; i++)
		if (pages_overlap(s, &out->seg[i]))
			return "two segments share a page";
	if (!out->nr || page_down(s->addr) < out->start)
		out->start = page_down(s->addr);
	if (page_up(s->addr + s->memsz) > out->end)
		out->end = page_up(s->addr + s->memsz);
	out->nr++;
	return NULL;
}

static bool entry_ok(const struct elf_image *e)
{
	for (u32 i = 0; i < e->nr; i++)
		if (e->seg[i].flags & ELF_X && e->entry >= e->seg[i].addr &&
		    e->entry - e->seg[i].addr < e->seg[i].memsz)
			return true;
	return false;
}

const char *elf_parse(const void *file, u64 size, u64 limit,
		      struct elf_image *out)
{
	const struct elf_header *h = file;
	const char *wrong = header_check(h, size);
	const struct elf_ph *p;

	if (wrong)
		return wrong;
	memset(out, 0, sizeof(*out));
	out->entry = h->entry;
	p = (const void *)((const char *)file + h->phoff);
	for (u32 i = 0; i < h->phnum; i++, p++) {
		if (p->type != PT_LOAD || !p->memsz)
			continue;
		wrong = segment_check(p, size, limit);
		if (!wrong)
			wrong = segment_add(p, out);
		if (wrong)
			return wrong;
	}
	return entry_ok(out) ? NULL : "its entry is in no executable segment";
}
