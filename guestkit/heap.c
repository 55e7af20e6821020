/* SPDX-License-Identifier: BSD-2-Clause */
/* Small memory: free lists by power of two, larger pieces as whole pages. */
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/smp.h"

#define CLASS_MIN 5u  /* 32 bytes, header included */
#define CLASS_MAX 11u /* 2 KiB */
#define MAGIC 0x6b697468u

/* Before each piece; the piece is 16-byte aligned. */
struct head {
	uint32_t magic, class; /* class 0: whole pages */
	uint64_t pages;
};
_Static_assert(sizeof(struct head) == 16, "keeps the alignment");

struct piece {
	struct piece *next;
};

static struct kit_lock lock;
static struct piece *free_list[CLASS_MAX + 1];

static unsigned class_of(size_t n)
{
	unsigned c = CLASS_MIN;

	while (c <= CLASS_MAX && n > (1ull << c))
		c++;
	return c;
}

/* Cuts a new page into pieces of the class; the lock is held. */
static bool refill_locked(unsigned class)
{
	uint8_t *page = kit_pages_alloc(1);
	size_t at;

	if (!page)
		return false;
	for (at = 0; at < KIT_PAGE_SIZE; at += 1ull << class) {
		struct piece *p = (struct piece *)(page + at);

		p->next = free_list[class];
		free_list[class] = p;
	}
	return true;
}

static struct head *piece_take(unsigned class)
{
	uint64_t flags = kit_irq_save();
	struct piece *p = NULL;

	kit_lock(&lock);
	if (free_list[class] || refill_locked(class)) {
		p = free_list[class];
		free_list[class] = p->next;
	}
	kit_unlock(&lock);
	kit_irq_restore(flags);
	return (struct head *)p;
}

void *kit_malloc(size_t n)
{
	unsigned class;
	uint64_t pages;
	struct head *h;

	if (n > SIZE_MAX - 2 * KIT_PAGE_SIZE)
		return NULL;
	n += sizeof(*h);
	class = class_of(n);
	pages = (n + KIT_PAGE_SIZE - 1) / KIT_PAGE_SIZE;
	if (class > CLASS_MAX) {
		class = 0;
		h = kit_pages_alloc(pages);
	} else {
		h = piece_take(class);
	}
	if (!h)
		return NULL;
	h->magic = MAGIC;
	h->class = class;
	h->pages = class ? 0 : pages;
	return h + 1;
}

void *kit_calloc(size_t n, size_t size)
{
	size_t bytes;
	uint8_t *p;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	p = kit_malloc(bytes);
	if (p)
		__builtin_memset(p, 0, bytes);
	return p;
}

static struct head *head_of(void *p)
{
	struct head *h = (struct head *)p - 1;

	if (h->magic != MAGIC)
		kit_panic("kit_free: %p was not allocated, or was freed", p);
	return h;
}

void kit_free(void *p)
{
	struct head *h;
	uint64_t flags;
	unsigned class;

	if (!p)
		return;
	h = head_of(p);
	h->magic = 0;
	class = h->class;
	if (!class) {
		kit_pages_free(h, h->pages);
		return;
	}
	flags = kit_irq_save();
	kit_lock(&lock);
	((struct piece *)h)->next = free_list[class];
	free_list[class] = (struct piece *)h;
	kit_unlock(&lock);
	kit_irq_restore(flags);
}

void *kit_realloc(void *p, size_t n)
{
	struct head *h;
	size_t room;
	void *q;

	if (!p)
		return kit_malloc(n);
	h = head_of(p);
	room = (h->class ? 1ull << h->class : h->pages * KIT_PAGE_SIZE) -
	       sizeof(*h);
	if (n <= room)
		return p;
	q = kit_malloc(n);
	if (q) {
		__builtin_memcpy(q, p, room);
		kit_free(p);
	}
	return q;
}
