# What a run of release.sh tells: its stages, why it stopped, and a report of both. It is read by release.sh, and takes
# from it $directory, where a run keeps what it has seen, and what stands in its note.

# Begins a stage: the one before has passed.
begin() {
  [ -z "${stage:-}" ] || echo "$stage passed $(($(date +%s) - began))" >>"$directory/stages"
  stage=$1
  began=$(date +%s)
}

# Says why a run stops, in a sentence or in the lines that come in.
because() {
  say "why: $*"
  echo "$*" >>"$directory/why"
}
explain() { sed 's/^  *//; s/^/   /' | tee -a "$directory/why"; }

# The verdict of the shoppers in words: what chance alone would do, were both releases alike.
chances() {
  awk '
    function tell(name, what,    p) {
      if (!match($0, name " p = [0-9.e+-]+")) return
      p = substr($0, RSTART + length(name " p = "), RLENGTH - length(name " p = ")) + 0
      how_often = p < 1e-9 ? "less than once in a billion canaries" : sprintf("once in %.0f canaries", 1 / p)
      print "if both were alike, chance alone would show " what " " how_often
    }
    / (fails more often|is slower)/ && / p = / {
      finding = $0
      sub(/ \(errors p = .*/, "", finding)
      sub(/^ */, "", finding)
      print finding ":"
      if (finding ~ /fails more often/) tell("errors", "this many more errors")
      if (finding ~ /is slower/) tell("latency", "answers so much slower")
    }' "$1"
}

# Text within quotes of JSON, and within XML: without what neither may hold.
json() {
  tr -d '\000-\010\013-\037' | sed "s/\\\\/\\\\\\\\/g; s/\"/\\\\\"/g; s/$(printf '\t')/\\\\t/g" \
    | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }'
}
xml() { tr -d '\000-\010\013-\037' | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g'; }

# Writes REPORT.json, REPORT.xml and REPORT.md: `report released`, or `report stopped`.
report() {
  [ -n "${REPORT:-}" ] || return 0
  outcome=passed
  [ "$1" = released ] || outcome=stopped
  echo "$stage $outcome $(($(date +%s) - began))" >>"$directory/stages"
  touch "$directory/why" "$directory/shoppers"
  report_json "$1" >"$REPORT.json"
  report_junit >"$REPORT.xml"
  report_markdown "$1" >"$REPORT.md"
}

report_json() {
  printf '{\n'
  for each in "service=$service" "deployment=$deployment" "release=$new" "before=$old" "result=$1"; do
    printf '  "%s": "%s",\n' "${each%%=*}" "$(echo "${each#*=}" | json)"
  done
  printf '  "stages": [\n'
  awk '{ printf "%s    { \"stage\": \"%s\", \"outcome\": \"%s\", \"seconds\": %d }", (NR > 1 ? ",\n" : ""), $1, $2, $3 }' "$directory/stages"
  printf '\n  ],\n  "why": "%s",\n' "$(json <"$directory/why")"
  printf '  "shoppers": "%s"\n}\n' "$(json <"$directory/shoppers")"
}

# A test case for each stage; those that were not reached are skipped.
report_junit() {
  failures=$(grep -c ' stopped ' "$directory/stages" || true)
  printf '<?xml version="1.0" encoding="UTF-8"?>\n'
  printf '<testsuites>\n<testsuite name="%s" tests="6" failures="%s" skipped="%s" time="%s">\n' "release $deployment" "$failures" \
    "$((6 - $(wc -l <"$directory/stages")))" "$(awk '{ sum += $3 } END { print sum }' "$directory/stages")"
  for each in deploy try canary memory verdict release; do
    seconds=$(sed -n "s/^$each [a-z]* //p" "$directory/stages")
    printf '<testcase classname="%s" name="%s" time="%s">' "$deployment" "$each" "${seconds:-0}"
    if grep -q "^$each stopped " "$directory/stages"; then
      printf '<failure message="stopped at %s">%s</failure>' "$each" "$(xml <"$directory/why")"
    elif [ -z "$seconds" ]; then
      printf '<skipped/>'
    fi
    printf '</testcase>\n'
  done
  printf '<system-out>%s</system-out>\n</testsuite>\n</testsuites>\n' "$(xml <"$directory/shoppers")"
}

report_markdown() {
  if [ "$1" = released ]; then
    printf '### %s is released for %s\n\nBefore it was %s.\n' "$new" "$service" "$old"
  else
    printf '### %s stopped at %s for %s\n\n%s stays in production.\n' "$new" "$stage" "$service" "$old"
  fi
  printf '\n| stage | outcome | seconds |\n| --- | --- | --- |\n'
  sed 's/ / | /g; s/^/| /; s/$/ |/' "$directory/stages"
  # Indented, so that no text within ends the block.
  [ ! -s "$directory/why" ] || { printf '\nWhy:\n\n'; sed 's/^/    /' "$directory/why"; }
  [ ! -s "$directory/shoppers" ] || { printf '\nWhat the shoppers saw:\n\n'; sed 's/^/    /' "$directory/shoppers"; }
}
