/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about the caller's memory. */
#include "hcall/decode.h"

HCALL(mem_share)
{
	if (!pages_ok(a1, a2) || a3 & ~PV_SHARE_WRITE)
		return PV_EINVAL;
	return gmem_share(self(), p, gpa(a1), a2, a3 & PV_SHARE_WRITE);
}

HCALL(mem_revoke)
{
	return pages_ok(a0, a1) ? gmem_revoke(p, gpa(a0), a1) : (int)PV_EINVAL;
}

HCALL(mem_accept)
{
	if (!pages_ok(a1, a2) || !pages_ok(a3, a2))
		return PV_EINVAL;
	return gmem_accept(self(), p, gpa(a1), a2, gpa(a3));
}

HCALL(mem_return)
{
	return pages_ok(a0, a1) ? gmem_return(p, gpa(a0), a1) : (int)PV_EINVAL;
}

HCALL(mem_device_addr)
{
	return a0 & PAGE_MASK ? (int)PV_EINVAL :
				gmem_device_addr(p, gpa(a0), value);
}
