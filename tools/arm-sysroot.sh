#!/bin/sh
# Unpacks the aarch64 libraries that Sillok and its tests need, with everything below them down to the C library, into
# build-arm/sysroot. Takes Debian's packages through apt with a state of its own: needs no root, and leaves the
# machine's architectures and packages as they are. Called by ./dev test-arm.
#   tools/arm-sysroot.sh PACKAGE...
set -eu
cd "$(dirname "$0")/.."
top=$PWD/build-arm
sysroot=$top/sysroot
if [ -f "$sysroot/.packages" ] && [ "$(cat "$sysroot/.packages")" = "$*" ]; then exit 0; fi
rm -rf "$sysroot"
mkdir -p "$top/apt/lists/partial" "$top/apt/cache/archives/partial" "$sysroot"
: >"$top/apt/status"
private() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::status="$top/apt/status" \
        -o Dir::State::Lists="$top/apt/lists" -o Dir::Cache="$top/apt/cache" -o APT::Sandbox::User=root \
        -o Debug::NoLocking=1 -o APT::Get::Download-Only=1 "$@"
}
echo "fetching aarch64 libraries into build-arm/sysroot" >&2
private update
private install -y --no-install-recommends "$@" >/dev/null
# Since /lib is part of /usr, a package that still ships /lib lands there too.
mkdir -p "$sysroot/usr/lib"
ln -s usr/lib "$sysroot/lib"
for deb in "$top"/apt/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$sysroot" --keep-directory-symlink --no-same-owner
done
rm -rf "$top/apt"
printf '%s' "$*" >"$sysroot/.packages"
