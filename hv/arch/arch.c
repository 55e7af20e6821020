/* SPDX-License-Identifier: BSD-2-Clause */
/* The order in which the machine is taken over. */
#include "arch/arch.h"
#include "arch/acpi.h"
#include "arch/cpu.h"
#include "arch/early.h"
#include "arch/irq.h"
#include "arch/paging.h"
#include "arch/pci.h"
#include "arch/power.h"
#include "arch/smp.h"
#include "arch/tsc.h"
#include "arch/x86.h"
#include "lib/log.h"
#include "lib/uart.h"

/* The local APIC cannot be read yet: CPUID has the id, too. */
static u32 boot_apic_id(void)
{
	if (cpu_feat.x2apic && cpuid(0, 0).a >= 0xB && cpuid(0xB, 0).b)
		return cpuid(0xB, 0).d;
	return cpuid(1, 0).b >> 24;
}

void arch_init(struct boot_info *bi, void (*ap_entry)(void))
{
	const char *err;

	uart_init();
	early_init(bi);
	cpu_features_init();
	err = acpi_init(bi->rsdp); /* while firmware's tables map everything */
	paging_init(bi);
	cpu_tables_init(smp_cpu_alloc(0, boot_apic_id()));
	power_init(bi);
	if (err) {
		log("parley: cannot start: %s\n", err);
		power_off(1);
	}
	ioapic_init();
	lapic_init();
	tsc_init();
	pci_scan();
	smp_start(bi, ap_entry);
}
