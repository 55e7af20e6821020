/* SPDX-License-Identifier: BSD-2-Clause */
/* A circular doubly linked list. */
#pragma once

#include "lib/types.h"

struct list {
	struct list *next, *prev;
};

#define list_item(p, type, member) \
	((type *)((char *)(p)-offsetof(type, member)))

static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }
static inline void list_add_tail(struct list *head, struct list *n)
{
	n->prev = head->prev;
	n->next = head;
	head->prev->next = n;
	head->prev = n;
}
static inline void list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next = n->prev = n;
}
