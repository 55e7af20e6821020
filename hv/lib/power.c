/* SPDX-License-Identifier: BSD-2-Clause */
/* Switches the machine off by whatever this machine has. */
#include "lib/power.h"
#include "lib/log.h"
#include "lib/machine.h"
#include "lib/uart.h"

/* clang-format off */
enum {
	QEMU_EXIT_PORT = 0xF4, BOCHS_OFF_PORT = 0x8900, BOCHS_HACK_PORT = 0xE9,
	EFI_SHUTDOWN = 2,      SPINS = 2000000,
};
/* clang-format on */

typedef void(__attribute__((ms_abi)) * reset_fn)(u32, u64, u64, void *);

u64 power_reset_system, power_runtime_cr3;

static void spin(void)
{
	for (u32 i = 0; i < SPINS; i++)
		cpu_relax();
}

static void acpi_off(void)
{
	for (u32 i = 0; i < array_size(acpi.off); i++)
		if (acpi.off[i].port && acpi.off[i].value)
			outw(acpi.off[i].port, acpi.off[i].value);
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
	if (power_runtime_cr3) {
		write_cr3(power_runtime_cr3);
		((reset_fn)power_reset_system)(EFI_SHUTDOWN, 0, 0, NULL);
	}
	cpu_stop();
}
