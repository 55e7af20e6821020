/* SPDX-License-Identifier: BSD-2-Clause */
/* What the manual's examples use, of the kernel that they stand in. */
#pragma once
#include <pvabi/stubs.h>

extern const struct pv_start *boot; /* RDI at entry */
uint64_t gpa_of(const void *p);	    /* of memory of this kernel */
uint64_t tsc_now(void);		    /* RDTSC */
void panic_if(uint64_t status);	    /* ends the kernel unless PV_OK */
extern struct pv_vcpu_page *vcpu_page;
