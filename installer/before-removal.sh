#!/bin/sh
# Runs before the package is removed: prerm of Debian packages (its argument is "remove"), %preun of
# RPM packages (it is the number of versions that are left). Not when the package is upgraded.
#
# Erases the profiles of every user of this computer. What was not sent yet stays, sealed so that
# only the organisation's recovery secret opens it. Never keeps a package from being removed.
set -eu

case "${1:-}" in
    remove | 0) ;;
    *) exit 0 ;;
esac

program="${ROUNDS_PROGRAM:-/usr/bin/rounds}"
[ -x "$program" ] || exit 0

getent passwd | while IFS=: read -r user _ id _ _ home _; do
    [ -d "$home/.local/share/rounds/profiles" ] || continue
    # The user's keychain is reached where the user is logged in.
    runuser -u "$user" -- env "HOME=$home" "XDG_RUNTIME_DIR=/run/user/$id" \
        "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$id/bus" \
        "$program" --erase-profiles </dev/null ||
        echo "rounds: not every profile of $user was erased" >&2
done
exit 0
