#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# In namespaces of its own: this machine's system under an empty layer, so that all tools are real and nothing stays.
#   debian.sh FOLDER WORK TOOLS VISIBLE…, where FOLDER has sshd_config, host, rsa, authorized_keys and banner
set -e
folder=$1 work=$2 tools=$3
shift 3
mount -t tmpfs -o size=256m,mode=755 none "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay none -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$work/root"
cd "$work/root"
for each in /dev "$@"; do
    mkdir -p ".$each"
    mount --rbind "$each" ".$each"
done
mount -t proc none proc
mount -t tmpfs none run
mkdir -p run/sshd run/systemd/system
cp "$folder/sshd_config" "$folder/host" "$folder/rsa" "$folder/authorized_keys" "$folder/banner" etc/ssh/
chmod 644 etc/ssh/authorized_keys etc/ssh/banner
cp "$tools/systemctl" "$tools/journalctl" usr/bin/
rm -rf etc/apt/sources.list etc/apt/sources.list.d/* # nothing is fetched
rm -rf var/lib/dpkg/updates/* var/lib/apt/lists/* var/cache/apt/*.bin # of this machine, where an installation may run
: >var/lib/dpkg/status
echo force-unsafe-io >etc/dpkg/dpkg.cfg.d/test
for user in pi guest; do grep -q "^$user:" etc/passwd || chroot . useradd -m -s /bin/sh $user; done
chroot . usermod -p '*' root
chroot . usermod -p '*' pi
chroot . usermod -p "$(openssl passwd -6 'let me in')" guest
mkdir -p etc/sudoers.d
echo 'pi ALL=(ALL) NOPASSWD: ALL' >etc/sudoers.d/pi
chroot . /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config &
wait # as the first process here, for those that lost their parent too
