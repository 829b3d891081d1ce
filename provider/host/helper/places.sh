# shellcheck shell=bash
#
# Where in sysfs devices are that somebody names by a path below /dev, or otherwise: what guests have of the host.
# All of it runs in children without locks, and a request is a line of words that a client may have from anybody.
#
# shellcheck disable=SC2154 # The folders are assigned in requests.sh.

# Records where a folder of sysfs really is, if it is there.
place() { cd -P "$2" 2>/dev/null && record "$id" "at $1 $PWD"; cd /; }

# Of USB devices, by bus and number or by vendor and product: there may be several of the latter.
find_usb() {
  local dir bus number vendor product key
  for dir in "$sys"/bus/usb/devices/*; do
    bus= number= vendor= product=
    {
      IFS= read -r bus <"$dir/busnum"
      IFS= read -r number <"$dir/devnum"
      IFS= read -r vendor <"$dir/idVendor"
      IFS= read -r product <"$dir/idProduct"
    } 2>/dev/null
    for key in "usb:$bus:$number" "usb-id:$vendor:$product"; do
      [ -z "${wanted[$key]}" ] || place "$key" "$dir"
    done
  done
}

# One process asks for the numbers of all paths; what has none is no device.
find_nodes() {
  local found line kind major minor path
  found=$(exec stat -L -c "%f %t %T %n" -- "$@" 2>/dev/null)
  while IFS=" " read -r kind major minor path; do
    case $kind in
      6???) kind=block ;;
      2???) kind=char ;;
      *) continue ;;
    esac
    place "$path" "$sys/dev/$kind/$((16#$major)):$((16#$minor))"
  done <<<"$found"
}

# shellcheck disable=SC2206 # The request is split into words, and `set -f` keeps them from being patterns.
find_places() {
  local id=$1 key keys paths=() form='^[A-Za-z0-9._@+=:,~#/-]+$'
  declare -A wanted
  set -f
  keys=($2)
  set +f
  for key in "${keys[@]}"; do
    [[ $key =~ $form && $key/ != *[:/]../* ]] || continue
    case $key in
      /dev/*) paths+=("$key") ;;
      */*) ;;
      mdev:?*) place "$key" "$sys/bus/mdev/devices/${key#*:}" ;;
      scsi:?*) place "$key" "$sys/bus/scsi/devices/${key#*:}" ;;
      usb-port:?*) place "$key" "$sys/bus/usb/devices/${key#*:}" ;;
      usb:*:* | usb-id:*:*) wanted[$key]=1 ;;
    esac
  done
  [ "${#wanted[@]}" -eq 0 ] || find_usb
  [ "${#paths[@]}" -eq 0 ] || find_nodes "${paths[@]}"
  printf "done %s\n" "$id"
}
