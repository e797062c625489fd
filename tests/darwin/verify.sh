#!/bin/bash
# For the owner of a Mac: does srt do there what docs/macos.md says? Five minutes, no root, nothing is left
# behind. Needs python3 (of Xcode's command line tools) and curl, both there.
#
#   tests/darwin/verify.sh [PATH/TO/srt]      default: the one in PATH
#
# Prints one line a case, and at the end `N passed, N failed, N skipped`; its status is 0 if nothing failed.
# What is expected stands in the line: all are to be ok. Please send the output of a failure with `sw_vers` and `srt --version`.
# shellcheck disable=SC2016  # many words are for a shell in the sandbox
set -u

SRT=${1:-$(command -v srt)}
[ "$(uname -s)" = Darwin ] || { echo "verify.sh: this is not a Mac"; exit 2; }
[ -x "$SRT" ] || { echo "verify.sh: no srt: give its path"; exit 2; }
SRT=$(cd "$(dirname "$SRT")" && pwd -P)/$(basename "$SRT")
RUNTIME=$(dirname "$SRT")/srt-runtime
WORK=$(cd "$(mktemp -d "${TMPDIR:-/tmp}/srt-verify.XXXXXX")" && pwd -P)
SERVER='' PASSED=0 FAILED=0 SKIPPED=0
cleanup() {
  [ -z "$SERVER" ] || kill "$SERVER" 2>/dev/null
  rm -rf "$WORK"
}
trap cleanup EXIT
export HOME=$WORK/home SRT_ROOT=$WORK/state
mkdir -p "$HOME" "$WORK/project/sub" "$WORK/secret" "$WORK/outside"
echo hidden >"$WORK/secret/key"
echo kept >"$WORK/outside/file"
cd "$WORK/project" || exit 2

# eventually COMMAND…: it succeeds within some seconds.
eventually() {
  local round
  for ((round = 0; round < 100; round++)); do
    "$@" && return 0
    python3 -c 'import select; select.select([], [], [], 0.05)'
  done
  return 1
}
ended() { ! kill -0 "$1" 2>/dev/null; }

pass() { PASSED=$((PASSED + 1)); printf 'ok    %s\n' "$1"; }
fail() { FAILED=$((FAILED + 1)); printf 'FAIL  %s\n        %s\n' "$1" "${2:-}"; }
skip() { SKIPPED=$((SKIPPED + 1)); printf 'skip  %s (%s)\n' "$1" "$2"; }

# expect STATUS TEXT NAME COMMAND…: it ends with that status, and TEXT stands in its output.
expect() {
  local status=$1 text=$2 name=$3 output got
  shift 3
  output=$("$@" 2>&1 </dev/null)
  got=$?
  if [ "$got" = "$status" ] && [[ $output == *"$text"* ]]; then pass "$name"; else
    fail "$name" "expected status $status with \"$text\", got $got: ${output:0:400}"
  fi
}
# refused NAME COMMAND…: the command, in the sandbox, does not succeed.
refused() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1 </dev/null); then fail "$name" "it was let through: ${output:0:200}"; else
    case $output in
      *"srt: "* | *"srt-runtime: "*) fail "$name" "srt itself failed: ${output:0:400}" ;;
      *) pass "$name" ;;
    esac
  fi
}
sandboxed() { "$SRT" --allow-write "$WORK/project" --deny-read "$WORK/secret" "$@"; }

echo "-- $(sw_vers -productVersion) $(uname -m), $("$SRT" --version | head -n 1)"
expect 0 'sandbox-exec' 'doctor finds what is needed' "$RUNTIME" doctor

echo "-- a command"
expect 0 'hello' 'runs, and prints' sandboxed echo hello
expect 7 '' 'gives its exit status back' sandboxed sh -c 'exit 7'
expect 143 '' 'gives 128 plus the signal back' sandboxed sh -c 'kill -TERM $$'
expect 127 'PATH' 'a program that is not there is an error' sandboxed no-such-program-anywhere
expect 0 "$WORK/project" 'starts in the working directory' sandboxed pwd

echo "-- files"
expect 0 '' 'writes where it may' sandboxed sh -c 'echo x >sub/file && rm sub/file && mkdir d && rmdir d'
refused 'does not write elsewhere' sandboxed sh -c "echo x >$WORK/outside/file"
refused 'does not create elsewhere' sandboxed touch "$WORK/outside/new"
refused 'does not read a denied file' sandboxed cat "$WORK/secret/key"
refused 'does not list a denied folder' sandboxed ls "$WORK/secret"
refused 'does not rename a folder above a denied one' sandboxed mv "$WORK/secret" "$WORK/project/stolen"
refused 'makes no hard link to what it may not write' sandboxed ln "$WORK/outside/file" sub/link
refused 'writes no protected name that is not there yet' sandboxed sh -c 'echo x >.bashrc'
refused '… in another case either' sandboxed sh -c 'echo x >.BashRC'
refused 'does not write through a symbolic link' \
  sandboxed sh -c "ln -s $WORK/outside/file sub/l && echo x >sub/l"
expect 0 'kept' 'the file outside is as it was' cat "$WORK/outside/file"
expect 0 '' 'has a folder for temporary files' sandboxed sh -c 'echo x >"$TMPDIR/t" && rm "$TMPDIR/t"'
# Or nothing would say whether what it does below was refused, or not even tried.
expect 0 'works' 'python3 runs' sandboxed python3 -c 'print("works")'
expect 125 'srt: ' 'a sandbox in a sandbox is an error, not a run without one' sandboxed "$SRT" echo hello
quoted="$WORK/project/a\"b)(allow default)\\"
expect 0 '' 'a hostile name of a folder is a name' "$SRT" --allow-write "$quoted" true

echo "-- network"
python3 -m http.server --bind 127.0.0.1 0 --directory "$WORK/outside" >"$WORK/server.log" 2>&1 &
SERVER=$!
eventually grep -q 'port [0-9]' "$WORK/server.log"
PORT=$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$WORK/server.log" | head -n 1)
if [ -z "$PORT" ]; then skip 'network' 'python3 -m http.server did not start'; else
  expect 0 'kept' 'the server is there, outside of a sandbox' curl -sS "http://127.0.0.1:$PORT/file"
  refused 'does not connect by itself' sandboxed curl -sS --noproxy '*' "http://127.0.0.1:$PORT/file"
  refused '… nor to the world' sandboxed curl -sS --noproxy '*' --max-time 10 https://1.1.1.1/
  refused '… nor asks the resolver' sandboxed python3 -c 'import socket; socket.getaddrinfo("example.com", 80)'
  expect 0 'kept' 'reaches by the guard what is allowed' \
    sandboxed --allow-domain "127.0.0.1:$PORT" curl -sS --noproxy '' "http://127.0.0.1:$PORT/file"
  expect 0 'blocks' 'is told of what is not' sandboxed --allow-domain allowed.example \
    curl -sS "http://denied.example/"
  # From the sandbox: the guard's place with the token, and without it.
  expect 0 '407' 'the guard asks for its token' sandboxed --allow-domain "127.0.0.1:$PORT" \
    sh -c 'curl -sS -o /dev/null -w "%{http_code}" --proxy "http://${HTTP_PROXY#*@}" "http://127.0.0.1:'"$PORT"'/file" --noproxy ""'
  refused 'listens on no port' sandboxed python3 -c \
    'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()'
  # Status 7 of curl is "refused"; 28 would be a client that waits for nobody.
  mkfifo "$WORK/project/go"
  "$SRT" --allow-write "$WORK/project" --allow-domain "127.0.0.1:$PORT" sh -c \
    'echo x >ready; cat go; curl -sS --max-time 5 --noproxy "" "http://127.0.0.1:$1/file"; echo "curl $?"' sh "$PORT" \
    >"$WORK/without-guard" 2>&1 </dev/null &
  CALLER=$!
  eventually [ -s "$WORK/project/ready" ]
  GUARD=$(pgrep -P "$CALLER" -x srt-monitor)
  [ -z "$GUARD" ] || kill -KILL "$GUARD"
  # Its parent need not have looked yet.
  [ -z "$GUARD" ] || eventually sh -c 'ps -o stat= -p "$1" | grep -qv Z; [ $? -ne 0 ]' sh "$GUARD"
  echo go >"$WORK/project/go"
  wait "$CALLER"
  expect 0 'curl 7' 'a guard that was killed is no way out, which clients hear at once' cat "$WORK/without-guard"
fi

echo "-- other processes"
sleep 300 &
OTHER=$!
refused 'does not signal others' sandboxed kill -0 "$OTHER"
kill "$OTHER"
expect 0 '' 'signals its own' sandboxed sh -c 'sleep 5 & kill $! && wait $! ; true'
refused 'does not start programs through launchd' sandboxed open -a Calculator

echo "-- what was refused"
sandboxed --violations "$WORK/violations" sh -c "cat $WORK/secret/key; sleep 2" >/dev/null 2>&1
if grep -q secret "$WORK/violations" 2>/dev/null; then pass 'stands in --violations'; else
  fail 'stands in --violations' "$(head -n 3 "$WORK/violations" 2>&1)"
fi

echo "-- the caller's end"
# Not by sandboxed(): $! is then a shell's.
"$SRT" --allow-write "$WORK/project" sh -c 'echo $$ >pid; exec sleep 300' &
CALLER=$!
eventually [ -s "$WORK/project/pid" ]
kill -KILL "$CALLER"
INSIDE=$(cat "$WORK/project/pid" 2>/dev/null)
if [ -z "$INSIDE" ]; then fail 'the command ends with a killed srt' 'it did not start'; elif
  eventually ended "$INSIDE"; then pass 'the command ends with a killed srt'; else
  fail 'the command ends with a killed srt' "pid $INSIDE lives"
fi

echo "-- a bundle, step by step"
mkdir -p "$WORK/bundle"
cat >"$WORK/bundle/config.json" <<JSON
{"ociVersion": "1.2.0", "root": {"path": "/", "readonly": true},
 "process": {"terminal": false, "user": {"uid": $(id -u), "gid": $(id -g)}, "cwd": "/",
             "args": ["/bin/sleep", "300"], "env": ["PATH=/usr/bin:/bin"]},
 "linux": {"namespaces": [{"type": "network"}]}}
JSON
rt() { "$RUNTIME" --root "$SRT_ROOT" "$@"; }
expect 0 '(version 1)' 'plan prints the profile' rt plan "$WORK/bundle"
expect 0 '' 'create' rt create --bundle "$WORK/bundle" --pid-file "$WORK/pid" box
expect 0 '"created"' 'state: created' rt state box
expect 0 '' 'start' rt start box
expect 0 '"running"' 'state: running' rt state box
FIRST=$(cat "$WORK/pid" 2>/dev/null)
expect 0 "${FIRST:-no pid file}" 'ps has the pid of the pid file' rt ps --format json box
expect 0 'inside' 'exec' rt exec box /bin/echo inside
expect 0 'file' 'exec reads what the program may' rt exec box /bin/ls "$WORK/outside"
refused 'exec does not read the state of containers' rt exec box /bin/ls "$SRT_ROOT"
expect 0 '' 'kill' rt kill box KILL
if [ -n "$FIRST" ] && eventually ended "$FIRST"; then pass 'what was killed ends'; else
  fail 'what was killed ends' "pid ${FIRST:-unknown}"
fi
expect 0 '"stopped"' 'state: stopped' rt state box
expect 0 '' 'delete' rt delete --force box
# What its first process leaves behind is of the same session, though nobody's child any more.
sed -e "s#/bin/sleep#/bin/sh#" -e "s#\"300\"#\"-c\", \"/bin/sleep 300 \& echo \$! >$WORK/left\"#" \
  -e 's#"readonly": true#"readonly": false#' "$WORK/bundle/config.json" >"$WORK/bundle/second.json"
mkdir -p "$WORK/b3" && mv "$WORK/bundle/second.json" "$WORK/b3/config.json"
expect 0 '' 'create, with a program that leaves another one' rt create --bundle "$WORK/b3" left
expect 0 '' 'start' rt start left
eventually [ -s "$WORK/left" ]
LEFT=$(cat "$WORK/left" 2>/dev/null)
expect 0 '' 'delete' rt delete --force left
if [ -n "$LEFT" ] && eventually ended "$LEFT"; then pass 'delete ends what was left behind'; else
  fail 'delete ends what was left behind' "pid ${LEFT:-unknown}"
fi
expect 1 'Linux machine' 'an own root filesystem is refused, with the way out' \
  sh -c "mkdir -p '$WORK/b2/rootfs' && sed 's#\"path\": \"/\"#\"path\": \"rootfs\"#' '$WORK/bundle/config.json' >'$WORK/b2/config.json' && '$RUNTIME' --root '$SRT_ROOT' run '$WORK/b2'"

printf '\n%d passed, %d failed, %d skipped\n' $PASSED $FAILED $SKIPPED
[ $FAILED -eq 0 ]
