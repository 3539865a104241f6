# What the examples that start servers share. Sourced by their `run` scripts, which set `example` (their name) before.
#
# Everything that is started is stopped; ports that are taken are replaced by free ones; every wait has an end.
# shellcheck shell=bash disable=SC2034  # variables are the scripts'
work=$(mktemp -d)
pids=()
wrong=0

stop_all() {
  trap - EXIT INT TERM
  local pid
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do
    # Each drains by itself; what has not ended after 10 seconds is killed.
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap stop_all EXIT
trap 'echo; echo "Stopping."; stop_all; exit 0' INT
trap 'stop_all; exit 143' TERM

fail() {
  echo "$example: $1" >&2
  if [ -n "${2:-}" ]; then sed 's/^/    /' "$2" >&2; fi
  exit 1
}

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The first port from $1 on that nobody listens on, and that this script has not given away.
ports_given=" "
free_port() {
  local port=$1
  while taken "$port" || [[ $ports_given == *" $port "* ]]; do
    port=$((port + 1))
    [ "$port" -lt $(($1 + 200)) ] || fail "no free port from $1 to $port"
  done
  ports_given+="$port "
  found_port=$port
}

[ -x "$sluice" ] || fail "$sluice is not built; make run builds it"
command -v curl >/dev/null || fail "curl is not installed; make run installs it"

# Starts a program with its output in $work/NAME.log.
launch() {
  local name=$1
  shift
  "$@" >"$work/$name.log" 2>&1 </dev/null &
  pids+=($!)
}

wait_until() { # WHAT NAME PID COMMAND...
  local what=$1 name=$2 pid=$3
  shift 3
  for _ in $(seq 600); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    kill -0 "$pid" 2>/dev/null || fail "$name ended before it was $what:" "$work/$name.log"
    sleep 0.1
  done
  fail "$name was not $what after a minute:" "$work/$name.log"
}

# Prints the sentence and whether the text in $work/answer is what it says.
show() { # SENTENCE PATTERN...
  local sentence=$1 pattern
  shift
  for pattern in "$@"; do
    if ! grep -Eqi -- "$pattern" "$work/answer"; then
      wrong=$((wrong + 1))
      echo "  NOT AS EXPECTED: $sentence"
      echo "    no line matches: $pattern"
      sed 's/^/    /' "$work/answer"
      echo
      return
    fi
  done
  echo "  $sentence"
  grep -Ei -- "$(IFS='|'; echo "$*")" "$work/answer" | tr -d '\r' | sed -e 's/^/      /' -e 's/^\(.\{150\}\).*/\1…/'
  echo
}
request() { # ARGUMENT...
  local line="curl -i" argument
  for argument; do
    case $argument in
      *[!a-zA-Z0-9:/.-]*) line+=" '$argument'" ;;  # as it has to be pasted
      *) line+=" $argument" ;;
    esac
  done
  # A token is long, and says nothing to a reader.
  [ -z "${token:-}" ] || line=${line//"'Authorization: Bearer $token'"/\"Authorization: Bearer \$TOKEN\"}
  echo "$line"
  curl -sS -i -m 10 "$@" >"$work/answer" 2>&1 || true
}

# Ends what runs, with the gateway's own exit code: 0 after a drain.
stop_and_exit() { # PID OF THE GATEWAY
  local gateway=$1 code=0
  trap - EXIT
  kill -TERM "$gateway"
  for _ in $(seq 150); do kill -0 "$gateway" 2>/dev/null || break; sleep 0.1; done
  kill -KILL "$gateway" 2>/dev/null && { stop_all; fail "the gateway did not end within 15 seconds of SIGTERM"; }
  wait "$gateway" || code=$?
  [ "$code" -eq 0 ] || sed 's/^/    /' "$work/gateway.log"
  stop_all
  [ "$code" -eq 0 ] || fail "the gateway ended with $code after SIGTERM, not with 0"
  exit 0
}
