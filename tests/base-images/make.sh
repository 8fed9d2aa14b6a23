#!/bin/sh
# Makes stand-ins of base images, for machines that reach no image registry: Debian from its own packages, with the Rust
# toolchain of this machine, or PostgreSQL with an entry point that knows three of the real image's variables.
#
#   make.sh rust:1.95-bookworm FOLDER
#
# It imports the image under the name that docker/ asks for, so it is only run on an engine that was started for the
# tests. Needs root, debootstrap and docker (or $DOCKER).
set -eu
image=$1
folder=$2
here=$(dirname "$0")
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

case $image in
  rust:*) packages=gcc,libc6-dev,ca-certificates ;;
  postgres:*) packages=postgresql,ca-certificates ;;
  *)
    echo "make.sh knows rust:TAG and postgres:TAG, not $image" >&2
    exit 2
    ;;
esac

root=$folder/root-$(echo "$image" | tr :/ --)
rm -rf "$root"
mkdir -p "$root"
debootstrap --variant=minbase --include="$packages" bookworm "$root"
# The machine's own certificates: it may reach the package registries through a proxy.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"

case $image in
  rust:*)
    toolchain=$(rustc --print sysroot)
    mkdir -p "$root/usr/local/rust"
    for part in bin lib libexec; do
      [ ! -e "$toolchain/$part" ] || cp -a "$toolchain/$part" "$root/usr/local/rust/"
    done
    set -- --change "ENV PATH=/usr/local/rust/bin:$path" --change 'ENV CARGO_HOME=/usr/local/cargo'
    ;;
  postgres:*)
    install -m 755 "$here/postgres-entrypoint.sh" "$root/entrypoint.sh"
    set -- --change "ENV PATH=/usr/lib/postgresql/15/bin:$path" --change 'ENTRYPOINT ["/entrypoint.sh"]' \
      --change 'EXPOSE 5432' --change 'VOLUME /var/lib/postgresql/data'
    ;;
esac

tar -c -C "$root" . | "${DOCKER:-docker}" import "$@" - "$image"
rm -rf "$root"
