/* SPDX-License-Identifier: BSD-2-Clause */
/* What the entry stubs and C both know. virt.c asserts the offsets in struct
 * virt_vcpu. */
#pragma once

#define V_AX 0
#define V_CX 8
#define V_DX 16
#define V_BX 24
#define V_BP 40
#define V_SI 48
#define V_DI 56
#define V_R8 64
#define V_R9 72
#define V_R10 80
#define V_R11 88
#define V_CTL 136
#define V_PENDING 144
#define V_LAUNCHED 148
#define V_HOW 152
#define V_REASON 160
#define V_HOST_RSP 168
#define V_CALLS 176
#define V_GUEST_TSC 384
#define V_ENTRY_STAMP 392
#define V_VMCS_ACCESSES 400

/* Why a stub returned to C (virt_vcpu.how). */
#define VIRT_HOW_EXIT 0	 /* an exit, to be decoded */
#define VIRT_HOW_HCALL 1 /* the handler has run and work is pending */
#define VIRT_HOW_FAIL 2	 /* VMX: VMLAUNCH or VMRESUME failed */

/* Pending work as the others in virt.h: virt_call_resume has been called, the
 * call is executed again. exit_decode clears it. */
#define PEND_RESUME 512

#define HCALL_TABLE_SIZE 64 /* filled with ENOSYS; the last slot stays so */

/* The floor: a call whose EAX is this does nothing at all, in the stub of a
 * vCPU that has VIRT_STUB_FLOOR. */
#define VIRT_FLOOR_MAGIC 0x464c4f4f

/* Length of VMCALL and VMMCALL. */
#define VIRT_CALL_LEN 3
