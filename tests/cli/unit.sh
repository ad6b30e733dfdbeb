#!/bin/sh
# The systemd unit: as tight as docs/operations.md says, by systemd's own measure. Needs no running systemd.
# sanitizers: no
. tests/cli/tap.sh

unit=packaging/sillok.service
said=$(sed -n 's/.*an exposure of \([0-9.]*\) of 10.*/\1/p' docs/operations.md)
if command -v systemd-analyze >/dev/null 2>&1 && systemd-analyze security --help 2>/dev/null | grep -q -- --offline; then
    got=$(systemd-analyze security --offline=1 "$unit" 2>/dev/null | sed -n 's/.*exposure level for [^:]*: \([0-9.]*\) .*/\1/p')
    is "the exposure is as documented" "$got" "$said"
else
    skip "the exposure is as documented" "no systemd-analyze"
fi
for line in "Type=notify" "NoNewPrivileges=yes" "ProtectSystem=strict" "MemoryDenyWriteExecute=yes" "CapabilityBoundingSet=" \
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX" "WatchdogSec=120"; do
    is "$line" "$(grep -cxF "$line" "$unit")" 1
done
# What the program's own sandbox calls must not be filtered away.
has "Landlock and seccomp stay possible" "$(cat "$unit")" "seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self"
done_testing
