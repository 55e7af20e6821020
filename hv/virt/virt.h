/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend interface: what core, run, trap and hcall know of VMX and SVM.
 * One backend is chosen at boot; nobody above this room asks which.
 */
#pragma once

#include "lib/cpu.h"
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

/* Neutral exit kinds; also the index of the counters: PV_EXIT_*. */
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

/* An interrupt or exception to deliver at the next entry, as the VMCS (SDM Vol.
 * 3C 25.8.3) and the VMCB (APM Vol. 2 15.20) have it: vector, type, and: */
enum inject_bits {
	INJECT_EXTINT = 0 << 8,    INJECT_NMI = 2 << 8, INJECT_EXCEPTION = 3 << 8,
	INJECT_SOFTINT = 4 << 8,   INJECT_PRIV_SOFT = 5 << 8,
	INJECT_SOFT_EXC = 6 << 8,  INJECT_TYPE = 7 << 8,
	INJECT_ERROR = 1 << 11, /* it has an error code */
};
/* clang-format on */

struct inject {
	u32 event, error;
	u32 insn_len; /* software events only */
};

#define INSN_UNKNOWN 0 /* insn_len: decode it */

/* What one exit was. Filled by exit_decode(). */
struct exit {
	enum exit_kind kind;
	u32 insn_len;	 /* bytes, or INSN_UNKNOWN */
	bool insn_guess; /* insn_len is that of the instruction without
			    prefixes (SVM without NRIP save) */
	u8 variant;	 /* MSR: is WRMSR; RDTSC: is RDTSCP; MONITOR: the fault
			    to raise, 6 (#UD) or 13 (#GP); HOST_IRQ: came
			    behind STI (SVM) */
	u64 hw_reason, hw_info1, hw_info2; /* for the report */
	/* by kind: */
	u16 io_port;
	u8 io_size;
	bool io_in, io_string;
	u8 cr_nr, cr_gpr; /* and DR, only with CR_WRITE or CR_READ */
	enum { CR_WRITE, CR_READ, CR_CLTS, CR_LMSW } cr_op;
	u16 cr_lmsw;
	bool known; /* CR, DR, INVLPG; false: decode the instruction */
	gpa_t mmio_gpa;
	bool mmio_write, mmio_exec, mmio_present;
	bool mmio_walk;	    /* the access was of a page-table walk */
	bool mmio_delivery; /* or of an event's delivery */
	u64 invlpg_gva;
	u8 exc_vector;
	u32 exc_error;
	u64 exc_cr2; /* #DB: the DR6 bits (already in VREG_DR6) */
};

/* clang-format off */

/* Single registers of a vCPU. */
#define VREG_SEG(s) VREG_##s##_BASE, VREG_##s##_LIMIT, VREG_##s##_AR, VREG_##s##_SEL
enum vreg {
	/* those that struct vstate holds, in its order */
	VREG_SEG(ES), VREG_SEG(CS), VREG_SEG(SS), VREG_SEG(DS),
	VREG_SEG(FS), VREG_SEG(GS), VREG_SEG(LDTR), VREG_SEG(TR),
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
	VREG_CPL,
	VREG_TSC_OFFSET,
	VREG_INTR_SHADOW, /* not 0: STI or MOV SS blocks interrupts; set: ends it */
	VREG_INVLPG,	  /* write only: drops the translation of this canonical gva */
	VREG_EVENT,	  /* write only, 0: takes back what is injected */
	VREG_CR8,	  /* write only: for a guest's read that does not exit */
	VREG_DR_FREE,	  /* write only: moves of debug registers exit no more.
			   * They do at first, but classic's do always. */
	VREG_COUNT
};
/* clang-format on */

struct vseg {
	u64 base, limit, ar, sel; /* ar: as in VMX (SDM Vol. 3C, 24.4.1) */
};

/* Full state as set at start and read for reports. */
struct vstate {
	union {
		struct {
			struct vseg es, cs, ss, ds, fs, gs, ldtr, tr;
			u64 rip, rsp, rflags, cr0, cr3, cr4, efer, pat, dr7;
			u64 gdt_base, gdt_limit, idt_base, idt_limit;
			u64 sysenter_cs, sysenter_esp, sysenter_eip, cr2;
			u64 star, lstar, cstar, sfmask, kernel_gs;
		};
		u64 reg[VREG_STATE];
	};
};
_Static_assert(offsetof(struct vstate, kernel_gs) == 8 * VREG_KERNEL_GS &&
		       offsetof(struct vstate, efer) == 8 * VREG_EFER &&
		       offsetof(struct vstate, tr) == 8 * VREG_TR_BASE,
	       "struct vstate is in the order of enum vreg");

/* Pending work, checked once before each entry; not 0 leaves the fast path.
 * PEND_RESUME: offsets.h. */
/* clang-format off */
enum virt_pending {
	PEND_RESCHED = 1,  /* give up the CPU: look at the run queue */
	PEND_EVENT = 2,    /* an upcall is due (edge) */
	PEND_APIC = 4,     /* the virtual local APIC has something */
	PEND_INJECT = 8,   /* v->reinject holds an event to deliver (again) */
	PEND_FLUSH = 16,   /* flush this vCPU's nested TLB first */
	PEND_BLOCK = 32,   /* the vCPU does not run any more (waits, stopped) */
	PEND_DIED = 64,    /* the partition has ended */
	PEND_WINDOW = 128, /* a window was asked for */
	PEND_CALL = 256,   /* a hypercall needs its slow second half */
	PEND_VECTOR = 1024, /* what vectors are pending has changed */
	PEND_LINEAR = 2048, /* flush what is cached of the guest's own tables */
};

/* Variants of the entry and exit stubs, in the order of their tables. */
enum virt_stub {
	VIRT_STUB_PLAIN, VIRT_STUB_PROBE, VIRT_STUB_FLOOR, VIRT_STUB_MITIGATE
};
/* clang-format on */

#define VIRT_NOWHERE (~0u)

/* A call's two results, returned in RAX:RDX by the C ABI. */
struct hret {
	u64 status, value;
};
typedef struct hret (*hcall_fn)(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);

/*
 * The backend's part of a vCPU; first member of struct vcpu. The offsets of
 * the first fields are known to the entry stubs (virt/offsets.h, asserted).
 */
struct virt_vcpu {
	u64 gpr[R_COUNT];      /* RAX.. R15; gpr[R_SP] is not used */
	u64 ctl_pa;	       /* VMCS or VMCB, hpa */
	void *ctl;	       /* the same, mapped */
	u32 pending;	       /* PEND_*: set by any CPU (atomically) */
	u32 launched;	       /* VMX: VMRESUME instead of VMLAUNCH */
	u32 how;	       /* why the stub returned: VIRT_HOW_* */
	u32 stub;	       /* enum virt_stub; VIRT_STUB_FLOOR may be set
				   before virt_vcpu_init, else that chooses */
	u64 reason;	       /* VMX: exit reason that the stub has read */
	u64 host_rsp;	       /* VMX: what HOST_RSP holds */
	const hcall_fn *table; /* what its calls run: virt_hcall_table */
	u64 exits[24];	       /* by enum exit_kind, counted by run; HCALL:
				   the calls that left the fast path */
	u64 entries;	       /* that the fast path did not make itself */
	/* the probe, only when it runs */
	u64 guest_tsc, entry_stamp, vmcs_accesses;
	u64 calls[HCALL_TABLE_SIZE]; /* by clamped number: the stub's */
	/* XSAVE area, 64-byte aligned, of cpu_feat.xsave_size bytes; given
	 * by the caller of virt_vcpu_init, as is last_cpu = VIRT_NOWHERE */
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
	u32 last_cpu;		  /* index where it ran last, or VIRT_NOWHERE */
	u32 tag, tag_gen;	  /* VPID or ASID and its generation */
	u32 space_gen;		  /* space->gen of the last flush */
	bool live;		  /* in a CPU, by virt_switch */
	bool dr_used;		  /* it has debug registers of its own */
	u64 deadline;		  /* TSC of the next forced exit, ~0 none */
	u64 trim_at;		  /* VMX: the entry that sets its timer anew */
	u64 stay;		  /* VMX: what that was set to, TSC ticks */
	/* Those of virt; where its exits are traced, the tracer's. */
	struct virt_vcpu *(*enter)(struct virt_vcpu *v);
	void (*decode)(struct virt_vcpu *v, struct exit *x);
};

/* ---- nested page tables: one common walker (virt/nested.c) ---- */

/* clang-format off */
enum {
	NP_READ = 1, NP_WRITE = 2, NP_EXEC = 4,
	NP_DEVICE = 8, /* uncached; otherwise write-back */
};
/* clang-format on */

/* Entry format of a backend: the bits for each of NP_*, and those that every
 * leaf and every table entry has. Those in `invert` mean the contrary. An
 * entry is present when it is readable. */
struct nested_format {
	u64 read, write, exec, device, invert;
	u64 leaf, table;
	/* set by the CPU in a leaf: the page was used, was written to */
	u64 accessed, dirty;
};

static inline bool canonical48(u64 a)
{
	return (u64)((s64)(a << 16) >> 16) == a;
}

struct partition;

/* A guest-physical address space. lock guards the tables. */
struct virt_space {
	u64 root;      /* hpa */
	u64 id;	       /* no other space ever has it; not 0 */
	u32 gen;       /* bumped when something was taken away */
	bool logging;  /* only 4 KiB pages, and what is mapped is dirty; who
			   writes to its memory calls nested_log_put() */
	u64 io_bitmap; /* hpa, 12 KiB: 1 = exit */
	/* supplier, so that tables come from the partition's quota: 2^order
	 * zeroed pages, contiguous and aligned to their size; NULL */
	void *(*block_alloc)(struct partition *owner, unsigned order);
	void (*block_free)(struct partition *owner, void *block,
			   unsigned order);
	/* a table that CPUs may still cache a pointer to: frees it behind the
	 * next flush of all of them; until then it stays as it is */
	void (*block_retire)(struct partition *owner, void *table,
			     unsigned order);
	struct partition *owner;
};

/*
 * Map [at, at+size) to [to, ...): uses the largest pages that alignment allows
 * (max_level 1..3), also with what is mapped beside it: a table whose entries
 * follow each other with the same flags is retired. 0, or -1 when a table page
 * is missing (what was mapped stays and is removed by unmap), or -2 when
 * something is mapped there.
 */
int nested_map(struct virt_space *s, gpa_t at, hpa_t to, u64 size, u32 flags,
	       unsigned max_level) must_check;
/* Removes whatever is mapped, and retires the tables that are empty then;
 * splits large pages at the edges (-1: no memory for the split, no page is
 * changed). The caller flushes. */
int nested_unmap(struct virt_space *s, gpa_t at, u64 size) must_check;
/* Only splits them: then it takes no memory to unmap the range. */
int nested_split(struct virt_space *s, gpa_t at, u64 size) must_check;
/* Translation: false if not mapped. flags and page size (bytes) optional; when
 * nothing is mapped, *page is the size of the aligned hole around `at`. */
bool nested_lookup(const struct virt_space *s, gpa_t at, hpa_t *to, u32 *flags,
		   u64 *page);
struct nested_page {
	hpa_t to;  /* of the address asked for */
	u64 size;  /* bytes of the page that it is in */
	u32 flags; /* NP_* */
};
/* Moves *at on to the first address below `end` where something is mapped. */
bool nested_next(const struct virt_space *s, u64 *at, u64 end,
		 struct nested_page *np);
/*
 * The log of what was written to since it was asked about: by the CPU's own
 * marks, or where it makes none (nested_caps.dirty) by taking the right to write
 * away. All but device memory in the range becomes 4 KiB pages: 0, or -1, no
 * memory for a table.
 */
int nested_split_all(struct virt_space *s, gpa_t at, u64 size) must_check;
/* Was the 4 KiB page that is mapped there written to? It counts anew behind a
 * flush of all CPUs. */
bool nested_log_take(struct virt_space *s, gpa_t at);
/* It is written to, or a CPU was refused to: also when nobody logs any more. */
void nested_log_put(struct virt_space *s, gpa_t at);
/* The table that IOMMUs begin with: that for guest-physical addresses below
 * iommu.limit, where something is mapped as long as the space exists. */
u64 virt_iommu_root(const struct virt_space *s);
int nested_init(struct virt_space *s) must_check; /* allocates the root */
/* Frees all tables, when no CPU uses them any more. */
void nested_free(struct virt_space *s);

/* ---- the backend: 12 operations ---- */

struct virt_ops {
	const char *name;     /* "VMX" or "SVM" */
	enum vreg soft_first; /* to TSC_AUX: not in the VMCS or VMCB */
	struct nested_format *format;
	/* Sets v->ctl up, a zeroed page, with the intercepts of v->profile. The
	 * registers are undefined until virt_state_set. */
	void (*vcpu_init)(struct virt_vcpu *v);
	/* Takes v to this CPU (VMPTRLD), in place of `from`, which it clears from
	 * it (VMCLEAR) if it is not NULL. NULL for unload: nothing to do. */
	void (*load)(struct virt_vcpu *from, struct virt_vcpu *v);
	void (*unload)(struct virt_vcpu *v);
	/* What follows needs v loaded on this CPU. */
	/* Runs the guest until an exit that the fast path does not finish: v's,
	 * or that of one that virt_next has put in its place. NULL: no exit. */
	struct virt_vcpu *(*enter)(struct virt_vcpu *v);
	/* Says what the exit was; an event that it cut short (IDT-vectoring,
	 * EXITINTINFO) goes to v->reinject with PEND_INJECT. */
	void (*exit_decode)(struct virt_vcpu *v, struct exit *x);
	u64 (*reg_get)(struct virt_vcpu *v, enum vreg r);
	/* Setting RIP also clears the interrupt shadow. CR0/CR3/CR4/EFER
	 * values are what the guest sees; the backend adds what it needs. */
	void (*reg_set)(struct virt_vcpu *v, enum vreg r, u64 val);
	void (*inject)(struct virt_vcpu *v, const struct inject *i);
	/* Exit as soon as the guest can take an external interrupt. */
	void (*window)(struct virt_vcpu *v, bool on);
	/* Forces an exit at this TSC (~0: never), by VMX preemption timer or
	 * the local APIC's timer. Before each enter when v->deadline changed. */
	void (*deadline_arm)(struct virt_vcpu *v, u64 tsc, u64 now);
	/* Drops nested translations of v's space on this CPU. */
	void (*flush)(struct virt_vcpu *v);
	/* Makes v->tag the VPID or ASID; all_void: first drops what this CPU
	 * holds under any. */
	void (*tag_set)(struct virt_vcpu *v, bool all_void);
};

extern const struct virt_ops vmx_ops, svm_ops;
extern const struct virt_ops *virt; /* chosen by virt_init() */

/* Picks the backend by what hv/boot has found. Once. */
void virt_init(void);

/*
 * Gives v its VMCS or VMCB (block_alloc of v->space) and picks v->stub unless
 * the caller has asked for the floor. 0, or -1: no memory.
 */
int virt_vcpu_init(struct virt_vcpu *v) must_check;
void virt_vcpu_free(struct virt_vcpu *v);

/* v's next entry delivers this event (INJECT_*), maybe again. */
void virt_reinject(struct virt_vcpu *v, u32 event, u32 error, u32 insn_len);

/* Makes v the one whose registers are accessed and that enter() runs on this
 * CPU, and takes it off: then another CPU can load it. Twice is no error. */
void virt_load(struct virt_vcpu *v);
void virt_unload(struct virt_vcpu *v);
/* Drops nested translations of v's space on this CPU; v is loaded. */
void virt_flush(struct virt_vcpu *v);
/* Drops translations of guest-linear addresses of v, which is loaded. */
void virt_flush_linear(struct virt_vcpu *v);

/* All registers of v, which is loaded. The caller has checked that a CPU could
 * enter the state. */
void virt_state_get(struct virt_vcpu *v, struct vstate *s);
void virt_state_set(struct virt_vcpu *v, const struct vstate *s);

/* The I/O bitmap of a space: all ports are intercepted but what is allowed then,
 * whose exits can also come back. That of the MSRs is hv/boot's. */
int virt_bitmaps_init(struct virt_space *s) must_check;
void virt_bitmaps_free(struct virt_space *s);
void virt_io_allow(struct virt_space *s, u16 port, u16 count, bool allow);

/* ---- the fast path ---- */

/*
 * Registered by main before the first entry. The stub checks ring and number,
 * clamps the index, counts, calls; on return it checks v->pending: 0 goes
 * straight back to the guest with the clobbered registers cleared, otherwise
 * the state is saved (gpr[R_AX], gpr[R_DX] hold the results, RIP is behind the
 * call) and enter() returns with EXIT_HCALL as the decoded kind.
 * A number out of range uses the last slot, which always says PV_ENOSYS. The
 * entries of a batch run HCALL_BATCH + number. A traced vCPU uses the second half,
 * whose handlers call those of the first.
 * While a handler runs, virt_current() is the caller's vCPU and no interrupt
 * can be taken: on SVM not even by irq_window().
 */
extern hcall_fn virt_hcall_table[2 * HCALL_TRACED];

/*
 * For a handler that wants its call executed again with these registers: RIP
 * stays on the call, and run takes interrupts in between. Sets PEND_RESUME; the
 * handler's result is ignored.
 */
void virt_call_resume(struct virt_vcpu *v, u64 nr, u64 a0, u64 a1, u64 a2,
		      u64 a3, u64 a4, u64 a5);

/*
 * If not NULL: what the stub calls when v leaves its CPU by a call, in place of
 * returning to the caller of enter(). It handles v's exit and makes another vCPU
 * ready to be entered, which it returns; NULL: enter() returns NULL.
 */
extern struct virt_vcpu *(*virt_next)(struct virt_vcpu *v);

static inline struct virt_vcpu *virt_current(void)
{
	return cpu_this()->current;
}

/* Selects the instrumented stubs; set before the first virt_vcpu_init. */
extern bool virt_probe;
extern u64 virt_accesses; /* of the VMCS by C, not yet counted to a vCPU */

/*
 * v comes to this CPU, in place of `old`, which is live and leaves it, if it is not
 * NULL. Loads and unloads them in the backend, switches XSAVE state, XCR0, CR2,
 * debug registers, syscall MSRs, and sets cpu->current. Not on each exit. Any CPU
 * may use `old` then. XCR0 of a live guest is in the CPU: who changes v->xcr0
 * also executes XSETBV.
 */
void virt_switch(struct virt_vcpu *old, struct virt_vcpu *v);
void virt_leave(
	struct virt_vcpu *v); /* which is live; nobody takes its place */
