# Kills the engines when the gateway cannot. Started by the gateway in a session of its own; its standard input is a
# pipe that only the gateway holds. An engine is known by its marker, the value of GREENROOM_INSTANCE in its
# environment, which its children inherit. Lines:
#   + MARKER                 an engine may be spawned from now on
#   + MARKER PGID            its process group
#   - MARKER                 it has ended; what escaped from its group goes now
#   deadline SECONDS PID     the gateway (PID) is leaving: kill it, and everything, if it is still there by then
# End of input means that the gateway is gone, however it went. Plain POSIX sh: dash, bash, busybox, macOS.
trap '' INT TERM HUP PIPE

# Every engine as MARKER:PGID:START; the last two are empty until they are known.
engines=""
timer=""

# Sets `started` to field 22 of stat: with the number it tells a process from a later one that got the same number.
# Counted after the command, which may hold anything.
start_time() {
  stat=""
  while read -r line; do stat="$stat $line"; done 2>/dev/null <"/proc/$1/stat"
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  started=${20}
}

forget() {
  kept=""
  for engine in $engines; do
    [ "${engine%%:*}" = "$1" ] || kept="$kept $engine"
  done
  engines=$kept
}

# Whether the process is there and the same as then. Where there is no /proc, it is taken for the same.
same_process() {
  [ -d /proc/self ] || return 0
  start_time "$1"
  [ -n "$started" ] && [ "$started" = "$2" ]
}

# KILLs a group, unless its number belongs to somebody else by now. A group may outlive its leader.
kill_group() {
  [ ! -e "/proc/$1" ] || same_process "$1" "$2" || return 0
  # `kill -KILL -- -PGID` is an error in dash.
  kill -KILL "-$1" 2>/dev/null
}

# Files of environments that have one of the lines, whole. A variable is what stands between two NULs: whatever else is
# in it, a line feed too, tells nothing. Where grep has no -z (a small busybox) each is read by itself.
carriers() {
  if printf 'x\0' | grep -qzxF x 2>/dev/null; then
    grep -lzxF "$@" /proc/[0-9]*/environ 2>/dev/null
    return
  fi
  for environ in /proc/[0-9]*/environ; do
    tr '\0' '\n' 2>/dev/null <"$environ" | grep -qxF "$@" && echo "$environ"
  done 2>/dev/null
}

# KILLs everybody who carries one of the markers; true when there was somebody.
sweep_once() {
  patterns=""
  for marker; do patterns="$patterns -e GREENROOM_INSTANCE=$marker"; done
  found=""
  # shellcheck disable=SC2086
  for environ in $(carriers $patterns); do
    pid=${environ#/proc/}
    kill -KILL "${pid%%/*}" 2>/dev/null && found=yes
  done
  [ -n "$found" ]
}

# Again while there was somebody: it may have started another meanwhile.
sweep() {
  [ -d /proc/self ] || return 0
  for _ in 1 2 3 4 5 6 7 8; do
    sweep_once "$@" || return 0
  done
}

kill_all() {
  markers=""
  for engine in $engines; do
    rest=${engine#*:}
    [ -z "${rest%%:*}" ] || kill_group "${rest%%:*}" "${rest#*:}"
    markers="$markers ${engine%%:*}"
  done
  # shellcheck disable=SC2086
  [ -z "$markers" ] || sweep $markers
}

stop_timer() {
  [ -z "$timer" ] || kill -TERM "$timer" 2>/dev/null
}

# Closes its output when it can be stopped. Kills before it says so: a terminal may not take the line.
watch_gateway() {
  sleep "$1" >/dev/null 2>&1 &
  nap=$!
  trap 'kill -KILL "$nap"; exit 0' TERM
  exec >/dev/null
  wait "$nap" || exit 0
  trap '' TERM
  same_process "$2" "$3" || exit 0
  kill -KILL "$2" 2>/dev/null
  kill_all
  echo "greenroom: process $2 had not left after $1 s and was killed with its engines" >&2
}

while read -r word a b; do
  case $word in
    +)
      if [ -z "$b" ]; then
        engines="$engines $a::"
      else
        forget "$a"
        start_time "$b"
        engines="$engines $a:$b:$started"
      fi
      ;;
    -)
      forget "$a"
      sweep "$a"
      ;;
    deadline)
      stop_timer
      start_time "$b"
      timer=$(watch_gateway "$a" "$b" "$started" </dev/null & echo $!)
      ;;
  esac
done
kill_all
stop_timer
exit 0
