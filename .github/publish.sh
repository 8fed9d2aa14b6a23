#!/usr/bin/env bash
# Builds, pushes and signs the images that the registry does not have, and writes all digests, a line an image: its tag,
# and its name by digest. A release's tag means one thing for ever, so what is there is left alone. What they are built with
# is an output of its own, by digest too.
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
by_digest() { local digest; digest=$(digest "$1") && echo "$1@$digest"; }

images=$(bake --print | jq --raw-output '.target | to_entries[] | "\(.key) \(.value.tags[0])"')
lacking=()
while read -r target image; do
  if ! answer=$(digest "$image" 2>&1); then
    # Any other error is no proof that it is not there.
    [[ $answer == *"not found"* ]] || { echo "cannot ask the registry for $image: $answer" >&2; exit 1; }
    lacking+=("$target")
  fi
done <<<"$images"
bases=()
if [ ${#lacking[@]} != 0 ]; then
  # Asked once: a tag that moves meanwhile does not part the images of one release.
  rust=$(by_digest "$(sed -n 's/^ARG RUST_IMAGE=//p' docker/Dockerfile)")
  SBOM_GENERATOR=$(by_digest "$(sed -n '/^variable "SBOM_GENERATOR"/,/^}/s/^  default = "\(.*\)"$/\1/p' docker/docker-bake.hcl)")
  export SBOM_GENERATOR
  bases=("$rust" "$SBOM_GENERATOR")
  bake --push --set "*.args.RUST_IMAGE=$rust" "${lacking[@]}"
fi

while read -r target image; do
  name=${image%:*}@$(digest "$image")
  [[ " ${lacking[*]} " != *" $target "* ]] || cosign sign --yes "$name" </dev/null >&2
  echo "$image $name"
done <<<"$images" >"$digests"

if [ -n "${GITHUB_OUTPUT:-}" ]; then
  {
    echo 'digests<<END'; cat "$digests"; echo END
    echo 'bases<<END'; printf '%s\n' "${bases[@]}"; echo END
  } >>"$GITHUB_OUTPUT"
fi
