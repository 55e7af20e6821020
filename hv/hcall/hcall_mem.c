/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about the caller's memory. */
#include "hcall/decode.h"

HCALL(mem_share)
{
	struct partition *p = self(), *peer;
	int err;

	err = handle_partition(p, a0, PV_RIGHT_SHARE, &peer);
	if (err)
		return ret(err);
	if (!pages_ok(a1, a2, MAX_PAGES) || a3 & ~PV_SHARE_WRITE)
		return ret(PV_EINVAL);
	return ret(gmem_share(p, peer, gpa(a1), a2, a3 & PV_SHARE_WRITE));
}

HCALL(mem_revoke)
{
	if (!pages_ok(a0, a1, MAX_PAGES))
		return ret(PV_EINVAL);
	return ret(gmem_revoke(self(), gpa(a0), a1));
}

HCALL(mem_accept)
{
	struct partition *p = self(), *owner;
	int err;

	err = handle_partition(p, a0, PV_RIGHT_SERVE, &owner);
	if (err)
		return ret(err);
	if (!pages_ok(a1, a2, MAX_PAGES) || !pages_ok(a3, a2, MAX_PAGES))
		return ret(PV_EINVAL);
	return ret(gmem_accept(p, owner, gpa(a1), a2, gpa(a3)));
}

HCALL(mem_return)
{
	if (!pages_ok(a0, a1, MAX_PAGES))
		return ret(PV_EINVAL);
	return ret(gmem_return(self(), gpa(a0), a1));
}

HCALL(mem_device_addr)
{
	hpa_t where;
	int err = machine_right(a1);

	if (err)
		return ret(err);
	if (a0 & PAGE_MASK)
		return ret(PV_EINVAL);
	if (!gmem_frame(self(), gpa(a0), &where))
		return ret(PV_EFAULT);
	return ret_value(PV_OK, where.v);
}
