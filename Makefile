# SPDX-License-Identifier: GPL-3.0-or-later
# Names for what tools/dev does; `make demo ARGS=--json` hands arguments on.
.PHONY: demo test check clean
demo test check clean:
	@sh tools/dev $@ $(ARGS)
