#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# In namespaces of its own: a root of busybox and dropbear as a router has one, with nothing else in its PATH.
#   openwrt.sh WORK TOOLS PORT AUTHORIZED_KEYS
set -e
work=$1 tools=$2 port=$3 keys=$4
mount -t tmpfs -o size=64m none "$work"
cd "$work"
chmod 755 .
mkdir -p bin sbin usr/bin usr/sbin usr/lib proc dev tmp etc/init.d etc/dropbear root/.ssh var/run
chmod 700 root root/.ssh
cp /bin/busybox bin/busybox
chroot . /bin/busybox --install -s /bin
mount --bind /usr/lib usr/lib # what dropbear is linked to
mount -o remount,ro,bind usr/lib
for each in lib lib64; do
    if [ -L /$each ]; then cp -d /$each $each; else mkdir $each && mount --bind /$each $each; fi
done
[ ! -d /usr/lib64 ] || { mkdir usr/lib64 && mount --bind /usr/lib64 usr/lib64; }
mount -t proc none proc
mount -t tmpfs none dev
mkdir dev/pts
mount -t devpts -o newinstance,ptmxmode=666 none dev/pts
ln -s pts/ptmx dev/ptmx
for each in null zero random urandom tty; do touch dev/$each && mount --bind /dev/$each dev/$each; done
cp /usr/sbin/dropbear usr/sbin/
cp "$tools/opkg" bin/opkg
cp "$tools/rc.common" etc/rc.common
: >sbin/procd
chmod 755 bin/opkg etc/rc.common sbin/procd
echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd
echo 'root:*:0:0:99999:7:::' >etc/shadow
echo 'root:x:0:' >etc/group
echo /bin/sh >etc/shells
printf 'NAME="OpenWrt"\nID="openwrt"\nVERSION_ID="23.05.3"\nPRETTY_NAME="OpenWrt 23.05.3"\n' >etc/os-release
echo "DISTRIB_TARGET='ramips/mt7621'" >etc/openwrt_release
cp "$keys" root/.ssh/authorized_keys
chmod 600 root/.ssh/authorized_keys
PATH=/bin:/sbin:/usr/bin:/usr/sbin
export PATH
chroot . /bin/busybox syslogd -C256
chroot . /usr/sbin/dropbear -F -E -R -s -p "127.0.0.1:$port" -P /var/run/dropbear.pid &
wait # as the first process here, for those that lost their parent too
