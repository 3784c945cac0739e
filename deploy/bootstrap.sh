#!/usr/bin/env bash
# Installs the Debian packages of packages.txt (and of the file named as argument) that are missing, as root or through sudo.
# Does nothing when all are there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

more=("$@")

die() { echo "bootstrap: $*" >&2; exit 1; }

# "gcc   # the compiler" -> "gcc<TAB>the compiler"
packages() { sed -nE 's/^([a-z0-9][a-z0-9.+-]*)[ \t]*#[ \t]*(.*)$/\1\t\2/p' "$here/packages.txt" "${more[@]}"; }

missing_packages() {
    local installed
    # shellcheck disable=SC2016  # dpkg-query's own ${} fields
    installed=$(packages | cut -f1 | xargs dpkg-query -W -f='${Package} ${db:Status-Status}\n' 2>/dev/null | sed -n 's/ installed$//p' || true)
    packages | cut -f1 | { grep -vxF -f <(printf '%s\n' "$installed") || true; }
}

# --- as root -------------------------------------------------------------------------------------------------------------

# Packages of servers start them and create a cluster on installation; what runs here is private, so neither is wanted.
undo=()
keep_servers_off() {
    local policy=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.conf
    if [ ! -e "$policy" ]; then
        undo+=("$policy")
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    if [ ! -e "$cluster" ]; then
        mkdir -p "${cluster%/*}"
        printf '# Written before postgresql was installed for a private cluster only.\ncreate_main_cluster = false\n' >"$cluster"
    fi
}

# Nor at the next boot.
keep_off_at_boot() { ! command -v systemctl >/dev/null || systemctl --quiet disable "$1" >/dev/null 2>&1 || true; }

apt() { DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o APT::Color=0 "$@"; }

apt_update() {
    echo "bootstrap: reading the package lists"
    apt update || die "apt-get update failed: is the network there?"
}

install_packages() {
    local log fresh=no redis_was_there=no
    log=$(mktemp)
    [ -e /usr/bin/redis-server ] && redis_was_there=yes
    undo+=("$log")
    trap 'rm -f "${undo[@]}"' EXIT
    keep_servers_off
    compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || { apt_update; fresh=yes; }
    if ! apt install --no-install-recommends "$@" >"$log" 2>&1; then
        [ "$fresh" = yes ] || apt_update
        apt install --no-install-recommends "$@" >"$log" 2>&1 || { tail -n 5 "$log" >&2; die "apt-get could not install: $*"; }
    fi
    [ "$redis_was_there" = yes ] || keep_off_at_boot redis-server
    [[ " $* " != *" haproxy "* ]] || keep_off_at_boot haproxy
    [[ " $* " != *" nginx-light "* ]] || keep_off_at_boot nginx
}

# --- as anybody -----------------------------------------------------------------------------------------------------------

announce() {
    local name why
    echo "bootstrap: installing $# Debian packages:"
    packages | while IFS=$'\t' read -r name why; do
        [[ " $* " != *" $name "* ]] || printf '  %-21s %s\n' "$name" "$why"
    done
}

# sudo drops the proxy settings of the environment: hand them over.
through_sudo() {
    local settings
    mapfile -t settings < <(env | grep -iE '^(https?_proxy|no_proxy)=' || true)
    sudo env "${settings[@]}" bash "$here/bootstrap.sh" "${more[@]}" || exit 1
}

main() {
    local missing
    command -v apt-get >/dev/null || die "needs Debian's apt-get; elsewhere install the counterparts of deploy/packages.txt"
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" = 0 ]; then
        announce "${missing[@]}"
        install_packages "${missing[@]}"
        echo "bootstrap: done"
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        through_sudo
    else
        die "needs root; run: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    fi
}

main
