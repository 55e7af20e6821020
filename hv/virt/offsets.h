/* SPDX-License-Identifier: BSD-2-Clause */
/* What the entry stubs know of struct virt_vcpu; virt.c asserts it. */
#ifndef VIRT_OFFSETS_H
#define VIRT_OFFSETS_H

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
#define V_R12 96
#define V_R13 104
#define V_R14 112
#define V_R15 120
#define V_CTL_PA 128
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

/* Length of VMCALL and VMMCALL. */
#define VIRT_CALL_LEN 3

#endif
