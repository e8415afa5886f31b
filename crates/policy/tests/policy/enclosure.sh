# Runs a command where it can change nothing but one folder, and reaches nobody. It is run by `unshare`, in spaces of
# its own for users, mounts, networks and processes.
#
# Arguments: the folder, which has `project`, `home` and `tmp` in it; the command.
set -e
folder=$1
export LC_ALL=C
mount --make-rprivate /
mkdir -p "$folder/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$folder/dev/pts"
ln -sfn pts/ptmx "$folder/dev/ptmx"
for device in null zero urandom; do
  : > "$folder/dev/$device"
  mount --bind "/dev/$device" "$folder/dev/$device"
done
for link in fd stdin stdout stderr; do
  case $link in fd) to=/proc/self/fd ;; stdin) to=/proc/self/fd/0 ;; stdout) to=/proc/self/fd/1 ;; *) to=/proc/self/fd/2 ;; esac
  ln -sfn "$to" "$folder/dev/$link"
done
mount --rbind "$folder" /mnt
mount --rbind "$folder/dev" /dev
mount -t proc proc /proc 2> /dev/null || true
# Everything else can only be read.
awk '$5 !~ "^/(mnt|dev|proc)(/|$)" { print $5 }' /proc/self/mountinfo | while read -r place; do
  mount -o remount,bind,ro "$place" 2> /dev/null || true
done
mount --bind /mnt/tmp /tmp
cd /mnt/project
ulimit -t 20
ulimit -f 40960
ulimit -c 0
exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all \
  env -i PATH="$PATH" HOME=/mnt/home USER=ada LC_ALL=C.UTF-8 TERM=dumb ${RUSTUP_HOME:+RUSTUP_HOME="$RUSTUP_HOME"} \
  sh -c '
    timeout -k 1 20 bash -c "$1"
    code=$?
    # What it left running has a moment to end.
    tries=0
    while set -- /proc/[0-9]* && [ $# -gt 1 ] && [ $tries -lt 8 ]; do
      tries=$((tries + 1))
      sleep 0.05
    done
    exit $code
  ' sh "$2" < /dev/null
