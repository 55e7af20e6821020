/* SPDX-License-Identifier: BSD-2-Clause */
/* Switches the machine off by whatever this machine has. */
#include "arch/power.h"
#include "arch/cpu.h"
#include "arch/irq.h"
#include "lib/x86.h"
#include "lib/bootinfo.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/uart.h"

#define QEMU_EXIT_PORT 0xF4
#define BOCHS_OFF_PORT 0x8900
#define BOCHS_HACK_PORT 0xE9
#define SLP_EN (1u << 13)
#define SLP_TYP_SHIFT 10
#define EFI_SHUTDOWN 2
#define SPINS 2000000

typedef void(__attribute__((ms_abi)) * reset_fn)(u32, u64, u64, void *);

static const struct boot_info *boot;

static void stop_others(void)
{
	if (cpu_count > 1)
		lapic_nmi_others();
}

static void print_control(void)
{
	log("parley: cpu %u  cr0 %lx  cr2 %lx  cr3 %lx  cr4 %lx\n",
	    cpu_this()->index, read_cr0(), read_cr2(), read_cr3(), read_cr4());
}

static void spin(void)
{
	for (u32 i = 0; i < SPINS; i++)
		cpu_relax();
}

static void acpi_off(void)
{
	if (!acpi.s5_valid || !acpi.pm1a_cnt)
		return;
	outw(acpi.pm1a_cnt, (u16)(acpi.s5_a << SLP_TYP_SHIFT | SLP_EN));
	if (acpi.pm1b_cnt)
		outw(acpi.pm1b_cnt, (u16)(acpi.s5_b << SLP_TYP_SHIFT | SLP_EN));
	spin();
}

static void bochs_off(void)
{
	if (inb(BOCHS_HACK_PORT) != BOCHS_HACK_PORT)
		return;
	for (const char *s = "Shutdown"; *s; s++)
		outb(BOCHS_OFF_PORT, (u8)*s);
	spin();
}

static void firmware_off(void)
{
	write_cr3(boot->runtime_cr3);
	((reset_fn)boot->reset_system)(EFI_SHUTDOWN, 0, 0, NULL);
}

void power_init(const struct boot_info *bi)
{
	boot = bi;
	panic_ops = (struct panic_ops){ stop_others, print_control, power_off };
}

noreturn_fn void power_off(u32 status)
{
	__asm__ volatile("cli");
	log("parley: power off, status %u\n", status);
	log_flush();
	uart_drain();
	if (status && cpu_feat.qemu)
		outb(QEMU_EXIT_PORT, (u8)status);
	acpi_off();
	bochs_off();
	firmware_off();
	cpu_stop();
}
