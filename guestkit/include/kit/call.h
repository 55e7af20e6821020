/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypercall stubs: pv_NAME(arguments..., &result) of every call. Each
 * call site is recorded, so that the kit can patch it at start to the CPU's
 * instruction (VMCALL, or VMMCALL on AMD).
 */
#ifndef KIT_CALL_H
#define KIT_CALL_H

#include "kit/kit.h"

#define PV_CALL_INSN                      \
	"771: vmcall\n\t"                 \
	".pushsection pv_calls,\"a\"\n\t" \
	".quad 771b\n\t"                  \
	".popsection"

#include "pvabi/stubs.h"

/* The name of a PV_* status, "?" if it is none. */
const char *kit_status_name(uint64_t status);

#endif
