# Says what an agent would find here, and leaves nothing behind. For any POSIX shell; see `mod.rs`.
#
# $1 is the token of this session; `$path` is set before. What it says are lines
# `ksyncd TOKEN WORD…`; see `probe.rs`. It is one group, so that the shell has read all of it
# before any of it runs.
{
  umask 077
  set -C
  token=$1
  if [ -c /dev/null ]; then exec 2>/dev/null; fi
  say() { echo; echo "ksyncd $token $*"; }

  case $(command -v cat) in
    /*) ;;
    *)
      for box in /bin/busybox /usr/bin/busybox /sbin/busybox; do
        if [ -x "$box" ]; then
          for tool in uname id ls mkdir rmdir head dd cat wc chmod mv rm find; do
            eval "$tool() { $box $tool \"\$@\"; }"
          done
          break
        fi
      done
      ;;
  esac

  say machine "$(uname -sm)"
  say user "$(id -u)"
  for tool in cat chmod mkdir mv rm wc; do
    if ! command -v "$tool" >/dev/null; then say lacks "$tool"; fi
  done
  if ! command -v head >/dev/null && ! command -v dd >/dev/null; then say lacks head; fi

  # Whether a file that is made in place $1 can be executed: 0, or what the shell says instead.
  # The kernel refuses an empty file, and the shell then takes it for a script of its own; where
  # execution is not allowed it comes to neither.
  try() {
    [ -d "$1" ] || { echo absent; return; }
    dir=$1/.ksyncd-$token
    mkdir "$dir" || { echo unwritable; return; }
    status=full
    if : >"$dir/x" && chmod 700 "$dir/x"; then "$dir/x"; status=$?; fi
    rm -f "$dir/x"
    rmdir "$dir"
    echo "$status"
  }
  for place in "$TMPDIR" /tmp /dev/shm /var/tmp /run "$HOME" "$PWD"; do
    case $place in /*) say place "$(try "$place")" "$place" ;; esac
  done

  limits=/proc/sys/fs/inotify
  if [ -r $limits/max_user_watches ]; then
    say watches "$(cat $limits/max_user_watches)" "$(cat $limits/max_user_instances)"
  fi

  if [ -n "$path" ]; then
    if [ ! -e "$path" ] && [ ! -L "$path" ]; then say path absent
    elif [ ! -r "$path" ]; then say path unreadable
    elif [ -d "$path" ] && [ ! -x "$path" ]; then say path unreadable
    else say path readable; fi
    if [ -w "$path" ]; then say path writable; fi
    if command -v find >/dev/null; then
      find "$path" | head -n 20000 | {
        seen=0
        bad=0
        while IFS= read -r file; do
          seen=$((seen + 1))
          [ -L "$file" ] && continue
          if [ ! -r "$file" ] && [ -e "$file" ]; then
            bad=$((bad + 1))
            if [ $bad -le 10 ]; then say unreadable "$file"; fi
          fi
        done
        say looked $seen $bad
      }
    fi
  fi
  say done
}
