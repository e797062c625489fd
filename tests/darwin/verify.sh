#!/bin/bash
# For the owner of a Mac: does srt do there what docs/macos.md says? Five minutes, no root, nothing is left
# behind. Needs python3 (of Xcode's command line tools) and curl, both there.
#
#   tests/darwin/verify.sh [PATH/TO/srt]      default: the one in PATH
#
# Prints one line a case, and at the end `N passed, N failed, N skipped`; its status is 0 if nothing failed.
# What is expected stands in the line. Please send the output of a failure with `sw_vers` and `srt --version`.
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
      *"srt: "*) fail "$name" "srt itself failed: ${output:0:400}" ;;
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
quoted="$WORK/project/a\"b)(allow default)\\"
expect 0 '' 'a hostile name of a folder is a name' "$SRT" --allow-write "$quoted" true

echo "-- network"
python3 -m http.server --bind 127.0.0.1 0 --directory "$WORK/outside" >"$WORK/server.log" 2>&1 &
SERVER=$!
for _ in $(seq 100); do
  PORT=$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$WORK/server.log" | head -n 1)
  [ -n "$PORT" ] && break
  python3 -c 'import select; select.select([], [], [], 0.05)'
done
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
sandboxed sh -c "echo \$\$ >$WORK/project/pid; sleep 300" &
CALLER=$!
for _ in $(seq 100); do
  [ -s "$WORK/project/pid" ] && break
  python3 -c 'import select; select.select([], [], [], 0.05)'
done
kill -KILL "$CALLER"
INSIDE=$(cat "$WORK/project/pid" 2>/dev/null)
for _ in $(seq 100); do
  kill -0 "$INSIDE" 2>/dev/null || break
  python3 -c 'import select; select.select([], [], [], 0.05)'
done
if [ -z "$INSIDE" ]; then fail 'the command ends with a killed srt' 'it did not start'; elif
  kill -0 "$INSIDE" 2>/dev/null; then fail 'the command ends with a killed srt' "pid $INSIDE lives"; else
  pass 'the command ends with a killed srt'
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
expect 0 "$(cat "$WORK/pid" 2>/dev/null)" 'ps has the pid of the pid file' rt ps --format json box
expect 0 'inside' 'exec' rt exec box /bin/echo inside
expect 0 '' 'kill' rt kill box KILL
expect 0 '' 'delete' rt delete --force box
expect 1 'Linux machine' 'an own root filesystem is refused, with the way out' \
  sh -c "mkdir -p '$WORK/b2/rootfs' && sed 's#\"path\": \"/\"#\"path\": \"rootfs\"#' '$WORK/bundle/config.json' >'$WORK/b2/config.json' && '$RUNTIME' --root '$SRT_ROOT' run '$WORK/b2'"

printf '\n%d passed, %d failed, %d skipped\n' $PASSED $FAILED $SKIPPED
[ $FAILED -eq 0 ]
