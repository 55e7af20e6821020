/* SPDX-License-Identifier: BSD-2-Clause */
/* The ordered boot list, from the hand-over to the first guest instruction. */
#include "arch/iommu.h"
#include "arch/irq.h"
#include "core/sched.h"
#include "hcall/hcall.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/power.h"
#include "lib/string.h"
#include "main/host.h"
#include "run/run.h"

#define STATUS_CONFIG 2u

static struct boot_info *boot;
static u32 cpus_go;

/* The other CPUs wait here until the boot CPU is about to run the host. */
static void cpu_wait(void)
{
	while (!load_acquire(&cpus_go))
		cpu_relax();
	run_cpu();
}

/* The guest that is for the bench's floor: before its vCPUs are made. */
static void setup_partition(struct partition *p)
{
	if (boot->floor[0] && !strcmp(p->name, boot->floor))
		p->stub = VIRT_STUB_FLOOR;
}

/* Another may take its place after the optimizer has run. */
__attribute__((weak, noipa)) void hv_provoke(void) {}

noreturn_fn void hv_main(struct boot_info *bi)
{
	const char *wrong;

	boot = bi;
	if (cpu_count > 1)
		panic_stop_others = lapic_nmi_others;
	store_release(&bi->ap_entry, cpu_wait);
	virt_init();
	virt_probe = bi->probe;
	for (u32 i = 0; i < cpu_count; i++)
		sched_init_cpu(cpu_table[i]);
	frame_init(bi);
	partition_setup = setup_partition;
	run_init();
	hcall_init();
	iommu_init();
	wrong = host_build(&bi->host);
	if (wrong) {
		log("parley: cannot start: host partition: %s\n", wrong);
		power_off(STATUS_CONFIG);
	}
	log("parley: boot: %lu TSC ticks from ExitBootServices to the host "
	    "partition, %lu before (on Bochs a tick is an instruction)\n",
	    rdtsc() - bi->tsc_exit_bs, bi->tsc_exit_bs - bi->tsc_entry);
	hv_provoke();
	store_release(&cpus_go, 1);
	run_cpu();
}
