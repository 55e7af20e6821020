# SPDX-License-Identifier: BSD-2-Clause
"""What people read beside the cost table, and which calls have no row."""

# (row, what it is in profile pv, and in hvm and classic)
LEGEND = (
    ("null", "hypercall nop", "OUT to port 0x80"),
    ("batch_64", "one of 64 times nop in a hypercall batch",
     "OUT to port 0x80"),
    ("time_read", "vCPU page and RDTSC", "RDTSC"),
    ("timer_set", "hypercall timer_set",
     "WRMSR to TSC_DEADLINE (or the x2APIC timer's count)"),
    ("console_byte", "hypercall console_write, 1 byte",
     "16550: IN of LSR, OUT of THR"),
    ("console_line", "80 bytes on a virtio console, one line of many",
     "16550: 80 times IN of LSR, OUT of THR"),
    ("event_send", "hypercall event_send to itself, upcall, handler",
     "WRMSR to SELF_IPI, vector, WRMSR to EOI, handler"),
    ("ipi", "hypercall vcpu_ipi, then vcpu_wait until one comes back",
     "WRMSR to ICR, then STI; HLT until one comes back; EOI"),
    ("event_wait", "hypercall event_send_wait, both ways",
     "WRMSR to ICR, STI; HLT, EOI, both ways"),
    ("event_wake", "hypercall event_send, to behind the vcpu_wait of a vCPU "
     "of higher priority", ""),
    ("aspace_switch", "MOV to CR3, native", "MOV to CR3"),
    ("cpu_query", "hypercall query", "CPUID"),
    ("reg_read", "hypercall io_read of MagicValue",
     "load from MagicValue of a virtio-mmio page"),
    ("notify", "hypercall io_write to QueueNotify", "store to QueueNotify"),
    ("disk_read_4k", "one request of a RAM disk that the host partition "
     "serves; io_write, vcpu_wait",
     "the same; store, STI; HLT, InterruptStatus, InterruptACK, EOI"),
    ("disk_read_4k_device", "the same of a partition of the emulated disk",
     "the same"),
    ("block_qd1", "one 4 KiB read of a null disk, alone in the queue",
     "the same"),
    ("block_qd32", "one of 32 4 KiB reads of a null disk, all in the queue",
     "the same"),
    ("disk_qd32", "one of 32 4 KiB reads of a partition of the emulated disk",
     "the same"),
    ("sqlite_speedtest1", "all of SQLite's speedtest1, --size 5, on a RAM disk "
     "that the host partition serves",
     "the same, by trapped registers and a 16550"),
    ("disk_qd32_direct", "the same of the whole disk, by the host partition's "
     "driver in a guest that owns it", ""),
    ("disk_qd32_trapped", "", "disk_qd32 in hvm: trapped registers, trapped "
     "notifications"),
    ("net_round_trip", "a frame of 64 bytes to another guest (profile pv) over the "
     "switch, and one back; of both guests", "the same"),
    ("net_frame", "one of 64 frames of 1,500 bytes to it, all in the queue, and "
     "one answer to all", "the same"),
    ("page_fault", "#PF, the kit's handler, which sets the entry's P, IRETQ",
     ""),
    ("pte_update", "a page-table entry changed, INVLPG", ""),
    ("user_syscall", "SYSCALL from ring 3, SYSRET", ""),
    ("console_read", "nothing typed", "16550: IN of LSR"),
    ("console_write", "64 bytes", "16550, as console_line"),
    ("vcpu_start", "with vcpu_yield, and vcpu_stop of the vCPU", ""),
    ("vcpu_yield", "nobody else is ready", "PAUSE"),
    ("vcpu_wait", "an event is pending already; else: ipi", ""),
    ("vcpu_ipi", "to itself, with upcall and handler",
     "WRMSR to ICR, vector, WRMSR to EOI, handler"),
    ("vcpu_yield_to", "to another vCPU, or back from it", ""),
    ("vcpu_sched_set", "what it was already", ""),
    ("vcpu_state_get", "as vcpu_state_set: of a vCPU that has stopped", ""),
    ("vcpu_flush_tlb", "of the caller's own vCPU", ""),
    ("vcpu_vector_send", "to itself, with the handler and the end of the "
     "vector", ""),
    ("vector_eoi", "no vector waits", ""),
    ("event_send_wait", "to itself, so it returns at once; else: event_wait",
     ""),
    ("mem_share", "of one page, as mem_revoke, mem_accept, mem_return", ""),
    ("mem_populate", "one page of 4 KiB; mem_release: the same", ""),
    ("batch", "with one nop in it", ""),
    ("partition_create", "one vCPU", ""),
    ("partition_populate", "64 KiB", ""),
    ("partition_write", "4 KiB", ""),
    ("partition_start", "with partition_pause, partition_resume: one vCPU",
     ""),
    ("partition_destroy", "of 256 KiB, without the zeroing of its frames", ""),
    ("partition_console_read", "nothing written", ""),
    ("partition_console_write", "1 byte", ""),
    ("log_read", "an empty log", ""),
    ("partition_translate", "of the caller's own memory", ""),
    ("partition_irq_line", "a masked pin, whose line goes up and down", ""),
    ("partition_create_destroy", "made, given 16 MiB, destroyed; without the "
     "zeroing of its frames", ""),
    ("null_64_partitions", "null, event_send to oneself, timer_set with 63 "
     "partitions asleep, or none", ""),
    ("floor", "a call that the exit stub answers at once: the leanest "
     "possible handler", ""),
)


# Calls that no row has the name of, and why.
NO_ROW = {
    "exit": "it ends the caller",
    "crash": "it ends the caller",
    "machine_off": "it ends everything",
    "vcpu_stop": "it ends the caller; part of the row vcpu_start",
    "device_assign": "it needs a PCI function that no driver has",
    "device_take": "it needs a PCI function whose owner was destroyed",
    "device_irq_bind": "it needs a PCI function of the caller's",
    "device_irq_ack": "it needs a PCI function of the caller's",
    "device_addr": "it needs a PCI function of the caller's",
    "io_copy": "it needs a vCPU that waits amid a REP OUTS",
    "trace_map": "a tracer makes it once for each CPU, for good",
    "trace_set": "it needs the trace ring of every CPU",
    "partition_dirty_log": "it is made twice for a whole copy",
    "partition_dirty_read": "it splits the caller's pages for good, and costs "
    "what was written to",
}

NOTES = (
    "Figures are instructions per operation. root: of the hypervisor, from "
    "the guest's",
    "instruction to its next one. guest: of the guest, the loop around the "
    "operation and",
    "its handlers included. host: of the host partition. exits: of both. "
    "vmcs: VMREAD and",
    "VMWRITE. to pv: all instructions, against profile pv. Not counted: what "
    "the CPU itself",
    "spends on a transition, on cache and TLB misses. A notification wakes "
    "the host",
    "partition, whose work is shared out over the notifications that it "
    "finds at once.",
)
EMULATOR_NOTES = {
    "bochs": ("Bochs: VMCALL counts 1 (as the guest's), VMRESUME 1 (as "
              "root's).",),
    "ryzen": ("Bochs: VMMCALL counts 1 (as the guest's), VMRUN 1 (as "
              "root's).",),
    "qemu": ("QEMU: an instruction that exits counts 0, VMRUN 1 (as "
             "root's).",),
}
