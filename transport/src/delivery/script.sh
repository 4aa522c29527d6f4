# Finds or places the agent and becomes it. For any POSIX shell; see `mod.rs`.
#
# $1 is the token of this session, $2 after how many seconds of silence the agent is to end; the
# others are MACHINE:HASH:SIZE of each agent on offer.
# What it says are lines of the form `ksyncd TOKEN WORD…`; see `dialogue.rs`.
#
# Before it comes a line that sets `opening`: nothing, or what the agent hears first.
#
# It is one group, so that the shell has read all of it before any of it runs.
{
  mask=$(umask)
  umask 077
  set -C
  token=$1
  timeout=$2
  shift 2
  exec 3>&2
  if [ -c /dev/null ]; then exec 2>/dev/null; fi

  # The empty line ends whatever a login script left unfinished.
  say() { echo; echo "ksyncd $token $*"; }

  # An image may hold busybox and no links to it. What its shell then takes for a command of
  # its own needs /proc.
  case $(command -v cat) in
    /*) ;;
    *)
      for place in /bin /usr/bin /sbin; do
        if [ -x "$place/busybox" ]; then
          box=$place/busybox
          for tool in uname id ls mkdir rmdir head dd cat wc chmod mv rm sleep; do
            eval "$tool() { $box $tool \"\$@\"; }"
          done
          break
        fi
      done
      ;;
  esac

  system=$(uname -sm)
  hash=
  for agent; do
    case $agent in
      "${system#Linux }":*) hash=${agent#*:}; size=${hash#*:}; hash=${hash%%:*} ;;
    esac
  done
  if [ -z "$hash" ]; then say machine "$system"; exit 1; fi
  name=ksyncd-agent-$hash
  part=$name.$token
  own=.ksyncd-$(id -u)
  from=$PWD

  # Enters directory $1 if nobody else can have put anything into it.
  # Once entered it can not be swapped for another: everything inside is named from there.
  enter() {
    [ ! -L "$1" ] && cd -P "$1" && [ -O . ] || return 1
    case $(ls -ld .) in drwx--[-S]---[\ .]*) ;; *) return 1 ;; esac
  }

  # Whether $1 in this directory can be executed and is the right agent.
  runs() {
    [ -f "$1" ] && [ ! -L "$1" ] && [ -O "$1" ] || return 1
    report=$("./$1" --probe)
    status=$?
    [ "${report%% *}" = "$hash" ]
  }

  # Becomes the agent in this directory, which then goes back to where this script started, and
  # to what new files there are allowed.
  become() {
    say "$1" "$PWD"
    umask "$mask"
    if [ -n "$opening" ]; then export "KSYNCD_OPENING=$opening"; fi
    exec "./$name" serve $once "--timeout=$timeout" "$from" 2>&3 3>&-
  }

  # Takes away what this session put into directory $1.
  leave() {
    if [ -n "$1" ] && [ -O "$1" ]; then cd /; rm -f "$1/$part"; rmdir "$1"; fi
  }

  # Ends, and says word $1 if there is one, when everything has been taken away: the client may
  # kill whoever has said the last word.
  quit() {
    leave "$dir"
    if [ -n "$1" ]; then say "$1"; fi
    exit 1
  }

  # Opens a file without a name in $place, where the agent waits while it arrives: whoever is killed
  # meanwhile, and however, leaves nothing. It takes /proc to read it again.
  hold() {
    dir=$place/.ksyncd-$token
    held=/proc/$$/fd/5
    mkdir "$dir" && enter "$dir" && command exec 5>"$part" && [ -r "$held" ]
    works=$?
    leave "$dir"
    dir=
    return $works
  }

  # Gives up the file without a name.
  release() {
    exec 5>&-
    held=
  }

  # Takes the agent from the client into the open file that can be read as $1.
  # A full disk must not leave half of the agent unread.
  fetch() {
    say need "${system#Linux }"
    take "$1" 4<&0 | (cat >&5; filled=$?; cat >/dev/null; exit $filled) || return 1
    if [ "$(wc -c <"$1")" -ne "$size" ]; then quit short; fi
  }
  take() {
    arriving=$1
    case $(echo ab | head -c 1) in
      a) set -- head -c "$size" ;;
      *) set -- dd bs=1 count="$size" ;;
    esac
    # What runs in the background gets /dev/null first, and watching takes its tools.
    if [ -c /dev/null ] && command -v sleep >&2 && command -v wc >&2; then
      $box "$@" <&4 &
      taking=$!
      # Nobody must wait for the one who watches, and nobody can execute what is open for writing.
      (exec <&- >&- 2>&- 3>&- 4>&- 5>&-; watch "$taking") &
      wait "$taking"
    else
      "$@"
    fi
  }

  # Ends process $1 when what arrives has not grown for as long as the client may be silent.
  watch() {
    before=
    ticks=0
    while [ "$ticks" -lt "$timeout" ] && sleep 1 && kill -0 "$1"; do
      now=$(wc -c <"$arriving")
      if [ "$now" != "$before" ]; then ticks=0; fi
      before=$now
      ticks=$((ticks + 1))
    done
    kill "$1"
  }

  # Fills $part in this directory.
  fill() {
    if [ -n "$held" ]; then
      if cat <"$held" >"$part"; then return; fi
      # There may be room for it only once.
      if [ "$place" != "$holder" ]; then return 1; fi
      release
      rm -f "$part"
    fi
    command exec 5>"$part" && fetch "$part"
    filled=$?
    exec 5>&-
    return $filled
  }

  once=
  held=
  dir=
  set -- "$TMPDIR" /tmp /dev/shm /var/tmp /run "$HOME" "$from"
  for place; do
    case $place in
      /*) enter "$place/$own" && runs "$name" && become have ;;
    esac
  done

  trap quit HUP INT TERM PIPE
  for place; do
    case $place in /*) [ -d "$place" ] || continue ;; *) continue ;; esac
    if [ -z "$held" ]; then
      holder=$place
      if ! hold; then
        release
      elif ! fetch "$held"; then
        release
        say tried full "$place"
        continue
      fi
    fi
    # The second name is for a place where somebody else sits on the first.
    for dir in "$place/$own" "$place/.ksyncd-$token"; do
      mkdir "$dir"
      made=$?
      if ! enter "$dir"; then
        reason=unwritable
        if [ -e "$dir" ]; then reason=taken; fi
        if [ "$made" = 0 ]; then leave "$dir"; fi
        continue
      fi
      if ! fill || ! chmod 700 "$part"; then reason=full; leave "$dir"; break; fi
      if runs "$part"; then
        if [ "$dir" != "$place/$own" ]; then once=--once; fi
        mv -f "$part" "$name"
        release
        become placed
      fi
      reason=$status
      leave "$dir"
      break
    done
    dir=
    say tried "$reason" "$place"
  done
  quit nowhere
}
