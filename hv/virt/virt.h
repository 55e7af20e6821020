/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend interface: what core, run, trap and hcall know of VMX and SVM.
 * One backend is chosen at boot; nobody above this room asks which.
 */
#pragma once

#include "arch/cpu.h"
#include "lib/types.h"
#include "virt/offsets.h"

/* General registers in the encoding order of the instruction set. RSP lives
 * in the VMCS/VMCB: use vreg for it. */
/* clang-format off */
enum {
	R_AX, R_CX, R_DX, R_BX, R_SP, R_BP, R_SI, R_DI,
	R_8, R_9, R_10, R_11, R_12, R_13, R_14, R_15,
	R_COUNT
};

enum virt_profile { PROFILE_PV, PROFILE_HVM, PROFILE_CLASSIC };

/* Neutral exit kinds; also the index of the counters (PV_EXIT_KINDS). */
enum exit_kind {
	EXIT_NONE,  /* nothing left to do (handled in the backend) */
	EXIT_HCALL, /* slow path of a hypercall */
	EXIT_CPUID, EXIT_MSR, EXIT_IO, EXIT_HLT,
	EXIT_CR, /* MOV CR, CLTS, LMSW */
	EXIT_DR,
	EXIT_MMIO, /* nested page fault */
	EXIT_INVLPG,
	EXIT_RDTSC, /* RDTSC and RDTSCP */
	EXIT_DESC,  /* LGDT LIDT LLDT LTR SGDT SIDT SLDT STR */
	EXIT_PAUSE, EXIT_EXCEPTION, EXIT_XSETBV,
	EXIT_VIRT_INSN, /* an instruction of VMX or SVM: #UD */
	EXIT_WBINVD,
	EXIT_MONITOR,  /* MONITOR, MWAIT, RDPMC, and what else is #UD or #GP */
	EXIT_WINDOW,   /* the guest can take an interrupt now */
	EXIT_HOST_IRQ, /* external interrupt or NMI for the hypervisor */
	EXIT_DEADLINE, /* deadline_arm's time has come (VMX preemption timer) */
	EXIT_TRIPLE, EXIT_ENTRY_FAIL,
	EXIT_OTHER, /* ends the guest with a report */
};

/* An interrupt or exception to deliver at the next entry. */
enum inject_type {
	INJECT_EXTINT = 0, INJECT_NMI = 2, INJECT_EXCEPTION = 3,
	INJECT_SOFTINT = 4, INJECT_PRIV_SOFT = 5, INJECT_SOFT_EXC = 6
};
/* clang-format on */

struct inject {
	u8 vector;
	enum inject_type type;
	bool has_error;
	u32 error;
	u32 insn_len; /* software events only */
};

#define INSN_UNKNOWN 0 /* insn_len: decode it */

/* What one exit was. Filled by exit_decode(). */
struct exit {
	enum exit_kind kind;
	u32 insn_len;	 /* bytes, or INSN_UNKNOWN */
	bool insn_guess; /* insn_len is that of the instruction without
			    prefixes (SVM without NRIP save) */
	u64 hw_reason, hw_info1, hw_info2; /* for the report */
	union {
		struct {
			u16 port;
			u8 size;
			bool in, string, rep;
		} io;
		struct {
			bool write;
		} msr;
		struct {
			u8 nr, gpr;
			enum { CR_WRITE, CR_READ, CR_CLTS, CR_LMSW } op;
			u16 lmsw;
			bool known; /* false: decode the instruction */
		} cr;		    /* and dr: op CR_WRITE or CR_READ */
		struct {
			gpa_t gpa;
			bool write, exec, present;
			bool walk;     /* the access was of a page-table walk */
			bool delivery; /* or of an event's delivery */
		} mmio;
		struct {
			u64 gva;
			bool known;
		} invlpg;
		struct {
			u8 vector;
			bool has_error;
			u32 error;
			u64 cr2; /* #DB: the DR6 bits (already in VREG_DR6) */
		} exc;
		bool rdtscp;
		u8 refuse; /* MONITOR: the fault to raise, 6 (#UD) or 13 (#GP) */
	};
};

/* clang-format off */

/* Single registers of a vCPU. */
enum vreg {
	/* those that struct vstate holds, in its order */
	VREG_RIP, VREG_RSP, VREG_RFLAGS, VREG_CR0, VREG_CR3, VREG_CR4,
	VREG_EFER, VREG_PAT, VREG_DR7,
	VREG_GDTR_BASE, VREG_GDTR_LIMIT, VREG_IDTR_BASE, VREG_IDTR_LIMIT,
	VREG_SYSENTER_CS, VREG_SYSENTER_ESP, VREG_SYSENTER_EIP,
	/* From here to TSC_AUX they stay in the CPU while v is live. The caller
	 * has checked the value: a bad one faults in the hypervisor. */
	VREG_CR2, VREG_STAR, VREG_LSTAR, VREG_CSTAR, VREG_SFMASK, VREG_KERNEL_GS,
	VREG_STATE, /* how many those are */
	VREG_DR6 = VREG_STATE,
	VREG_DR0, VREG_DR1, VREG_DR2, VREG_DR3,
	VREG_TSC_AUX,
	/* segments: eight of each, ES CS SS DS FS GS LDTR TR */
	VREG_ES_BASE, VREG_CS_BASE, VREG_SS_BASE,
	VREG_DS_BASE, VREG_FS_BASE, VREG_GS_BASE,
	VREG_ES_LIMIT = VREG_ES_BASE + 8,
	VREG_ES_AR = VREG_ES_LIMIT + 8, VREG_CS_AR, VREG_SS_AR,
	VREG_ES_SEL = VREG_ES_AR + 8,
	VREG_CPL = VREG_ES_SEL + 8,
	VREG_TSC_OFFSET,
	VREG_INTR_SHADOW, /* not 0: STI or MOV SS blocks interrupts; set: ends it */
	VREG_INVLPG,	  /* write only: drops the translation of this gva */
	VREG_EVENT,	  /* write only, 0: takes back what is injected */
	VREG_COUNT
};
/* clang-format on */
#define SEGMENTS 8

struct vseg {
	u16 sel;
	u32 ar; /* VMX access-rights format (SDM Vol. 3C, 24.4.1) */
	u32 limit;
	u64 base;
};

/* Full state as set at start and read for reports. */
struct vstate {
	union {
		struct {
			u64 rip, rsp, rflags, cr0, cr3, cr4, efer, pat, dr7;
			u64 gdt_base, gdt_limit, idt_base, idt_limit;
			u64 sysenter_cs, sysenter_esp, sysenter_eip, cr2;
			u64 star, lstar, cstar, sfmask, kernel_gs;
		};
		u64 reg[VREG_STATE];
	};
	union {
		struct {
			struct vseg es, cs, ss, ds, fs, gs, ldtr, tr;
		};
		struct vseg seg[SEGMENTS];
	};
};
_Static_assert(offsetof(struct vstate, kernel_gs) == 8 * VREG_KERNEL_GS &&
		       offsetof(struct vstate, efer) == 8 * VREG_EFER,
	       "struct vstate is in the order of enum vreg");

/* Pending work, checked once before each entry; not 0 leaves the fast path. */
#define PEND_RESCHED 1u	 /* give up the CPU: look at the run queue */
#define PEND_EVENT 2u	 /* an upcall is due (edge) */
#define PEND_APIC 4u	 /* the virtual local APIC has something */
#define PEND_INJECT 8u	 /* v->reinject holds an event to deliver (again) */
#define PEND_FLUSH 16u	 /* flush this vCPU's nested TLB first */
#define PEND_BLOCK 32u	 /* the vCPU does not run any more (waits, stopped) */
#define PEND_DIED 64u	 /* the partition has ended */
#define PEND_WINDOW 128u /* a window was asked for */
#define PEND_CALL 256u	 /* a hypercall needs its slow second half */
/* PEND_RESUME: offsets.h */

/* Variants of the entry and exit stubs. */
enum virt_stub {
	VIRT_STUB_PLAIN,
	VIRT_STUB_PROBE,
	VIRT_STUB_FLOOR,
	VIRT_STUB_MITIGATE
};

/*
 * The backend's part of a vCPU; first member of struct vcpu. The offsets of
 * the first fields are known to the entry stubs (virt/offsets.h, asserted).
 */
struct virt_vcpu {
	u64 gpr[R_COUNT]; /* RAX.. R15; gpr[R_SP] is not used */
	u64 ctl_pa;	  /* VMCS or VMCB, hpa */
	void *ctl;	  /* the same, mapped */
	u32 pending;	  /* PEND_*: set by any CPU (atomically) */
	u32 launched;	  /* VMX: VMRESUME instead of VMLAUNCH */
	u32 how;	  /* why the stub returned: VIRT_HOW_* */
	u32 stub;	  /* enum virt_stub; VIRT_STUB_FLOOR may be set
				   before vcpu_init, else that chooses */
	u64 reason;	  /* VMX: exit reason that the stub has read */
	u64 host_rsp;	  /* VMX: what HOST_RSP holds */
	u64 calls;	  /* hypercalls, counted by the stub */
	u64 exits[24];	  /* by enum exit_kind, counted by run; HCALL:
				   the calls that left the fast path */
	u64 entries;	  /* that the fast path did not make itself */
	/* the probe, only when it runs */
	u64 guest_tsc, entry_stamp, vmcs_accesses;
	/* XSAVE area, 64-byte aligned, of cpu_feat.xsave_size bytes; given
	 * by the caller of vcpu_init, as is last_cpu = ~0 */
	void *xsave;
	u64 xcr0; /* the guest's */
	/* VREG_CR2 to VREG_TSC_AUX, while it is not live */
	union {
		struct {
			u64 cr2, msrs[5], dr6, dr[4], tsc_aux;
		};
		u64 soft[VREG_TSC_AUX + 1 - VREG_CR2];
	};
	struct inject reinject; /* valid with PEND_INJECT */
	enum virt_profile profile;
	struct virt_space *space; /* nested tables */
	u32 last_cpu;		  /* index where it ran last, ~0: never */
	u32 tag, tag_gen;	  /* VPID or ASID and its generation */
	u32 space_gen;		  /* space->gen of the last flush */
	bool live;		  /* between virt_switch_in and _out */
	u64 deadline;		  /* TSC of the next forced exit, ~0 none */
	u64 trim_at;		  /* VMX: the entry that sets its timer anew */
};

/* ---- nested page tables: one common walker (virt/nested.c) ---- */

#define NP_READ 1u
#define NP_WRITE 2u
#define NP_EXEC 4u
#define NP_DEVICE 8u /* uncached; otherwise write-back */

/* Entry format of a backend: the bits for each of NP_*, and those that every
 * leaf and every table entry has. Those in `invert` mean the contrary. An
 * entry is present when it is readable. */
struct nested_format {
	u64 read, write, exec, device, invert;
	u64 leaf, table;
	unsigned levels; /* 4 or 5: set by probe(), as is gb_pages */
	bool gb_pages;
};

static inline bool canonical48(u64 a)
{
	return (u64)((s64)(a << 16) >> 16) == a;
}

struct partition;

/* A guest-physical address space. lock guards the tables. */
struct virt_space {
	u64 root;	/* hpa */
	u32 gen;	/* bumped when something was taken away */
	u64 io_bitmap;	/* hpa, 12 KiB: 1 = exit */
	u64 msr_bitmap; /* hpa: 4 KiB (VMX) or 8 KiB (SVM) */
	/* supplier, so that tables come from the partition's quota: 2^order
	 * zeroed pages, contiguous and aligned to their size; NULL */
	void *(*block_alloc)(struct partition *owner, unsigned order);
	void (*block_free)(struct partition *owner, void *block,
			   unsigned order);
	struct partition *owner;
};

/*
 * Map [at, at+size) to [to, ...): uses the largest pages that alignment allows
 * (max_level 1..3). 0, or -1 when a table page is missing (what was mapped
 * stays and is removed by unmap), or -2 when something is mapped there.
 */
int nested_map(struct virt_space *s, gpa_t at, hpa_t to, u64 size, u32 flags,
	       unsigned max_level) must_check;
/* Removes whatever is mapped; splits large pages at the edges (-1: no memory
 * for the split, nothing changed). The caller flushes. */
int nested_unmap(struct virt_space *s, gpa_t at, u64 size) must_check;
/* Translation: false if not mapped. flags and page size (bytes) optional; when
 * nothing is mapped, *page is the size of the aligned hole around `at`. */
bool nested_lookup(const struct virt_space *s, gpa_t at, hpa_t *to, u32 *flags,
		   u64 *page);
int nested_init(struct virt_space *s) must_check; /* allocates the root */
/* Frees all tables. Tables that unmap has emptied live until here, since CPUs
 * may still cache pointers to them. */
void nested_free(struct virt_space *s);

/* ---- the backend: at most 16 operations ---- */

struct virt_ops {
	const char *name;     /* "VMX" or "SVM" */
	bool msr_pairs;	      /* MSR bitmap: two adjacent bits for each MSR */
	enum vreg soft_first; /* to TSC_AUX: not in the VMCS or VMCB */
	const struct nested_format *format;
	/* Is it there and usable on this machine? NULL, or what is missing. */
	const char *(*probe)(void);
	/* Per CPU, once: switches root/host mode on. NULL or what is wrong. */
	const char *(*cpu_on)(struct cpu *c);
	/* Allocates control structures (block_alloc of v->space) and sets up
	 * the intercepts of v->profile. 0 or -1: no memory. The registers are
	 * undefined until state_set. */
	int (*vcpu_init)(struct virt_vcpu *v);
	void (*vcpu_free)(struct virt_vcpu *v);
	/* Makes v the one that enter() runs on this CPU (VMPTRLD, tag). The
	 * others below need v loaded on this CPU; reg_* and state_* also take
	 * one that is loaded nowhere. */
	void (*load)(struct virt_vcpu *v);
	/* Clears v from this CPU so that another can load it (VMCLEAR).
	 * virt_switch_out does it too; twice is no error. */
	void (*unload)(struct virt_vcpu *v);
	/* Runs the guest until an exit that the fast path does not finish. */
	void (*enter)(struct virt_vcpu *v);
	/* Says what the exit was; an event that it cut short (IDT-vectoring,
	 * EXITINTINFO) goes to v->reinject with PEND_INJECT. */
	void (*exit_decode)(struct virt_vcpu *v, struct exit *x);
	u64 (*reg_get)(struct virt_vcpu *v, enum vreg r);
	/* Setting RIP also clears the interrupt shadow. CR0/CR3/CR4/EFER
	 * values are what the guest sees; the backend adds what it needs. */
	void (*reg_set)(struct virt_vcpu *v, enum vreg r, u64 val);
	void (*state_get)(struct virt_vcpu *v, struct vstate *s);
	/* NULL, or why the CPU could not enter such a state. */
	const char *(*state_set)(struct virt_vcpu *v, const struct vstate *s);
	void (*inject)(struct virt_vcpu *v, const struct inject *i);
	/* Exit as soon as the guest can take an external interrupt. */
	void (*window)(struct virt_vcpu *v, bool on);
	/* Forces an exit at this TSC (~0: never), by VMX preemption timer or
	 * the local APIC's timer. Before each enter when v->deadline changed. */
	void (*deadline_arm)(struct virt_vcpu *v, u64 tsc);
	/* Drops nested translations of v's space on this CPU. */
	void (*flush)(struct virt_vcpu *v);
};

extern const struct virt_ops vmx_ops, svm_ops;
extern const struct virt_ops *virt; /* chosen by virt_init() */

/*
 * Picks the backend by CPUID. NULL, or a sentence that names what is missing.
 * Prepares every CPU of the table; called before there is one, it only probes.
 */
const char *virt_init(void);

/* Bitmaps of a space (formats differ): default is all intercepted. */
int virt_bitmaps_init(struct virt_space *s) must_check;
void virt_bitmaps_free(struct virt_space *s);
void virt_io_allow(struct virt_space *s, u16 port, u16 count, bool allow);
void virt_msr_allow(struct virt_space *s, u32 msr, bool read, bool write);

/* ---- the fast path ---- */

/* A call's two results, returned in RAX:RDX by the C ABI. */
struct hret {
	u64 status, value;
};
typedef struct hret (*hcall_fn)(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);

/*
 * Registered by main before the first entry. The stub checks ring and number,
 * clamps the index, counts, calls; on return it checks v->pending: 0 goes
 * straight back to the guest with the clobbered registers cleared, otherwise
 * the state is saved (gpr[R_AX], gpr[R_DX] hold the results, RIP is behind the
 * call) and enter() returns with EXIT_HCALL as the decoded kind.
 * A number out of range uses the last slot, which always says PV_ENOSYS.
 * While a handler runs, virt_current() is the caller's vCPU and no interrupt
 * can be taken: on SVM not even by irq_window().
 */
extern hcall_fn virt_hcall_table[HCALL_TABLE_SIZE];

/*
 * For a handler that wants its call executed again with these registers: RIP
 * stays on the call, and run takes interrupts in between. Sets PEND_RESUME; the
 * handler's result is ignored.
 */
void virt_call_resume(struct virt_vcpu *v, u64 nr, u64 a0, u64 a1, u64 a2,
		      u64 a3, u64 a4, u64 a5);

static inline struct virt_vcpu *virt_current(void)
{
	return cpu_this()->current;
}

/* Selects the instrumented stubs; before the first vcpu_init. */
void virt_probe_enable(void);
extern bool virt_probe;
extern u64 virt_accesses; /* of the VMCS by C, not yet counted to a vCPU */

/*
 * A vCPU comes to this CPU or leaves it: loads and unloads it in the backend,
 * switches XSAVE state, XCR0, CR2, debug registers, syscall MSRs, and sets
 * cpu->current. Not on each exit. After the latter any CPU may use v. XCR0 of
 * a live guest is in the CPU: who changes v->xcr0 also executes XSETBV.
 */
void virt_switch_out(struct virt_vcpu *v);
void virt_switch_in(struct virt_vcpu *v);
