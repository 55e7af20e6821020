/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine on which the hypervisor's own code runs on the build machine: CPUs
 * that take turns, interrupts, time, memory at a low address, the instructions
 * of VMX and SVM that manage translations, and a TLB that forgets nothing of
 * its own accord. The entry stubs, which are assembly, are played by guest.c.
 */
#pragma once

#include "core/partition.h"
#include "lib/bootinfo.h"
#include "lib/cpu.h"

#define SIM_CPUS 2
#define SIM_TAGS 3 /* VPIDs or ASIDs: they are soon used up */
#define SIM_RAM 0x1000000ull
#define SIM_HOST (2ull << 20) /* the host partition's memory, from SIM_RAM on */
#define SIM_HOST_SIZE LARGE_SIZE
#define SIM_SIZE (16ull << 20)

/* ---- machine.c ---- */

/* Once: memory, CPUs, back end (VMX or SVM). The state after the call of
 * `setup` is what sim_run begins with. */
void sim_start(bool vmx, void (*setup)(void));
extern bool sim_vmx;

/* Runs all CPUs from the state after setup until guest_next says it is over, or
 * all are idle for ever. */
void sim_run(void);
/* Ends the run, from a CPU. */
void sim_end(void) __attribute__((noreturn));
/* Lets the next CPU run. */
void sim_yield(void);
extern u64 sim_turns; /* how often another CPU came to run */
/* Does an interrupt wait for this CPU? */
bool sim_irq(void);
u64 sim_now(void);
void sim_advance(u64 tsc);
/* An impossible state was seen: prints and aborts. */
void sim_finding(const char *fmt, ...) __attribute__((noreturn))
printf_like(1, 2);

/* ---- memory.c ---- */

void memory_init(void);
/* Keeps memory and the hypervisor's variables as they are, and puts them back. */
void memory_save(void);
void memory_restore(void);

/* ---- insn.c: instructions that fault here, played after the fault ---- */

void insn_init(void);
/* The VMCS with this address; fields as VMREAD and VMWRITE have them. */
u64 *vmcs_field(u64 vmcs, u32 field);
u64 vmcs_current(void);
void insn_snapshot(bool restore);

/* ---- tlb.c ---- */

/* What is left out, so that a test sees that the model finds it. */
enum tlb_fault {
	FAULT_NONE,
	FAULT_SHOOTDOWN, /* gmem_shootdown does nothing */
	FAULT_FLUSH,	 /* the back end's flush does nothing */
	FAULT_IPI,	 /* the request interrupts nobody */
	FAULT_TAG_WRAP,	 /* the flush at the tags' wrap does nothing */
	FAULT_RETIRED,	 /* what was retired is freed at once */
	FAULT_FIRST,	 /* the first load on a CPU flushes nothing (VMX) */
	FAULT_LINEAR,	 /* virt_flush_linear does nothing */
	FAULT_LOG,	 /* the log is read without a shoot-down */
	FAULT_COUNT
};
extern enum tlb_fault tlb_fault;
extern u64 tlb_checks, tlb_stale;
/* With it, a stale translation is counted and not a finding. */
extern bool tlb_count_only;

void tlb_reset(void);
/* An access of v, which this CPU has entered: false if nothing is mapped. */
bool tlb_access(struct vcpu *v, u64 at, bool write, u8 **ptr);
/* v is entered on this CPU: its tag holds nothing of another vCPU. */
void tlb_enter(struct vcpu *v);
/* The guest of v goes on: it uses what it has cached of its own tables. */
void tlb_linear(struct vcpu *v);
/* A vcpu_flush_tlb begins; it returns, having meant these vCPUs of p. */
u64 tlb_linear_begin(void);
void tlb_linear_end(const struct partition *p, u64 vcpus, u64 begun);
/* INVEPT (eptp 0: all), INVVPID (vpid 0: all), the VMCB's TLB_CONTROL. */
void tlb_invept(u64 eptp);
void tlb_invvpid(u64 vpid);
void tlb_flush_all(void);

/* ---- guest.c ---- */

/* The bytes that decide what guests do. */
void guest_input(const u8 *data, size_t n);
extern u64 guest_calls, guest_strings, guest_restarts;
extern bool guest_trace; /* print each call */
u32 guest_byte(void);	 /* 0 when there is none left */
bool guest_over(void);

/* ---- world.c ---- */

#define WORLD_START 0x5000  /* a struct pv_vcpu_start, in every partition */
#define WORLD_PARAMS 0x6000 /* a struct pv_partition_params */
#define WORLD_LENT \
	(1ull << 34)	   /* where the host partition maps what guests lend */
#define WORLD_PORT 0x3000u /* 64 that the host partition serves */
#define WORLD_RING(cpu) (1ull << 33 | (cpu) << 20) /* for a trace ring */
void world_make(void);

/* ---- batch.c ---- */

/* From now on, each call of a batch is checked. After hcall_init(). */
void batch_watch(void);

/* ---- device.c ---- */

#define DEVICE_GRANTS 6
extern const struct boot_grant device_grants[DEVICE_GRANTS];
void device_reset(void);
/* A call that succeeded has made a partition the owner of function n. */
void device_moved(u32 n, const struct partition *to);
/* One owner of each function, which alone reaches it; none that has ended, or
 * nobody, is on the bus. */
void device_check(void);
/* The host partition starts anew: what is its own is off the bus. */
void device_renewed(void);
void device_mapped(const struct partition *p, u64 at, u64 to, u64 size);

/* ---- check.c ---- */

/* All invariants; what broke them is a finding. */
void check_all(void);
/* Before and after each call, for what handles may exist. */
void check_call(struct vcpu *v, u64 nr, const u64 *arg, struct hret r);
void check_reset(void);
/* The host partition is about to run anew: it has what it had at first, and nothing
 * of what others had of it is lost. */
void check_renewed(void);
/* A handle of p that names partition `to`, else PV_SELF. */
u64 check_handle_to(struct partition *p, u32 to);
/* The n-th handle that p has (modulo their number), PV_SELF without any. */
u64 check_handle(struct partition *p, u32 n);
