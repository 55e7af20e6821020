/* SPDX-License-Identifier: BSD-2-Clause */
/* What the entry stubs and C both know. virt.c asserts the offsets in struct
 * virt_vcpu. */
#pragma once

/* What the stubs use of struct virt_vcpu: X(field, offset). */
/* clang-format off */
#define VIRT_OFFSETS(X)                                                \
	X(gpr, 0)       X(ctl, 136)       X(pending, 144)              \
	X(launched, 148) X(how, 152)      X(stub, 156)                 \
	X(reason, 160)                                                 \
	X(host_rsp, 168) X(table, 176)    X(guest_tsc, 384)            \
	X(entry_stamp, 392)               X(vmcs_accesses, 400)        \
	X(calls, 408)
/* clang-format on */

/* Why a stub returned to C (virt_vcpu.how). */
#define VIRT_HOW_EXIT 0	 /* an exit, to be decoded */
#define VIRT_HOW_HCALL 1 /* the handler has run and work is pending */
#define VIRT_HOW_FAIL 2	 /* VMX: VMLAUNCH or VMRESUME failed */

/* Pending work as the others in virt.h: virt_call_resume has been called, the
 * call is executed again. The stub clears it. */
#define PEND_RESUME 512
/* Of enum virt_pending: DIED, BLOCK, RESCHED. With one of them v leaves its CPU. */
#define PEND_LEAVE 97

#define HCALL_TABLE_SIZE 128 /* filled with ENOSYS; the last slot stays so */
#define HCALL_BATCH HCALL_TABLE_SIZE /* from here on: for an entry of a batch */
#define HCALL_TRACED (2 * HCALL_TABLE_SIZE) /* both again, of a traced vCPU */

/* The floor: a call whose EAX is this does nothing at all, in the stub of a
 * vCPU that has VIRT_STUB_FLOOR. */
#define VIRT_FLOOR_MAGIC 0x464c4f4f

/* Length of VMCALL and VMMCALL. */
#define VIRT_CALL_LEN 3
