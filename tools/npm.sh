#!/bin/sh
# Installs the npm packages of tests/js (oracles and peers), or of the folder named (console: what builds it), unless they
# are there as locked. Runs none of their scripts.
# Exit status: 0 there; 3 they cannot be had on this machine, and one line says why; 1 another failure, with npm's words.
set -u
folder=${1:-tests/js}
cd "$(dirname "$0")/../$folder" || exit 1
stamp=node_modules/.sillok-lock
sum=$(cat package.json package-lock.json | cksum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ]; then exit 0; fi
if ! command -v npm >/dev/null 2>&1; then
    echo "npm is not installed"
    exit 3
fi
set -- # the prebuilt llama.cpp is for x86-64; elsewhere it lies idle and its tests skip
[ "$(uname -m)" = x86_64 ] || set -- --force
if said=$(npm ci --ignore-scripts "$@" 2>&1); then
    printf '%s\n' "$sum" >"$stamp"
    exit 0
fi
case "$said" in
*ENOTFOUND* | *EAI_AGAIN* | *ECONN* | *ETIMEDOUT* | *ENETUNREACH* | *EHOSTUNREACH* | *ERR_SOCKET*)
    echo "no network to install the npm packages of $folder"
    exit 3
    ;;
esac
printf '%s\n' "$said" | head -n 30
exit 1
