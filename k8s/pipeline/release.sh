#!/bin/sh
# Brings out a release, or stops it: deploy, try, canary, memory, verdict, then release or roll back.
#
#   k8s/pipeline/release.sh MANIFEST SERVICE
#   k8s/pipeline/release.sh k8s/tutorial/sava-product-2.0.1.yml sava-product
#
# MANIFEST is a Deployment with the labels app and version, and SERVICE the Service whose selector says which version is
# in production. Exit code 0: released; 1: stopped, and everything is as it was, but for what a release did to the data
# (then it says so); 2: refused, and nothing was done.
#
# A run notes on the Service, in the annotation sava.example/run, what was so before: whoever finds a note that nobody
# renews any more ends what that run left.
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
# SHOPPERS    command that shops and judges                    [the image sava-shoppers]
# KUBECTL     kubectl, with a context if need be               [kubectl]
# REPORT      where to write a report: REPORT.json, REPORT.xml (JUnit) and REPORT.md  [nowhere]
set -eu

fail() { echo "$*" >&2; exit 2; }
[ $# = 2 ] || fail "usage: $0 MANIFEST SERVICE"
manifest=$1 service=$2
[ -f "$manifest" ] || fail "there is no manifest $manifest"
registry=${REGISTRY:-vampio}
kubectl="${KUBECTL:-kubectl} --namespace ${NAMESPACE:-vampio-organization-environment}"
contract=${CONTRACT:-docker run --rm --network host $registry/sava-contract:3.0.0}
shoppers=${SHOPPERS:-docker run --rm --network host $registry/sava-shoppers:3.0.0}
pods=${PODS:-3}

of_manifest() { sed "s|image: vampio/|image: $registry/|" "$manifest" | $kubectl create --dry-run=client -f - -o "$1" 2>/dev/null; }
field() { of_manifest "jsonpath={$1}"; }
new=$(field .metadata.labels.version)
app=$(field .metadata.labels.app)
deployment=$(field .metadata.name)
[ -n "$new" ] && [ -n "$app" ] || fail "$manifest has no labels app and version"

say() { echo "== $*"; }
. "$(dirname "$0")/report.sh"
of_service() { $kubectl get service "$service" -o "jsonpath={$1}"; }
replicas() { $kubectl get deployment "$1" -o 'jsonpath={.spec.replicas}'; }
select_version() { $kubectl patch service "$service" --type=merge -p "{\"spec\":{\"selector\":{\"version\":$1}}}"; }

# A long command: in the background, as a shell hears a signal only when what it waits for in the foreground has ended.
child=
run() {
  "$@" &
  child=$!
  echo "$child" >"$directory/child.pid"
  status=0
  wait "$child" || status=$?
  child=
  return $status
}

# The note: words such as selector=1.0.3.
of_note() { echo "$note" | tr ' ' '\n' | sed -n "s/^$1=//p"; }
renewed() { of_service '.metadata.annotations.sava\.example/renewed'; }

# Whether the run of the note is at work: it renews the note every five seconds, from whichever machine.
is_at_work() {
  say "a run of $(of_note user)@$(of_note host) has noted $(of_note deployment) on $service: is it still at work?"
  first=$(renewed)
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    sleep 1
    [ "$(renewed)" = "$first" ] || return 0
  done
  return 1
}

# What the pods have to find, a line each: secret sava-cart COOKIE_KEY.
needs() {
  keys='{{range .env}}{{with .valueFrom}}{{with .secretKeyRef}}{{if not .optional}}secret {{.name}} {{.key}}{{"\n"}}{{end}}{{end}}{{with .configMapKeyRef}}{{if not .optional}}configmap {{.name}} {{.key}}{{"\n"}}{{end}}{{end}}{{end}}{{end}}'
  whole='{{range .envFrom}}{{with .secretRef}}{{if not .optional}}secret {{.name}}{{"\n"}}{{end}}{{end}}{{with .configMapRef}}{{if not .optional}}configmap {{.name}}{{"\n"}}{{end}}{{end}}{{end}}'
  sources='{{with .secret}}{{if not .optional}}secret {{or .secretName .name}}{{"\n"}}{{end}}{{end}}{{with .configMap}}{{if not .optional}}configmap {{.name}}{{"\n"}}{{end}}{{end}}'
  volumes="{{range .volumes}}$sources{{with .projected}}{{range .sources}}$sources{{end}}{{end}}{{with .persistentVolumeClaim}}persistentvolumeclaim {{.claimName}}{{\"\\n\"}}{{end}}{{end}}"
  of_manifest "go-template={{with .spec.template.spec}}{{range .initContainers}}$keys$whole{{end}}{{range .containers}}$keys$whole{{end}}$volumes{{with .serviceAccountName}}serviceaccount {{.}}{{\"\\n\"}}{{end}}{{end}}"
}

# Refuses a manifest whose pods could not start, and says all that they lack.
check_needs() {
  lacking=$(needs | sort -u | while read -r kind name key; do
    if found=$($kubectl get "$kind" "$name" -o 'go-template={{range $key, $_ := .data}}{{$key}} {{end}}' 2>&1); then
      case " $found " in *" $key "* | *"<no value>"*) ;; *) [ -z "$key" ] || echo "the key $key in the $kind $name" ;; esac
    else
      # Who may not read Secrets can release all the same.
      case $found in *NotFound*) echo "the $kind $name" ;; *) say "cannot look for the $kind $name: $found" >&2 ;; esac
    fi
  done)
  [ -z "$lacking" ] || fail "$manifest needs what is not there: nothing was done. It lacks
$(echo "$lacking" | sed 's/^/  /')"
}

# Makes it what it was before the run of the note. What cannot be undone must not keep the rest from being undone; then
# the note stays, for the next run.
undo() {
  undone=yes
  select_version "\"$(of_note selector)\"" || undone=no
  for scaled in $(of_note replicas | tr , ' '); do
    $kubectl scale "deployment/${scaled%:*}" --replicas="${scaled##*:}" || undone=no
  done
  # Only what that run has made itself.
  made=$($kubectl get deployment "$(of_note deployment)" --ignore-not-found -o 'jsonpath={.metadata.annotations.sava\.example/run}') || undone=no
  if [ -n "$made" ] && [ "$made" = "$(of_note id)" ]; then
    $kubectl delete deployment "$(of_note deployment)" --ignore-not-found || undone=no
  fi
  [ "$undone" = no ] || $kubectl annotate service "$service" sava.example/run- sava.example/renewed- >/dev/null
}

# Refuses a release that narrows the database (its annotation sava.example/needs-at-least) while a pod of an older
# release than that uses the same one, or while the Job that prepares it (needs-job) has not run to its end. Whether
# it has left nothing to do the release itself looks, before it serves.
check_data() {
  oldest=$(field '.metadata.annotations.sava\.example/needs-at-least')
  [ -n "$oldest" ] || return 0
  uses='{{range .spec.containers}}{{range .env}}{{if eq .name "DATABASE_URL"}}{{with .value}}{{.}}{{end}}{{with .valueFrom}}{{with .secretKeyRef}}{{.name}}/{{.key}}{{end}}{{end}}{{end}}{{end}}{{end}}'
  database=$(of_manifest "go-template={{with .spec.template}}$uses{{end}}")
  too_old=$($kubectl get pods -l "app=$app" -o "go-template={{range .items}}{{.metadata.name}} {{.metadata.labels.version}} $uses{{\"\\n\"}}{{end}}" \
    | while read -r pod version used; do
      first=$(printf '%s\n' "$oldest" "$version" | sort -V | head -n 1)
      [ "$used" != "$database" ] || [ "$first" = "$oldest" ] || echo "  $pod, of $version"
    done)
  [ -z "$too_old" ] || fail "$new narrows the database $database, and pods use it that are older than $oldest: nothing was done. They would take no more orders:
$too_old
Scale their Deployments to 0, and run the Job that fills what they wrote (again)"
  job=$(field '.metadata.annotations.sava\.example/needs-job')
  [ -n "$job" ] || return 0
  complete=$($kubectl get job "$job" --ignore-not-found -o 'jsonpath={.status.conditions[?(@.type=="Complete")].status}')
  [ "$complete" = True ] || fail "$new needs that the Job $job has run to its end, after the last pod that is older than $oldest: nothing was done"
}

[ -z "${REPORT:-}" ] || touch "$REPORT.md" || fail "no report can be written to $REPORT.md"
stage=
note=$(of_service '.metadata.annotations.sava\.example/run') || fail "there is no Service $service"
if [ -n "$note" ]; then
  ! is_at_work || fail "$(of_note user)@$(of_note host) is bringing out $(of_note deployment) for $service at this moment (process $(of_note pid)): nothing was done"
  say "an earlier run was cut off while it brought out $(of_note deployment): ending what it left"
  undo
fi
old=$(of_service .spec.selector.version)
[ -n "$old" ] || fail "the selector of $service names no version: say first which release is in production"
[ "$old" != "$new" ] || fail "$new is in production already"
locale=$(of_service .spec.selector.locale)
labels="app=$app${locale:+,locale=$locale}"
old_deployment=$($kubectl get deployments -l "$labels,version=$old" -o 'jsonpath={.items[*].metadata.name}')
old_deployment=${old_deployment%% *}
[ -n "$old_deployment" ] || fail "no Deployment has the labels $labels,version=$old, which $service selects"
others=$($kubectl get deployments -l "$labels,version notin ($old,$new)" -o 'jsonpath={.items[*].metadata.name}')

# A release may be deployed already: as the way back, say. It is used as it is, or left alone.
already=$($kubectl get deployment "$deployment" --ignore-not-found -o name)
if [ -n "$already" ]; then
  sed "s|image: vampio/|image: $registry/|" "$manifest" \
    | $kubectl patch --local -f - -p "{\"spec\":{\"replicas\":$(replicas "$deployment")}}" -o yaml \
    | $kubectl diff -f - \
    || fail "$deployment is deployed already, and not as $manifest says (see above): nothing was done. Give the release another number, or delete that Deployment if nobody needs it"
fi

check_needs
check_data

id=$$-$(date +%s)
seen=$(of_service .metadata.resourceVersion)
scaled=
for each in $old_deployment $others ${already:+$deployment}; do scaled="${scaled:+$scaled,}$each:$(replicas "$each")"; done
note="id=$id user=$(id -un) host=$(uname -n) pid=$$ deployment=$deployment selector=$old replicas=$scaled"

directory=$(mktemp -d)
noted=no
proxy=
watch=
signal=
begin deploy

# What keeps the pods of the new release from being ready, as far as the cluster knows.
reasons() {
  $kubectl get pods -l "$labels,version=$new" -o 'go-template={{range .items}}{{$pod := .metadata.name}}{{range .status.containerStatuses}}{{with .state.waiting}}{{$pod}} waits: {{.reason}} {{.message}}{{"\n"}}{{end}}{{with .lastState.terminated}}{{$pod}} ended: {{.reason}}, exit code {{.exitCode}}{{"\n"}}{{end}}{{end}}{{end}}' | sed 's/ <no value>$//'
  for each in $($kubectl get pods -l "$labels,version=$new" -o 'jsonpath={.items[*].metadata.name}'); do
    $kubectl get events --field-selector "involvedObject.name=$each,type=Warning" -o 'jsonpath={range .items[*]}{.reason}: {.message}{"\n"}{end}' 2>/dev/null | tail -n 3
    # One that never began, or is gone, has none.
    log=$($kubectl logs "$each" --tail=3 2>/dev/null || true)
    [ -z "$log" ] || echo "the last lines of its log:
$log"
  done
}

stop() {
  trap - EXIT
  # The way back is gone to its end, whatever fails on it.
  trap '' HUP INT TERM
  # Those that have ended by themselves need no end.
  for process in $child $proxy $watch; do kill "$process" 2>/dev/null || true; done
  if [ "$noted" = yes ] && [ "$stage" != released ]; then
    say "stopped at: $stage; $old stays in production"
    [ -z "$signal" ] || because "it got the signal $signal"
    # Where this fails kubectl has said why; the pods are still to be put back.
    select_version "\"$(of_note selector)\"" >/dev/null || true
    # Before the pods are gone.
    case $stage$signal in deploy | memory | release) reasons | explain ;; esac
    undo
    # All is undone: a report that cannot be written changes nothing of that.
    report stopped || true
    rm -rf "$directory"
    exit 1
  fi
  rm -rf "$directory"
}
trap stop EXIT
for each in HUP INT TERM; do
  # shellcheck disable=SC2064 # its name now
  trap "signal=$each; exit 1" "$each"
done

# Renews the note; and if this run is killed, ends the processes that it started.
watch_over() {
  while kill -0 $$ 2>/dev/null; do
    # What fails once is tried again in five seconds, long before the note is old.
    $kubectl annotate --overwrite service "$service" "sava.example/renewed=$(date +%s)" || true
    sleep 5
  done
  # Those that have ended by themselves need no end.
  for file in "$directory"/*.pid; do kill "$(cat "$file")" || true; done
  rm -rf "$directory"
}

# Of two runs that begin at the same moment, the second finds that the Service is not as it has seen it.
$kubectl annotate service "$service" "sava.example/run=$note" --resource-version="$seen" >/dev/null \
  || fail "somebody else has just changed $service: nothing was done"
noted=yes
watch_over >/dev/null 2>&1 &
watch=$!

if [ -n "$already" ]; then
  say "$deployment is deployed already, as $manifest says: going on with it"
  $kubectl scale "deployment/$deployment" --replicas=1
else
  say "deploy $deployment, with no traffic"
  # Pods of an earlier run may be on their way out; that there is none, or that one stays, is no reason to stop.
  run $kubectl wait --for=delete pod -l "$labels,version=$new" --timeout=60s >/dev/null 2>&1 || true
  sed "s|image: vampio/|image: $registry/|" "$manifest" \
    | $kubectl annotate --local -f - "sava.example/run=$id" -o yaml \
    | $kubectl create -f - 2>"$directory/refusal" || {
    because "the cluster does not take it:"
    explain <"$directory/refusal"
    exit 1
  }
fi
run $kubectl rollout status "deployment/$deployment" --timeout="${TIMEOUT:-120s}" \
  || { because "no pod of it was ready within ${TIMEOUT:-120s}"; exit 1; }

begin try
$kubectl proxy --port=0 >"$directory/proxy" &
proxy=$!
echo "$proxy" >"$directory/proxy.pid"
tries=0
until grep -q 127.0.0.1 "$directory/proxy"; do
  tries=$((tries + 1))
  [ $tries -lt 100 ] || { because "kubectl proxy does not begin"; exit 1; }
  sleep 0.1
done
api="http://localhost:$(sed 's/.*://' "$directory/proxy")/api/v1/namespaces/${NAMESPACE:-vampio-organization-environment}"
pod=$($kubectl get pods -l "$labels,version=$new" -o 'jsonpath={.items[0].metadata.name}')
admin=$($kubectl get pod "$pod" -o 'jsonpath={.spec.containers[0].ports[?(@.name=="admin")].containerPort}')
if [ "$app" = sava-product ] && [ "${RULES:-}" != none ]; then
  say "try it at its pod: does it keep the contract?"
  rules=
  for rule in ${RULES:-negotiation/accept-each-version representations/v1- representations/v2- representations/v3- representations/versions-}; do rules="$rules --rule $rule"; done
  # shellcheck disable=SC2086 # a list of words, as commands are
  check_contract() { run $contract $rules "$api/pods/$pod/proxy/" >"$directory/contract"; }
  # One unlucky request decides nothing.
  check_contract || {
    say "not this time: once more"
    check_contract
  } || {
    because "it does not keep the contract, in these rules:"
    grep -A 1 '^FAIL' "$directory/contract" | explain
    exit 1
  }
  tail -n 1 "$directory/contract"
else
  say "try it at its pod: does it answer?"
  # One unlucky request decides nothing.
  run curl -sSf --retry 5 --retry-delay 1 -o /dev/null "$api/pods/$pod/proxy/" 2>"$directory/curl" || {
    because "it does not answer, six times in a row:"
    explain <"$directory/curl"
    exit 1
  }
fi

# What a release does to the data when it starts shows at the store fronts that were there before: each tries every
# five seconds whether orders can be written. The canary would show only that they are worse than the new release.
if [ "$app" = sava-cart ]; then
  say "do the pods of $old take orders beside it?"
  run sleep 7
  for each in $($kubectl get pods -l "$labels,version=$old" -o 'jsonpath={.items[*].metadata.name}'); do
    # One unlucky look decides nothing: what it says now is looked at until it has tried again.
    tries=0
    while curl -sS "$api/pods/$each:$admin/proxy/readyz?verbose" 2>&1 | grep -q '"orders":{"ok":false'; do
      tries=$((tries + 1))
      [ $tries -lt 8 ] || {
        because "$each, of $old, takes no orders beside it. What $new did to the data stays, until \`sava-cart migrate --undo\` of it takes it back"
        exit 1
      }
      run sleep 1
    done
  done
fi

begin canary
# The share is that of the pods, so no third release may have any.
for other in $others; do $kubectl scale "deployment/$other" --replicas=0; done
$kubectl scale "deployment/$old_deployment" --replicas="$pods"
run $kubectl rollout status "deployment/$old_deployment" --timeout="${TIMEOUT:-120s}" \
  || { because "the $pods pods of $old were not ready within ${TIMEOUT:-120s}"; exit 1; }
say "canary: one pod of $((pods + 1)) is $new"
select_version null

shops=
for shop in ${SHOPS:-sava-cart-ie sava-cart-uk}; do shops="$shops $api/services/$shop/proxy/"; done
verdict=0
# shellcheck disable=SC2086 # a list of words, as commands are
run $shoppers --for="${CANARY:-60s}" --rate="${RATE:-20}" --mix="${MIX:-browse=2,search=1,fill=1,buy=6}" $shops >"$directory/shoppers" || verdict=$?
cat "$directory/shoppers"

begin memory
# What shoppers hardly see: a pod that grows until its limit ends it, and is started again.
restarts=$($kubectl get pod "$pod" -o 'jsonpath={.status.containerStatuses[0].restartCount}')
[ "$restarts" = 0 ] || { because "$pod was started again, $restarts times"; exit 1; }
memory=$(curl -sSf --retry 5 --retry-delay 1 "$api/pods/$pod:$admin/proxy/metrics" | awk '/^process_resident_memory_bytes / { printf "%d", $2 / 1e6 }')
[ -n "$memory" ] || { because "$pod does not tell its memory at a port with the name admin"; exit 1; }
say "$pod uses $memory MB of memory; it may use ${MEMORY:-50}"
[ "$memory" -le "${MEMORY:-50}" ] || { because "$pod uses $memory MB of memory, and may use ${MEMORY:-50}"; exit 1; }

begin verdict
case $verdict in
  0) ;;
  1) chances "$directory/shoppers" | explain; exit 1 ;;
  3) because "too little was seen of $new to release it: a longer CANARY or a higher RATE shows more"; exit 1 ;;
  *) because "the shoppers could not shop (exit code $verdict)"; exit 1 ;;
esac

begin release
say "release $new"
$kubectl scale "deployment/$deployment" --replicas="$pods"
run $kubectl rollout status "deployment/$deployment" --timeout="${TIMEOUT:-120s}" \
  || { because "its $pods pods were not ready within ${TIMEOUT:-120s}"; exit 1; }
# Released and noted no more, in one step.
unnoted='"metadata":{"annotations":{"sava.example/run":null,"sava.example/renewed":null}}'
$kubectl patch service "$service" --type=merge -p "{$unnoted,\"spec\":{\"selector\":{\"version\":\"$new\"}}}"
# It is released, whether or not that can be written down.
report released || true
stage=released
kill "$watch" 2>/dev/null || true
# One pod of the old release is the way back; all others are as before.
for scaled in $(of_note replicas | tr , ' '); do
  case ${scaled%:*} in
    "$old_deployment") $kubectl scale "deployment/$old_deployment" --replicas=1 ;;
    "$deployment") ;;
    *) $kubectl scale "deployment/${scaled%:*}" --replicas="${scaled##*:}" ;;
  esac
done
say "released: $new; the way back is: kubectl patch service $service --type=merge -p '{\"spec\":{\"selector\":{\"version\":\"$old\"}}}'"
