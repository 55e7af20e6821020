/* SPDX-License-Identifier: BSD-2-Clause */
/* The ABI's constants and shared structures; calls are in calls.h (generated). */
#ifndef PVABI_ABI_H
#define PVABI_ABI_H

#include <stdint.h>

#define PV_ABI_MAJOR 0u
#define PV_ABI_MINOR 23u
#define PV_ABI_VERSION (PV_ABI_MAJOR << 16 | PV_ABI_MINOR)

/* Discovery: CPUID. EBX, ECX, EDX of the first leaf spell the signature. */
#define PV_CPUID_BASE 0x40000000u
#define PV_CPUID_SIG_B 0x6c726150u   /* "Parl" */
#define PV_CPUID_SIG_C 0x61507965u   /* "eyPa" */
#define PV_CPUID_SIG_D 0x79656c72u   /* "rley" */
#define PV_CPUID_VERSION 0x40000001u /* EAX version, EBX features, ECX calls */
#define PV_CPUID_SELF \
	0x40000002u /* EAX partition, EBX vCPU, ECX vCPUs, EDX profile */
#define PV_CPUID_TIME 0x40000003u /* EAX TSC kHz, EBX local APIC timer kHz */
#define PV_CPUID_MAX PV_CPUID_TIME

#define PV_PROFILE_PV 0u
#define PV_PROFILE_HVM 1u
#define PV_PROFILE_CLASSIC 2u

/* query */
#define PV_QUERY_VERSION 0u
#define PV_QUERY_FEATURES 1u
#define PV_QUERY_PARTITION 2u
#define PV_QUERY_VCPU 3u
#define PV_QUERY_VCPUS 4u
#define PV_QUERY_PROFILE 5u
#define PV_QUERY_TSC_KHZ 6u
#define PV_QUERY_FREE_PAGES 7u /* what is left of the caller's quota */
#define PV_QUERY_PROBE 8u      /* 1 when the instrumented exit path runs */

#define PV_SELF 0ull /* the caller's own partition, with no MACHINE right */
#define PV_UPCALL_APIC 1ull
#define PV_SHARE_WRITE 1ull
#define PV_ACCEPT_DMA 1ull
#define PV_ORDER_4K 0ull /* blocks of memory: 2^order pages */
#define PV_ORDER_2M 9ull
#define PV_ORDER_1G 18ull
#define PV_IRQ_MSI 1ull
#define PV_DEVICE_UNSAFE_DMA 1ull /* no IOMMU confines it: accepted */
#define PV_SPACE_PORT 0ull
#define PV_SPACE_MMIO 1ull

#define PV_PORTS 4096u
#define PV_VCPUS_MAX 64u
#define PV_PORT_CONSOLE 4095u  /* console input raises this port */
#define PV_PORT_SHUTDOWN 4094u /* the operator asks the partition to end */

/* Where the shared pages are in every partition, and modules in the host's. */
#define PV_PARTITION_PAGE 0xff0000000ull
#define PV_VCPU_PAGE(n) (0xff0001000ull + 0x1000ull * (n))
#define PV_MODULE_BASE 0x1000000000ull
#define PV_VIRTIO_BASE 0xfd000000ull /* virtio-mmio device n: + n * 0x1000 */
#define PV_IOAPIC_BASE 0xfec00000ull /* of profiles hvm and classic */
#define PV_IOAPIC_PINS 24u
#define PV_VIRTIO_PIN 16u /* of virtio-mmio device 0; device n: + n, below 24 */

/* The line of a pin: partition_irq_line. */
#define PV_LINE_DOWN 0ull
#define PV_LINE_UP 1ull
#define PV_LINE_PULSE 2ull /* up, and down again: an edge */

/* Bits of pv_vcpu_page.pending. */
#define PV_PENDING_EVENT 1u /* look at port_summary */
#define PV_PENDING_TIMER 2u
#define PV_PENDING_IPI 4u /* look at ipi_pending */

/*
 * One per vCPU, mapped read-write at PV_VCPU_PAGE(vcpu). Upcalls are edges:
 * setting a bit of `pending` that was 0 makes one upcall due; it is delivered
 * when `masked` is 0 and RFLAGS.IF is 1. After clearing `masked` a guest must
 * look at `pending` itself: no exit is needed.
 *
 * Vectors (event_vector_set and others) come by themselves, the highest first,
 * and not while one of the same or a higher class (vector / 16) is in service.
 * To end one, clear the highest bit of in_service with one instruction; then, if
 * vector_waits / 16 is above the highest bit that is left, call vector_eoi.
 */
struct pv_vcpu_page {
	/* line 0: set by the hypervisor, cleared by the guest, both atomically */
	uint32_t pending; /* PV_PENDING_* */
	uint32_t pad0;
	uint64_t ipi_pending;  /* bit n: somebody has sent IPI n */
	uint64_t port_summary; /* bit n: word n of the partition page */
	uint64_t pad1[5];
	/* line 1: written by the guest */
	uint32_t masked; /* not 0: no upcall */
	uint32_t pad2[15];
	/* line 2: written by the hypervisor; version is odd during a change */
	uint32_t version;   /* even: the time fields fit together */
	uint32_t tsc_shift; /* bits */
	uint64_t
		tsc_mul; /* ns = ns_base + ((tsc - tsc_base) * tsc_mul >> tsc_shift) */
	uint64_t tsc_base;    /* guest TSC */
	uint64_t ns_base;     /* ns */
	uint64_t steal_tsc;   /* TSC ticks ready but not running */
	uint32_t vcpu, vcpus; /* its number; how many there are */
	uint64_t pad3[2];
	/* line 3: set by senders, cleared at delivery, by the hypervisor */
	uint64_t vector_pending[4]; /* vector n: word n / 64, bit n % 64 */
	uint64_t pad4[4];
	/* line 4: only by the CPU that runs the vCPU, as hypervisor or as guest */
	uint32_t
		in_service; /* bit n, class n: set at delivery, cleared by guest */
	uint32_t vector_waits; /* hypervisor: the highest held back; 0: none */
	uint64_t pad5[7];
	uint8_t rest[4096 - 320];
};

/* One per partition, at PV_PARTITION_PAGE. Set by senders, cleared by guests. */
struct pv_partition_page {
	uint64_t port_pending[64]; /* port p: word p / 64, bit p % 64 */
	/* by the hypervisor: how often the host partition was started anew in
	 * the partition's life. Its devices are to be reset by their drivers. */
	uint32_t host_restarts;
	uint32_t pad;
	/* by the guest alone; what the host partition has written here is there
	 * after its restart */
	uint8_t rest[4096 - 520];
};

/* State of a vCPU at its start; 64-bit mode, ring 0, flat segments, IF = 0. */
struct pv_vcpu_start {
	uint64_t rip, rsp, rdi, rsi; /* guest-virtual, RIP canonical */
	uint64_t cr3;	    /* gpa of the root table; bits 11..0 are 0 */
	uint64_t gdt_base;  /* a GDT whose 0x08 is 64-bit code, 0x10 data */
	uint32_t gdt_limit; /* 0..65535, bytes less one */
	uint32_t pad;	    /* 0 */
};

/* Attributes as the upper half of a descriptor has them, from its bit 8 on. */
struct pv_segment {
	uint64_t base, limit, attr, selector;
};
#define PV_SEGMENT_UNUSABLE (1ull << 16) /* of attr */

/*
 * All registers of a vCPU that does not run, but for x87 and vector registers,
 * MTRRs and the virtual APIC's. What is not named has the CPU's format.
 */
struct pv_vcpu_state {
	uint32_t run; /* 0: stopped, 1: not */
	uint32_t pad; /* 0 */
	struct pv_segment es, cs, ss, ds, fs, gs, ldtr, tr;
	uint64_t rip, rsp, rflags, cr0, cr3, cr4, efer, pat, dr7;
	uint64_t gdt_base, gdt_limit, idt_base, idt_limit;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip, cr2;
	uint64_t star, lstar, cstar, sfmask, kernel_gs;
	uint64_t dr6, dr[4], tsc_aux;
	uint64_t tsc_offset; /* the guest's TSC minus the machine's */
	uint64_t xcr0;
	uint64_t cr8;	  /* 0 with a virtual APIC */
	uint64_t gpr[16]; /* as in pv_partition_status; RSP: above, here 0 */
	uint64_t timer;	  /* timer_set's deadline; 0: none, or virtual APIC */
	uint32_t upcall_vector, upcall_flags; /* of vcpu_upcall_set */
	uint32_t timer_vector;
	/* of the vCPU page: set, they are added to what is there */
	uint32_t pending;
	uint64_t ipi_pending, port_summary, vector_pending[4];
	uint32_t masked, in_service; /* these two are replaced */
	uint64_t pad2[8];	     /* 0 */
};

/* What a partition's creator is told of, each at a port of its own. */
#define PV_NOTIFY_STATE 0u  /* the state has changed */
#define PV_NOTIFY_OUTPUT 1u /* the console, empty before, has output */
#define PV_NOTIFY_PORTS 2u

#define PV_SLICE_US_MIN 100u
#define PV_SLICE_US_MAX 1000000u

/* Its creator may accept all of its memory, as if it had shared it for writing. */
#define PV_PARTITION_SHARE_ALL 1u

/* What a partition is to be; read by partition_create. */
struct pv_partition_params {
	char name[32];	    /* NUL-terminated */
	uint32_t profile;   /* PV_PROFILE_* */
	uint32_t vcpus;	    /* 1..64 */
	uint32_t priority;  /* 0..7, 7 first */
	uint32_t port;	    /* the creator's first port told: + PV_NOTIFY_* */
	uint64_t cpu_mask;  /* CPUs the vCPUs may run on; 0: any */
	uint64_t max_pages; /* quota: memory plus what the hypervisor needs */
	uint32_t slice_us;  /* time slice, PV_SLICE_US_MIN.._MAX; 0: 5000 */
	uint32_t flags;	    /* PV_PARTITION_* */
	uint64_t pad[3];    /* 0 */
};

#define PV_STATE_NEW 0u
#define PV_STATE_RUNNING 1u
#define PV_STATE_PAUSED 2u
#define PV_STATE_EXITED 3u
#define PV_STATE_DIED 4u

#define PV_TRACE_DEPTH 8u

/* How a partition is, and how it ended. Written whole by partition_status. */
struct pv_partition_status {
	char name[32];	  /* NUL-terminated */
	uint32_t state;	  /* PV_STATE_* */
	uint32_t code;	  /* exit code */
	uint32_t vcpu;	  /* which vCPU ended it */
	uint32_t profile; /* PV_PROFILE_* */
	char reason[120]; /* readable, NUL-terminated; empty unless DIED */
	/* of that vCPU, when DIED */
	uint64_t rip, rsp, rflags, cr0, cr2, cr3, cr4, efer;
	uint64_t gpr[16]; /* RAX RCX RDX RBX RSP RBP RSI RDI R8..R15 */
	uint64_t trace
		[PV_TRACE_DEPTH]; /* return addresses by RBP chain, 0 ends */
	uint8_t insn[16];	  /* bytes at RIP */
	uint32_t insn_len;	  /* how many of those are there */
	uint32_t pad;
	uint64_t pages_owned;  /* charged to its quota now */
	uint64_t pages_shared; /* of its memory */
};

/* Exit kinds as counted; the names are in the manual (pvabi/exits.def). */
#define PV_EXIT_KINDS 24u

/* A vCPU's counters since it was made; read by partition_stats. */
struct pv_vcpu_stats {
	uint64_t exits[PV_EXIT_KINDS]; /* by PV_EXIT_* */
	uint64_t calls;		       /* hypercalls; a batch is one */
	uint64_t run_tsc;	/* TSC while on a CPU, root mode included */
	uint64_t guest_tsc;	/* TSC in guest mode; only with the probe */
	uint64_t vmcs_accesses; /* VMREAD + VMWRITE; only with the probe */
	uint64_t entries;	/* those of the fast path not counted */
	uint64_t steal_tsc;	/* TSC ticks ready but not running */
	uint64_t idle_tsc;	/* its CPU idle, TSC ticks since boot */
	uint32_t cpu;		/* where it is placed */
	uint32_t moves;		/* from one CPU to another, so far */
};

/* Rights of a mapping; DMA: a share that is pinned for devices. */
#define PV_MAP_READ 1u
#define PV_MAP_WRITE 2u
#define PV_MAP_EXEC 4u
#define PV_MAP_DMA 8u

/* What a page is to the partition that has it mapped. */
#define PV_PAGE_OWN 0u
#define PV_PAGE_SHARED 1u     /* its own; a peer may accept it */
#define PV_PAGE_LENT 2u	      /* its own; the peer has accepted it */
#define PV_PAGE_HYPERVISOR 3u /* a shared page, an I/O page, a ring */
#define PV_PAGE_BORROWED 4u   /* accepted by it */
#define PV_PAGE_DEVICE 5u     /* registers, or memory of a device */
#define PV_PAGE_FIRMWARE 6u   /* memory of UEFI's: a module */

/* Where a guest-physical address leads; written by partition_translate. */
struct pv_translation {
	uint64_t addr;	/* host-physical, of the byte asked for */
	uint64_t size;	/* bytes of the page that maps it, a power of 2 */
	uint32_t flags; /* PV_MAP_* */
	uint32_t kind;	/* PV_PAGE_* */
	uint32_t peer;	/* PV_QUERY_PARTITION. SHARED, LENT: with whom; else
			   whose it is; 0 with DEVICE and FIRMWARE */
	uint32_t pad;
	uint64_t pad2[4];
};

#define PV_CALLS_MAX 128u

/* A vCPU's hypercalls by number. Those of a batch are not counted. */
struct pv_vcpu_calls {
	uint64_t calls[PV_CALLS_MAX]; /* by PV_CALL_*; 0 behind the last */
	uint64_t unknown;	      /* with a number that names no call */
	uint64_t pad[7];
};

/* I/O page: slot n belongs to vCPU n. Written by the hypervisor. */
#define PV_IO_FREE 0u
#define PV_IO_WAITING 1u

/* One request. Written by the hypervisor. */
struct pv_io_slot {
	uint32_t
		state; /* PV_IO_*: WAITING is set last, cleared by io_complete */
	uint8_t space; /* PV_SPACE_* */
	uint8_t size;  /* bytes: 1, 2, 4, 8 */
	uint8_t write; /* 1: a write */
	uint8_t pad0;
	uint32_t
		count; /* elements; more than 1: value is 0, io_copy has them */
	uint32_t pad1;
	uint64_t addr;	 /* port or gpa */
	uint64_t value;	 /* of a write, zero-extended */
	uint64_t cookie; /* for io_complete; never 0 */
	uint64_t pad2[3];
};

/* Mapped read-only by io_map. */
struct pv_io_page {
	struct pv_io_slot slot[PV_VCPUS_MAX]; /* n belongs to vCPU n */
};

/* One call of a batch. The guest writes call and arg, the hypervisor the rest. */
struct pv_batch_entry {
	uint32_t call, status; /* PV_CALL_* and PV_* */
	uint64_t value;	       /* the call's second result */
	uint64_t arg[6];       /* RDI RSI RDX RCX R8 R9 */
};
#define PV_BATCH_MAX 64u /* entries in a page */

/* ---- tracing ---- */

/* What is recorded of a partition. */
#define PV_TRACE_CALLS 1ull
#define PV_TRACE_EXITS 2ull
#define PV_TRACE_SWITCHES 4ull
#define PV_TRACE_ALL 7ull

/* pv_trace_record.kind; such records are made with PV_TRACE_* = 1 << kind */
#define PV_RECORD_CALL 0u
#define PV_RECORD_EXIT 1u
#define PV_RECORD_SWITCH 2u /* a vCPU has left its CPU */

/* pv_trace_record.flags */
#define PV_RECORD_WAITS 1u   /* a call that has not returned yet */
#define PV_RECORD_RESUMES 2u /* a call that is executed again for the rest */
#define PV_RECORD_BATCH 4u   /* a call that is an entry of a batch */
#define PV_RECORD_OPAQUE 8u  /* an exit whose operands the CPU did not give */

#define PV_RECORD_UNKNOWN 0xffffu /* nr of a call whose number names none */

/* nr of PV_RECORD_SWITCH: why. */
#define PV_LEFT_PREEMPTED 0u
#define PV_LEFT_WAITS 1u
#define PV_LEFT_IO 2u /* waits for the answer of a server */
#define PV_LEFT_STOPPED 3u
#define PV_LEFT_ENDED 4u

struct pv_trace_record {
	uint64_t seq;	/* its number in the ring, from 1; 0 while written */
	uint64_t tsc;	/* CALL: when it was made; EXIT: when; SWITCH: since
			    when the vCPU was on the CPU */
	uint64_t ticks; /* TSC ticks from then until now */
	uint16_t part;	/* PV_QUERY_PARTITION */
	uint16_t vcpu;
	uint16_t kind;	 /* PV_RECORD_* */
	uint16_t nr;	 /* PV_CALL_*, PV_EXIT_* or PV_LEFT_* */
	uint32_t flags;	 /* PV_RECORD_* */
	uint32_t status; /* CALL: PV_*; not with WAITS or RESUMES */
	uint64_t value;	 /* CALL: the second result, likewise */
	uint64_t rip;	 /* CALL, EXIT: the guest's */
	uint64_t arg[6]; /* CALL: RDI RSI RDX RCX R8 R9; EXIT: three operands
			    (see exit kinds), the CPU's exit reason (VMX) or
			    code (SVM), and two words that came with it */
	uint64_t pad[3];
};

#define PV_TRACE_MAGIC 0x3145434152545650ull /* "PVTRACE1" */
#define PV_TRACE_RECORDS 1023u

/*
 * One per CPU, read-only at the address given to trace_map. Written by that CPU
 * alone. Record n (from 1) is in record[(n - 1) % PV_TRACE_RECORDS].
 */
struct pv_trace_ring {
	uint64_t magic;
	uint32_t cpu, records; /* PV_TRACE_RECORDS */
	uint64_t tsc_khz;
	uint64_t head; /* records ever written */
	uint64_t pad[12];
	struct pv_trace_record record[PV_TRACE_RECORDS];
};

/* ---- start of day ---- */

#define PV_START_MAGIC 0x3154524154535650ull /* "PVSTART1" */

#define PV_MEM_RAM 1u
#define PV_MEM_RESERVED 2u /* boot tables, this structure */
#define PV_MEM_MODULE 3u

/* One range of the memory map. */
struct pv_mem {
	uint64_t start, size; /* gpa and bytes, page-aligned */
	uint32_t type;	      /* PV_MEM_* */
	uint32_t pad;
	uint64_t dev_addr; /* device address of start; host partition only */
};

/* A file of the boot medium. */
struct pv_module {
	char name[40];	      /* NUL-terminated, without its folder */
	uint64_t start, size; /* gpa and bytes */
};

#define PV_DEV_PCI 1u
#define PV_DEV_UART 2u	   /* 16550 at port `base` */
#define PV_DEV_VIRTIO 3u   /* virtio-mmio version 2 at gpa `base` */
#define PV_DEV_SCREEN 4u   /* frame buffer at gpa `base`, 32 bits a pixel */
#define PV_DEV_KEYBOARD 5u /* i8042 at ports `base` and `base` + 4 */

/* A device that is the partition's own. */
struct pv_device {
	uint32_t type; /* PV_DEV_* */
	uint32_t
		irq; /* UART, KEYBOARD: ISA IRQ; VIRTIO: event port; PCI: line, for
			  people */
	uint64_t base;		 /* VIRTIO, SCREEN: gpa; UART, KEYBOARD: port */
	uint64_t size;		 /* of that, bytes or ports */
	uint16_t bdf;		 /* bus, device, function: 8, 5, 3 bits */
	uint16_t vendor, device; /* PCI ids */
	uint8_t class_code, subclass, progif; /* as PCI has them */
	uint8_t pad[7];
	struct {
		uint64_t base, size; /* gpa or port, bytes; size 0: absent */
		uint32_t io;	     /* 1: ports */
		uint32_t pad;
	} bar[6];
	char name[24]; /* VIRTIO: the configuration's name of the disk */
	/* PCI: the partition's handle of the function; VIRTIO: of an event that
	 * is a notification, or 0 */
	uint64_t handle;
	/* SCREEN: pixels; from a line to the next; `bdf` is of its function */
	uint32_t width, height, stride;
	uint32_t pad2;
};

/* At the gpa in RDI at entry. Only grows; `size` says how much is there. */
struct pv_start {
	uint64_t magic;	  /* PV_START_MAGIC */
	uint32_t version; /* PV_ABI_VERSION */
	uint32_t size;	  /* bytes of this structure */
	uint32_t profile; /* PV_PROFILE_* */
	uint32_t vcpus;	  /* 1..64 */
	/* how many there are of each array below; cmdline: bytes less the NUL */
	uint32_t nr_mem, nr_modules, nr_devices, cmdline_len;
	uint64_t mem;	  /* gpa of struct pv_mem[] */
	uint64_t modules; /* gpa of struct pv_module[] */
	uint64_t devices; /* gpa of struct pv_device[] */
	uint64_t cmdline; /* gpa, NUL-terminated */
	uint64_t tsc_khz; /* TSC ticks in a millisecond */
	uint64_t
		self; /* the partition's handle of itself (PV_SELF or better) */
	uint64_t
		host; /* handle of the host partition, PV_RIGHT_SHARE; 0 in it */
	uint64_t image_start, image_end; /* gpa, page-aligned */
	char name[32];			 /* NUL-terminated */
	uint32_t device_size;		 /* bytes of each struct pv_device */
	uint32_t restarts; /* host partition: how often it has died before */
	uint64_t utc; /* when the TSC was 0: ns since 1970, UTC, modulo 2^64 */
};

#endif
