/* SPDX-License-Identifier: BSD-2-Clause */
/* The ordered boot list, from the hand-over to the first guest instruction. */
#include "lib/machine.h"
#include "lib/power.h"
#include "lib/x86.h"
#include "core/frame.h"
#include "core/sched.h"
#include "hcall/hcall.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "main/host.h"
#include "run/run.h"
#include "trap/trap.h"
#include "version.h"

#define STATUS_CONFIG 2u

static struct boot_info *boot;
static u32 cpus_go;

/* Shown on UEFI's console too, while there is one. */
const char *hv_probe(void)
{
	return virt_init();
}

/* Root mode; needed before any vCPU is made on this CPU. */
static void root_mode(void)
{
	const char *wrong = virt->cpu_on(cpu_this());

	if (wrong)
		panic("CPU %u: %s", cpu_this()->index, wrong);
}

/* The other CPUs wait here until the boot CPU is about to run the host. */
static void cpu_wait(void)
{
	while (!load_acquire(&cpus_go))
		cpu_relax();
	root_mode();
	run_cpu();
}

static const char *step_arch(void)
{
	cpu_init(boot, cpu_wait);
	return NULL;
}

static const char *step_frames(void)
{
	for (u32 i = 0; i < cpu_count; i++)
		sched_init_cpu(cpu_table[i]);
	frame_init(boot);
	return NULL;
}

static const char *step_virt(void)
{
	const char *wrong = virt_init();

	if (!wrong && boot->options.probe)
		virt_probe_enable();
	return wrong;
}

/* What every partition needs before its vCPUs are made. */
static void setup_partition(struct partition *p)
{
	trap_space_setup(p);
	if (boot->options.floor[0] && !strcmp(p->name, boot->options.floor))
		p->stub = VIRT_STUB_FLOOR;
}

static const char *step_handlers(void)
{
	partition_setup = setup_partition;
	run_init();
	trap_init();
	hcall_init();
	root_mode();
	return NULL;
}

static const char *step_banner(void)
{
	log("parley: Parley %s, commit %s\n", PARLEY_VERSION, PARLEY_COMMIT);
	log("parley: back end %s, CPU %s\n", virt->name, cpu_feat.brand);
	log("parley: memory %lu MiB, %lu MiB free\n",
	    (frame_total() >> 8) + (boot->host.size >> 20),
	    frame_free_count() >> 8);
	log("parley: %u CPU%s up, TSC %lu kHz\n", cpu_count,
	    cpu_count == 1 ? "" : "s", tsc_khz);
	log("parley: mitigations %s\n", boot->mitigations);
	if (acpi.iommu_dmar || acpi.iommu_ivrs)
		log("parley: IOMMU present (%s), not in use: the owner of a "
		    "device can reach all memory\n",
		    acpi.iommu_dmar ? "VT-d" : "AMD-Vi");
	else
		log("parley: no IOMMU: the owner of a device can reach all "
		    "memory\n");
	return NULL;
}

static const char *step_host(void)
{
	return host_build(boot);
}

static const struct {
	const char *name;
	const char *(*fn)(void); /* NULL, or what is wrong */
} boot_list[] = {
	{ "machine", step_arch },  { "virtualization", step_virt },
	{ "frames", step_frames }, { "handlers and root mode", step_handlers },
	{ "banner", step_banner }, { "host partition", step_host },
};

noreturn_fn void hv_main(struct boot_info *bi)
{
	boot = bi;
	for (u32 i = 0; i < array_size(boot_list); i++) {
		const char *wrong = boot_list[i].fn();

		if (!wrong)
			continue;
		log("parley: cannot start: %s: %s\n", boot_list[i].name, wrong);
		log_flush();
		power_off(STATUS_CONFIG);
	}
	log("parley: boot: %lu TSC ticks from ExitBootServices to the host "
	    "partition, %lu before (on Bochs a tick is an instruction)\n",
	    rdtsc() - bi->tsc_exit_bs, bi->tsc_exit_bs - bi->tsc_entry);
	store_release(&cpus_go, 1);
	run_cpu();
}
