# Kills the engines when the gateway cannot. Started by the gateway in a session of its own; its standard input is a
# pipe that only the gateway holds. Lines:
#   + PGID MARKER      an engine's process group, and the value of its GREENROOM_INSTANCE
#   - PGID             that group has ended
#   deadline SECONDS GATEWAY_PID START   the gateway is leaving: kill everything, it too, if it has not by then
# End of input means that the gateway is gone, however it went. Plain POSIX sh: dash, bash, busybox, macOS.
groups=""
timer=""

sweep() {
  # A grandchild with a session of its own has left the group, but not lost its environment.
  [ -d /proc/self ] || return 0
  for marker in "$@"; do
    for file in /proc/[0-9]*/environ; do
      if tr '\0' '\n' 2>/dev/null <"$file" | grep -qx "GREENROOM_INSTANCE=$marker"; then
        pid=${file#/proc/}
        kill -KILL "${pid%/environ}" 2>/dev/null
      fi
    done
  done
}

kill_all() {
  markers=""
  for entry in $groups; do
    # `kill -KILL -- -PGID` is an error in dash.
    kill -KILL "-${entry%%:*}" 2>/dev/null
    markers="$markers ${entry#*:}"
  done
  # shellcheck disable=SC2086
  [ -n "$markers" ] && sweep $markers
}

start_time() {
  # Field 22 of stat, counted after the command, which may hold spaces.
  sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

while read -r word a b c; do
  case $word in
    +) groups="$groups $a:$b" ;;
    -)
      kept=""
      for entry in $groups; do
        [ "${entry%%:*}" = "$a" ] || kept="$kept $entry"
      done
      groups=$kept
      ;;
    deadline)
      [ -n "$timer" ] && kill "$timer" 2>/dev/null
      (
        trap 'kill "$nap" 2>/dev/null; exit 0' TERM
        sleep "$a" &
        nap=$!
        wait "$nap"
        # Another process may have the number by now.
        [ -d /proc/self ] && [ "$(start_time "$b")" != "$c" ] && exit 0
        echo "greenroom reaper: gateway $b was still there after $a s, killed with its engines:${groups:- none}" >&2
        kill -KILL "$b" 2>/dev/null
        kill_all
      ) &
      timer=$!
      ;;
  esac
done
[ -n "$timer" ] && kill "$timer" 2>/dev/null
kill_all
exit 0
