/* SPDX-License-Identifier: BSD-2-Clause */
/* What of core starts anew with the host partition: see main/again.c. */
#pragma once

#include "core/partition.h"

/* No port of p is bound, none is pending. */
void event_renew(struct partition *p);
/*
 * Some `bound` pages of p become what they were when it had only the memory that
 * lies from `first` on: borrowed pages go back, and may be accepted again; others
 * borrow none of its; what it had besides is freed. A shoot-down is the caller's.
 * true: that was all.
 */
bool gmem_renew(struct partition *p, hpa_t first, u64 bound) must_check;
/* Empties p's table, but what was derived from it stays, unless that was being
 * closed. */
void handle_leave_all(struct partition *p);
/* Takes all I/O pages away that p maps. No lock held. */
void ioreq_unmap_all(const struct partition *p);
/* v is loaded here, and leaves what it did: of its page and of what was pending
 * nothing is left. s is as vcpu_start() wants it. */
void vcpu_renew(struct vcpu *v, const struct pv_vcpu_start *s);
