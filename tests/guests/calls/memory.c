/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about memory. */
#include "calls.h"

#include <string.h>

void memory(void)
{
	RIGHTS(mem_share, stats_only, page, 1, 0);
	E(PV_EINVAL, mem_share, host, page + 1, 1, 0);
	E(PV_EINVAL, mem_share, host, page, 0, 0);
	E(PV_EINVAL, mem_share, host, page, 513, 0);
	E(PV_EINVAL, mem_share, host, page, 1, 2);
	E(PV_EFAULT, mem_share, host, NOWHERE, 1, 0);
	E(PV_EFAULT, mem_share, host, PV_PARTITION_PAGE, 1, 0);
	E(PV_OK, mem_share, host, page, 2, PV_SHARE_WRITE);
	E(PV_EEXIST, mem_share, host, page + 4096, 2, 0);
	E(PV_EINVAL, mem_revoke, page + 1, 1);
	E(PV_EINVAL, mem_revoke, page, 0);
	E(PV_EINVAL, mem_revoke, page, 513);
	E(PV_EFAULT, mem_revoke, page + 8192, 1);
	E(PV_OK, mem_revoke, page, 2);
	E(PV_EFAULT, mem_revoke, page, 1);
	RIGHTS(mem_accept, host, page, 1, NOWHERE);
	E(PV_EINVAL, mem_accept, self, page + 1, 1, NOWHERE);
	E(PV_EINVAL, mem_accept, self, page, 0, NOWHERE);
	E(PV_EINVAL, mem_accept, self, page, 1, NOWHERE + 8);
	E(PV_EFAULT, mem_accept, self, page, 1, NOWHERE);
	E(PV_EINVAL, mem_accept, self, page, 1, NOWHERE, 2);
	E(PV_OK, mem_share, self, page, 2, PV_SHARE_WRITE);
	E(PV_OK, mem_accept, self, page, 1, NOWHERE, PV_ACCEPT_DMA);
	E(PV_EAGAIN, mem_revoke, page, 2);
	E(PV_OK, mem_return, NOWHERE, 1);
	E(PV_OK, mem_revoke, page, 2);
	E(PV_EINVAL, mem_return, NOWHERE + 1, 1);
	E(PV_EINVAL, mem_return, NOWHERE, 0);
	E(PV_EFAULT, mem_return, NOWHERE, 1);
	E(PV_EFAULT, mem_return, page, 1);
	E(PV_EHANDLE, mem_device_addr, page, BAD);
	E(PV_EHANDLE, mem_device_addr, page, host);
	E(PV_ERIGHT, mem_device_addr, page, PV_SELF);
}

#define BLOCK 0x200000ull

/* Spends what is left of the quota, and looks what still goes. */
static void quota_spent(uint64_t whole)
{
	uint64_t at = NOWHERE, st = 0;

	for (; !st; at += 4096)
		st = pv_mem_populate(at, 1, PV_ORDER_4K);
	expect("mem_populate", "PV_ENOMEM", PV_ENOMEM, st);
	/* without a table there is no part of a large page */
	E(PV_ENOMEM, mem_release, whole + 4096, 1);
	E(PV_OK, mem_release, NOWHERE, (at - NOWHERE) / 4096 - 1);
	E(PV_OK, mem_release, whole + 4096, 1);
	E(PV_OK, mem_populate, whole + 4096, 1, PV_ORDER_4K);
}

void balloon(void)
{
	uint8_t *own = kit_pages_alloc(1023);
	uint64_t whole = (kit_gpa(own) + BLOCK - 1) & ~(BLOCK - 1);
	uint8_t *p = kit_ptr(whole);
	uint64_t before, now;

	E(PV_EINVAL, mem_populate, NOWHERE + 1, 1, PV_ORDER_4K);
	E(PV_EINVAL, mem_populate, NOWHERE, 0, PV_ORDER_4K);
	E(PV_EINVAL, mem_populate, NOWHERE, 1, 1);
	E(PV_EINVAL, mem_populate, NOWHERE, 1, PV_ORDER_2M);
	E(PV_EINVAL, mem_populate, NOWHERE + 4096, 512, PV_ORDER_2M);
	E(PV_EINVAL, mem_populate, NOWHERE + BLOCK, 1 << 18, PV_ORDER_1G);
	E(PV_EEXIST, mem_populate, page, 1, PV_ORDER_4K);
	E(PV_ENOMEM, mem_populate, NOWHERE, 1 << 20, PV_ORDER_2M);
	E(PV_EINVAL, mem_release, page + 1, 1);
	E(PV_EINVAL, mem_release, page, 0);
	E(PV_EFAULT, mem_release, NOWHERE, 1);
	E(PV_EFAULT, mem_release, PV_PARTITION_PAGE, 1);
	E(PV_OK, mem_share, host, whole, 1, 0);
	E(PV_EEXIST, mem_release, whole, 1);
	E(PV_OK, mem_revoke, whole, 1);
	quota_spent(whole);
	pv_query(PV_QUERY_FREE_PAGES, &before);
	memset(p, 0x55, BLOCK);
	E(PV_OK, mem_release, whole, 512);
	pv_query(PV_QUERY_FREE_PAGES, &now);
	/* and the table of its parts, unless they have become one page again */
	check(now == before + 512 || now == before + 513,
	      "released pages are free", "%llu, then %llu",
	      (unsigned long long)before, (unsigned long long)now);
	check(kit_balloon_in(p, 512), "kit_balloon_in", "no memory");
	for (now = 0; now < BLOCK && !p[now]; now++)
		;
	check(now == BLOCK, "populated pages are zero", "%llx",
	      (unsigned long long)now);
	p[BLOCK - 1] = 1;
	check(kit_balloon_out(p, 512) && kit_balloon_in(p, 512) &&
		      !p[BLOCK - 1],
	      "kit_balloon_out", "still there");
}

/* ---- device registers ---- */
