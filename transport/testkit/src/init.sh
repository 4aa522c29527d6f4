# The first process of a container: puts its root directory ($1) in place and waits until its
# standard input ends. $2 is a static busybox, $3 is `ro` or `rw`; then come words `rw=DIRECTORY`
# (may be written to) and `noexec=DIRECTORY` (nothing may be executed there).
set -e
read -r pid rest </proc/self/stat
root=$1 busybox=$2 access=$3
shift 3
cd "$root"
mount --bind . .
cd "$root"
for place; do
  case $place in
    rw=*) mount --bind "./${place#rw=}" "./${place#rw=}" ;;
    noexec=*)
      mount --bind "./${place#noexec=}" "./${place#noexec=}"
      mount -o remount,bind,noexec "./${place#noexec=}"
      ;;
  esac
done
mount -t proc proc proc
mount -t tmpfs -o mode=755,nosuid dev dev
for node in null:3 zero:5 full:7 random:8 urandom:9; do
  mknod -m 666 "dev/${node%:*}" c 1 "${node#*:}"
done
ln -s /proc/self/fd dev/fd
mkdir -m 1777 dev/shm
mount -t tmpfs -o mode=1777,noexec,nosuid,nodev shm dev/shm
if [ "$access" = ro ]; then mount -o remount,bind,ro "$root"; fi
cd "$root"
pivot_root . dev/shm
# What is left of the old root goes; this shell holds on to its own program.
exec "/dev/shm$busybox" sh -c "/dev/shm$busybox umount -l /dev/shm; echo $pid; while read -r _; do :; done"
