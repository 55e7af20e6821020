/* SPDX-License-Identifier: BSD-2-Clause */
/* The facts of the machine. */
#include "lib/machine.h"

struct cpu_features cpu_feat;
struct guest_cpu guest_cpu;
struct acpi_info acpi;
struct vmx_caps vmx_caps;
struct svm_caps svm_caps;
struct nested_caps nested_caps;
u64 tsc_khz, lapic_khz;
u32 mitigations, spec_ctrl;
