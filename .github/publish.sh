#!/usr/bin/env bash
# Builds, pushes and signs the images that the registry does not have, and writes all digests, a line an image: its tag,
# and its name by digest. A release's tag means one thing for ever, so what is there is left alone.
#
#   OWNER=vampio .github/publish.sh digests.txt
set -euo pipefail
digests=$1
# Names of images are in small letters; names of owners need not be.
export REGISTRY=ghcr.io/ ORGANIZATION=${OWNER,,}
REVISION=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
CREATED=$(date --utc --date "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
export REVISION SOURCE_DATE_EPOCH CREATED
bake() { docker buildx bake --file docker/docker-bake.hcl "$@"; }
digest() { docker buildx imagetools inspect "$1" --format '{{.Manifest.Digest}}' </dev/null; }

images=$(bake --print | jq --raw-output '.target | to_entries[] | "\(.key) \(.value.tags[0])"')
lacking=()
while read -r target image; do
  if ! answer=$(digest "$image" 2>&1); then
    # Any other error is no proof that it is not there.
    [[ $answer == *"not found"* ]] || { echo "cannot ask the registry for $image: $answer" >&2; exit 1; }
    lacking+=("$target")
  fi
done <<<"$images"
[ ${#lacking[@]} = 0 ] || bake --push "${lacking[@]}"

while read -r target image; do
  by_digest=${image%:*}@$(digest "$image")
  [[ " ${lacking[*]} " != *" $target "* ]] || cosign sign --yes "$by_digest" </dev/null >&2
  echo "$image $by_digest"
done <<<"$images" >"$digests"

if [ -n "${GITHUB_OUTPUT:-}" ]; then
  { echo 'digests<<END'; cat "$digests"; echo END; } >>"$GITHUB_OUTPUT"
fi
