/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages: the allocator, and the kit's own page tables, W^X throughout. */
#include "kit/mm.h"
#include "kit/call.h"
#include "kit/smp.h"
#include "internal.h"

#define PTE_P 0x001ull
#define PTE_W 0x002ull
#define PTE_U 0x004ull
#define PTE_PWT 0x008ull
#define PTE_PCD 0x010ull
#define PTE_PS 0x080ull
#define PTE_NX (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull
#define BIG_SIZE 0x200000ull
#define ENTRIES 512u
#define ALIAS 0x8000000000ull /* a top-level slot that RAM never uses */

extern uint8_t kit_stack0[];

static struct kit_lock lock;
static uint64_t *bitmap; /* bit set: page in use */
static uint64_t nr_pages, nr_free, hint;
static uint64_t *root;
static uint32_t live; /* our tables are loaded */

static void clear_page(void *page)
{
	uint64_t n = KIT_PAGE_SIZE / 8;

	__asm__ volatile("rep stosq"
			 : "+D"(page), "+c"(n)
			 : "a"(0ull)
			 : "memory");
}

/* ---- pages ---- */

static bool page_used(uint64_t pfn)
{
	return bitmap[pfn / 64] >> (pfn % 64) & 1;
}

static void page_mark(uint64_t pfn, bool used)
{
	uint64_t bit = 1ull << (pfn % 64);

	if (used == page_used(pfn))
		return;
	bitmap[pfn / 64] ^= bit;
	nr_free += used ? -1ull : 1ull;
}

/* First run of n free pages in [from, to), or 0. */
static uint64_t run_find(uint64_t from, uint64_t to, uint64_t n)
{
	uint64_t pfn, len = 0;

	for (pfn = from; pfn < to; pfn++) {
		if (!(pfn % 64) && bitmap[pfn / 64] == ~0ull) {
			pfn += 63;
			len = 0;
			continue;
		}
		len = page_used(pfn) ? 0 : len + 1;
		if (len == n)
			return pfn + 1 - n;
	}
	return 0;
}

void *kit_pages_alloc(size_t n)
{
	uint64_t flags, pfn, i;

	if (!n || n > nr_pages)
		return NULL;
	flags = kit_irq_save();
	kit_lock(&lock);
	pfn = run_find(hint, nr_pages, n);
	if (!pfn)
		pfn = run_find(1, nr_pages, n);
	for (i = 0; pfn && i < n; i++)
		page_mark(pfn + i, true);
	if (pfn)
		hint = pfn + n;
	kit_unlock(&lock);
	kit_irq_restore(flags);
	for (i = 0; pfn && i < n; i++)
		clear_page(kit_ptr((pfn + i) * KIT_PAGE_SIZE));
	return pfn ? kit_ptr(pfn * KIT_PAGE_SIZE) : NULL;
}

void kit_pages_free(void *pages, size_t n)
{
	uint64_t pfn = kit_gpa(pages) / KIT_PAGE_SIZE;
	uint64_t flags, i;

	if (!pages)
		return;
	flags = kit_irq_save();
	kit_lock(&lock);
	for (i = 0; i < n; i++)
		page_mark(pfn + i, false);
	if (pfn < hint)
		hint = pfn;
	kit_unlock(&lock);
	kit_irq_restore(flags);
}

size_t kit_pages_left(void) { return nr_free; }

bool kit_balloon_out(void *pages, size_t n)
{
	return !pv_mem_release(kit_gpa(pages), n);
}

bool kit_balloon_in(void *pages, size_t n)
{
	if (!((kit_gpa(pages) | n * KIT_PAGE_SIZE) & (BIG_SIZE - 1)) &&
	    !pv_mem_populate(kit_gpa(pages), n, PV_ORDER_2M))
		return true;
	return !pv_mem_populate(kit_gpa(pages), n, PV_ORDER_4K);
}

static void range_mark(uint64_t start, uint64_t end, bool used)
{
	uint64_t pfn = start / KIT_PAGE_SIZE;

	end = (end + KIT_PAGE_SIZE - 1) / KIT_PAGE_SIZE;
	for (; pfn < end && pfn < nr_pages; pfn++)
		page_mark(pfn, used);
}

/* The bitmap lies right behind the image; all is in use but the RAM ranges. */
static void pages_start(const struct pv_start *s)
{
	const struct pv_mem *m = kit_ptr(s->mem);
	uint64_t at = (s->image_end + KIT_PAGE_SIZE - 1) & ~(KIT_PAGE_SIZE - 1);
	uint64_t bytes, i;

	for (i = 0; i < s->nr_mem; i++)
		if (m[i].type == PV_MEM_RAM &&
		    (m[i].start + m[i].size) / KIT_PAGE_SIZE > nr_pages)
			nr_pages = (m[i].start + m[i].size) / KIT_PAGE_SIZE;
	bytes = (nr_pages + 63) / 64 * 8;
	bitmap = kit_ptr(at);
	for (i = 0; i < bytes / 8; i++)
		bitmap[i] = ~0ull;
	for (i = 0; i < s->nr_mem; i++)
		if (m[i].type == PV_MEM_RAM)
			range_mark(m[i].start, m[i].start + m[i].size, false);
	range_mark(0, KIT_PAGE_SIZE, true);
	range_mark(s->image_start, at + bytes, true);
	for (i = 0; i < s->nr_mem; i++)
		if (m[i].type != PV_MEM_RAM)
			range_mark(m[i].start, m[i].start + m[i].size, true);
	hint = 1;
}

/* ---- tables ---- */

static unsigned slot(uint64_t va, unsigned level)
{
	return va >> (12 + 9 * level) & (ENTRIES - 1);
}

static uint64_t *table_of(uint64_t entry) { return kit_ptr(entry & PTE_ADDR); }

static void tlb_flush(uint64_t va)
{
	if (live)
		__asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

/* Replaces a 2 MiB leaf by a table of equal 4 KiB leaves. */
static bool leaf_split(uint64_t *e)
{
	uint64_t *t = kit_pages_alloc(1);
	unsigned i;

	if (!t)
		return false;
	for (i = 0; i < ENTRIES; i++)
		t[i] = (*e & ~PTE_PS) + i * KIT_PAGE_SIZE;
	*e = kit_gpa(t) | PTE_P | PTE_W | PTE_U;
	return true;
}

/* The entry for va at a level (0: 4 KiB, 1: 2 MiB). NULL: absent, and `make`
 * is false or there is no memory. */
static uint64_t *entry_find(uint64_t va, unsigned level, bool make)
{
	uint64_t *t = root;
	unsigned l;

	for (l = 3; l > level; l--) {
		uint64_t *e = &t[slot(va, l)];

		if (!(*e & PTE_P)) {
			uint64_t *n = make ? kit_pages_alloc(1) : NULL;

			if (!n)
				return NULL;
			*e = kit_gpa(n) | PTE_P | PTE_W | PTE_U;
		} else if ((*e & PTE_PS) && (!make || !leaf_split(e))) {
			return NULL;
		}
		t = table_of(*e);
	}
	return &t[slot(va, level)];
}

static uint64_t leaf_bits(unsigned flags)
{
	uint64_t bits = PTE_P;

	if (flags & KIT_WRITE)
		bits |= PTE_W;
	if (flags & KIT_USER)
		bits |= PTE_U;
	if (flags & KIT_UNCACHED)
		bits |= PTE_PCD | PTE_PWT;
	if (!(flags & KIT_EXEC))
		bits |= PTE_NX;
	return bits;
}

/* Maps one page of the largest size that fits; returns its size, or 0. */
static uint64_t map_step(uint64_t va, uint64_t gpa, uint64_t left,
			 uint64_t bits)
{
	bool big = !((va | gpa) & (BIG_SIZE - 1)) && left >= BIG_SIZE;
	uint64_t *e = entry_find(va, big, true);

	if (e && big && (*e & PTE_P) && !(*e & PTE_PS)) {
		big = false; /* a table is there already */
		e = entry_find(va, 0, true);
	}
	if (!e)
		return 0;
	*e = gpa | bits | (big ? PTE_PS : 0);
	tlb_flush(va);
	return big ? BIG_SIZE : KIT_PAGE_SIZE;
}

bool kit_map(uint64_t va, uint64_t gpa, uint64_t size, unsigned flags)
{
	uint64_t step, bits = leaf_bits(flags);

	if ((flags & KIT_WRITE) && (flags & KIT_EXEC))
		return false;
	if ((va | gpa | size) & (KIT_PAGE_SIZE - 1))
		return false;
	for (; size; size -= step, va += step, gpa += step) {
		step = map_step(va, gpa, size, bits);
		if (!step)
			return false;
	}
	return true;
}

void kit_tlb_flush(uint64_t vcpus) { pv_vcpu_flush_tlb(0, vcpus); }

void kit_unmap(uint64_t va, uint64_t size)
{
	for (; size >= KIT_PAGE_SIZE;
	     size -= KIT_PAGE_SIZE, va += KIT_PAGE_SIZE) {
		uint64_t gpa, *e = NULL;

		if (kit_translate(va, &gpa))
			e = entry_find(va, 0, true);
		if (!e)
			continue;
		*e = 0;
		tlb_flush(va);
	}
}

/* The leaf for va in any tables, and how many bytes it covers; 0: none. */
static uint64_t leaf_find(uint64_t *t, uint64_t va, uint64_t *size)
{
	unsigned l;

	for (l = 3;; l--) {
		uint64_t e = t[slot(va, l)];

		*size = 1ull << (12 + 9 * l);
		if (!(e & PTE_P))
			return 0;
		if (!l || (e & PTE_PS))
			return e;
		t = table_of(e);
	}
}

bool kit_translate(uint64_t va, uint64_t *gpa)
{
	uint64_t size, e;

	if ((int64_t)(va << 16) >> 16 != (int64_t)va)
		return false;
	e = leaf_find(root, va, &size);
	if (!e)
		return false;
	*gpa = (e & PTE_ADDR & ~(size - 1)) | (va & (size - 1));
	return true;
}

uint64_t kit_root(void) { return kit_gpa(root); }

uint64_t kit_root_clone(void)
{
	uint64_t *t = kit_pages_alloc(1);
	unsigned i;

	for (i = 0; t && i < ENTRIES; i++)
		t[i] = root[i];
	return kit_gpa(t);
}

/* ---- start ---- */

static void must_map(uint64_t at, uint64_t size, unsigned flags)
{
	if (!kit_map(at, at, size, flags))
		kit_stop("no memory for page tables", 25);
}

/* Whatever linker script made the image: the boot tables know which of its
 * pages may be written and which executed. A page with both loses neither
 * W^X nor its code: it stays executable and read-only. */
static void image_map(const struct pv_start *s, uint64_t *boot)
{
	uint64_t va, size, e;
	unsigned flags;

	for (va = s->image_start & ~(KIT_PAGE_SIZE - 1); va < s->image_end;
	     va += KIT_PAGE_SIZE) {
		e = leaf_find(boot, va, &size);
		if (!e)
			continue;
		flags = !(e & PTE_NX) ? KIT_EXEC : e & PTE_W ? KIT_WRITE : 0;
		must_map(va, KIT_PAGE_SIZE, flags);
		if (flags & KIT_EXEC)
			kit_map(va + ALIAS, va, KIT_PAGE_SIZE, KIT_WRITE);
	}
}

static void memory_map(const struct pv_start *s)
{
	const struct pv_mem *m = kit_ptr(s->mem);
	uint32_t i;

	for (i = 0; i < s->nr_mem; i++)
		must_map(m[i].start, m[i].size,
			 m[i].type == PV_MEM_MODULE ? KIT_READ : KIT_WRITE);
}

static void devices_map(const struct pv_start *s)
{
	const struct pv_device *d = NULL;
	uint32_t i;

	must_map(PV_PARTITION_PAGE, KIT_PAGE_SIZE, KIT_WRITE);
	for (i = 0; i < s->vcpus; i++)
		must_map(PV_VCPU_PAGE(i), KIT_PAGE_SIZE, KIT_WRITE);
	while ((d = kit_device(d, PV_DEV_VIRTIO, NULL)))
		must_map(d->base, KIT_PAGE_SIZE, KIT_WRITE | KIT_UNCACHED);
}

static void root_load(void)
{
	__asm__ volatile("movq %0, %%cr3" ::"r"(root) : "memory");
	live = 1;
}

/* Builds and loads the tables; patches the call sites through a writable
 * alias of the code, which is gone when this returns. */
void kit_mm_start(const struct pv_start *s)
{
	uint64_t boot;

	__asm__ volatile("movq %%cr3, %0" : "=r"(boot));
	pages_start(s);
	root = kit_pages_alloc(1);
	if (!root)
		kit_stop("no memory", 9);
	memory_map(s);
	image_map(s, kit_ptr(boot & PTE_ADDR));
	devices_map(s);
	kit_unmap(0, KIT_PAGE_SIZE);
	kit_unmap(kit_gpa(kit_stack0), KIT_PAGE_SIZE); /* guard */
	root_load();
	kit_calls_patch((int64_t)ALIAS);
	root[slot(ALIAS, 3)] = 0;
	root_load();
}
