# SPDX-License-Identifier: GPL-3.0-or-later
# Names for what tools/dev does; `make demo ARGS=--json` hands arguments on.
.PHONY: demo test bench check clean
demo test bench check clean:
	@sh tools/dev $@ $(ARGS)
