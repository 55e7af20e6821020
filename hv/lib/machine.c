/* SPDX-License-Identifier: BSD-2-Clause */
/* The facts of the machine. */
#include "lib/machine.h"
#include "lib/iommu.h"

struct cpu_features cpu_feat;
struct guest_cpu guest_cpu;
struct acpi_info acpi;
struct vmx_caps vmx_caps;
struct svm_caps svm_caps;
struct nested_caps nested_caps;
struct iommu_info iommu;
u64 tsc_khz, lapic_khz, msr_bitmap;
u32 mitigations, spec_ctrl;
