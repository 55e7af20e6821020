#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`make check` as part of the test suite."""
import sys

import check

sys.exit(check.main([]))
