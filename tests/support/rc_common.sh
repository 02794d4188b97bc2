#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs an init script of OpenWrt for tests: sh rc_common.sh SCRIPT CONFIG; says what it tells procd, a line each word.
# Configurations of UCI are shell, and are read here as OpenWrt's functions.sh reads them; procd itself is not here.
script=$1
uci=$2
sections=

config() { section=$2; sections="$sections $2"; eval "type_$2=\$1"; }
option() { eval "option_${section}_$1=\$2"; }
list() { eval "list_${section}_$1=\"\${list_${section}_$1} \$2\""; }

config_load() { . "$uci"; }
config_get() { eval "$1=\"\${option_${2}_$3:-\$4}\""; }
config_get_bool() {
    config_get "$@"
    eval "case \$$1 in 1 | on | true | yes | enabled) $1=1 ;; *) $1=0 ;; esac"
}
config_foreach() {
    for each in $sections; do
        eval "[ \"\$type_$each\" = \"$2\" ]" && "$1" "$each"
    done
}
config_list_foreach() {
    eval "items=\$list_${1}_$2"
    for item in $items; do "$3" "$item"; done
}

say() { kind=$1; shift; for word in "$@"; do echo "$kind=$word"; done; }
procd_open_instance() { say instance "$1"; }
procd_set_param() { say "$@"; }
procd_append_param() { say "$@"; }
procd_close_instance() { :; }
procd_add_reload_trigger() { say trigger "$@"; }

. "$script"
start_service
service_triggers
