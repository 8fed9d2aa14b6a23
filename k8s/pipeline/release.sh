#!/bin/sh
# Brings out a release, or stops it: deploy, try, canary, memory, verdict, then release or roll back.
#
#   k8s/pipeline/release.sh MANIFEST SERVICE
#   k8s/pipeline/release.sh k8s/tutorial/sava-product-2.0.1.yml sava-product
#
# MANIFEST is a Deployment with the labels app and version, and SERVICE the Service whose selector says which version is
# in production. Exit code 0: released; 1: stopped, and everything is as it was; 2: wrong usage, and nothing was done.
#
# NAMESPACE   where                                            [vampio-organization-environment]
# REGISTRY    where the images are, instead of `vampio`        [vampio]
# PODS        pods of a release in production                  [3]
# CANARY      how long the canary is watched                   [60s]
# RATE        requests a second of the pretend shoppers        [20]
# MIX         what they come for: mostly to buy: it asks most [browse=2,search=1,fill=1,buy=6]
# SHOPS       Services of the store fronts that they shop in   [sava-cart-ie sava-cart-uk]
# MEMORY      MB that its pod may use at the end of the canary  [50, where the alert begins]
# RULES       rules of the contract to check, or none          [those of the versions: a slow release takes long for all]
# CONTRACT    command that checks a product API at a URL       [the image sava-contract]
# SHOPPERS    command that shops and judges                    [the image sava-cart]
# KUBECTL     kubectl, with a context if need be               [kubectl]
set -eu

fail() { echo "$*" >&2; exit 2; }
[ $# = 2 ] || fail "usage: $0 MANIFEST SERVICE"
manifest=$1 service=$2
[ -f "$manifest" ] || fail "there is no manifest $manifest"
registry=${REGISTRY:-vampio}
kubectl="${KUBECTL:-kubectl} --namespace ${NAMESPACE:-vampio-organization-environment}"
contract=${CONTRACT:-docker run --rm --network host $registry/sava-contract:3.0.0}
shoppers=${SHOPPERS:-docker run --rm --network host $registry/sava-cart:3.0.0 shoppers}
pods=${PODS:-3}

field() { sed "s|image: vampio/|image: $registry/|" "$manifest" | $kubectl create --dry-run=client -f - -o "jsonpath={$1}" 2>/dev/null; }
new=$(field .metadata.labels.version)
app=$(field .metadata.labels.app)
deployment=$(field .metadata.name)
[ -n "$new" ] && [ -n "$app" ] || fail "$manifest has no labels app and version"
old=$($kubectl get service "$service" -o 'jsonpath={.spec.selector.version}') || fail "there is no Service $service"
[ -n "$old" ] || fail "the selector of $service names no version: say first which release is in production"
[ "$old" != "$new" ] || fail "$new is in production already"
locale=$($kubectl get service "$service" -o 'jsonpath={.spec.selector.locale}')
labels="app=$app${locale:+,locale=$locale}"
old_deployment=$($kubectl get deployments -l "$labels,version=$old" -o 'jsonpath={.items[0].metadata.name}')

select_version() { $kubectl patch service "$service" --type=merge -p "{\"spec\":{\"selector\":{\"version\":$1}}}"; }
say() { echo "== $*"; }

directory=$(mktemp -d)
proxy=
stage=deploy
stop() {
  trap - EXIT INT TERM
  # What cannot be undone, perhaps for it is gone already, must not keep the rest from being undone.
  [ -z "$proxy" ] || kill "$proxy" 2>/dev/null || true
  rm -rf "$directory"
  if [ "$stage" != released ]; then
    say "stopped at: $stage; $old stays in production"
    select_version "\"$old\"" || true
    $kubectl delete deployment "$deployment" --ignore-not-found || true
    exit 1
  fi
}
trap stop EXIT
trap 'exit 1' INT TERM

say "deploy $deployment, with no traffic"
sed "s|image: vampio/|image: $registry/|" "$manifest" | $kubectl create -f -
$kubectl rollout status "deployment/$deployment" --timeout="${TIMEOUT:-120s}"

stage=try
$kubectl proxy --port=0 >"$directory/proxy" &
proxy=$!
tries=0
until grep -q 127.0.0.1 "$directory/proxy"; do
  tries=$((tries + 1))
  [ $tries -lt 100 ] || exit 1
  sleep 0.1
done
api="http://localhost:$(sed 's/.*://' "$directory/proxy")/api/v1/namespaces/${NAMESPACE:-vampio-organization-environment}"
pod=$($kubectl get pods -l "$labels,version=$new" -o 'jsonpath={.items[0].metadata.name}')
if [ "$app" = sava-product ] && [ "${RULES:-}" != none ]; then
  say "try it at its pod: does it keep the contract?"
  rules=
  for rule in ${RULES:-3.1/accept-each-version 3.1/v1- 3.1/v2- 3.1/v3- 3.1/versions-}; do rules="$rules --rule $rule"; done
  # shellcheck disable=SC2086 # a list of words, as commands are
  $contract $rules "$api/pods/$pod/proxy/" >"$directory/contract" || { grep -A 1 '^FAIL' "$directory/contract"; exit 1; }
  tail -n 1 "$directory/contract"
else
  say "try it at its pod: does it answer?"
  curl -sSf -o /dev/null "$api/pods/$pod/proxy/"
fi

stage=canary
# The share is that of the pods, so no third release may have any.
for other in $($kubectl get deployments -l "$labels,version notin ($old,$new)" -o 'jsonpath={.items[*].metadata.name}'); do
  $kubectl scale "deployment/$other" --replicas=0
done
$kubectl scale "deployment/$old_deployment" --replicas="$pods"
$kubectl rollout status "deployment/$old_deployment" --timeout="${TIMEOUT:-120s}"
say "canary: one pod of $((pods + 1)) is $new"
select_version null

shops=
for shop in ${SHOPS:-sava-cart-ie sava-cart-uk}; do shops="$shops $api/services/$shop/proxy/"; done
verdict=0
# shellcheck disable=SC2086 # a list of words, as commands are
$shoppers --for="${CANARY:-60s}" --rate="${RATE:-20}" --mix="${MIX:-browse=2,search=1,fill=1,buy=6}" $shops || verdict=$?

stage=memory
# What shoppers hardly see: a pod that grows until its limit ends it, and is started again.
restarts=$($kubectl get pod "$pod" -o 'jsonpath={.status.containerStatuses[0].restartCount}')
[ "$restarts" = 0 ] || { say "$pod was started again, $restarts times: kubectl describe pod says why"; exit 1; }
admin=$($kubectl get pod "$pod" -o 'jsonpath={.spec.containers[0].ports[?(@.name=="admin")].containerPort}')
memory=$(curl -sSf "$api/pods/$pod:$admin/proxy/metrics" | awk '/^process_resident_memory_bytes / { printf "%d", $2 / 1e6 }')
[ -n "$memory" ] || { say "$pod does not tell its memory at a port with the name admin"; exit 1; }
say "$pod uses $memory MB of memory; it may use ${MEMORY:-50}"
[ "$memory" -le "${MEMORY:-50}" ] || exit 1

stage=verdict
case $verdict in
  0) ;;
  1) exit 1 ;;
  3) say "too little was seen of $new to release it"; exit 1 ;;
  *) say "the shoppers could not shop"; exit 1 ;;
esac

stage=release
say "release $new"
$kubectl scale "deployment/$deployment" --replicas="$pods"
$kubectl rollout status "deployment/$deployment" --timeout="${TIMEOUT:-120s}"
select_version "\"$new\""
$kubectl scale "deployment/$old_deployment" --replicas=1
stage=released
say "released: $new; the way back is: kubectl patch service $service --type=merge -p '{\"spec\":{\"selector\":{\"version\":\"$old\"}}}'"
