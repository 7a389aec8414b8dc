#!/usr/bin/env bash
# A SLURM cluster on one Debian machine, for the tests: tests/slurm/cluster.sh up | down
#
# Four nodes (as many slurmd on this host), four stand-in GPUs each, accounting, memory limits that are enforced; as root and
# without systemd or cgroups. What it writes lies in $SLURM_TEST, but for links in /etc/slurm and the sockets in /run.
set -euo pipefail
base=${SLURM_TEST:-/var/tmp/ood-slurm}
packages=(slurmctld slurmd slurm-client munge slurmdbd mariadb-server)
nodes=(n1 n2 n3 n4)
configurations=(slurm gres cgroup slurmdbd)

until_true() { # SECONDS COMMAND...: poll until the command succeeds
    local end=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        ((SECONDS < end)) || { echo "waited in vain for: $*; the daemons' logs are in $base/log" >&2; return 1; }
        sleep 0.2
    done
}

runs() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2> /dev/null; } # PIDFILE

stop() { # PIDFILE
    runs "$1" || return 0
    local pid
    pid=$(cat "$1")
    kill "$pid"
    until_true 20 sh -c "! kill -0 $pid" || kill -9 "$pid"
}

install_packages() {
    dpkg -s "${packages[@]}" > /dev/null 2>&1 && return
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" > /dev/null
}

configure() {
    local host node gpu
    host=$(hostname -s)
    mkdir -p "$base"/{etc,log,run,state}
    : > "$base/etc/gres.conf"
    for node in "${nodes[@]}"; do
        mkdir -p "$base/spool/$node"
        for gpu in 0 1 2 3; do # a GPU is a device file to SLURM; these are null devices
            [ -c "$base/run/$node.gpu$gpu" ] || mknod "$base/run/$node.gpu$gpu" c 1 3
        done
        echo "NodeName=$node Name=gpu File=$base/run/$node.gpu[0-3] AutoDetect=off" >> "$base/etc/gres.conf"
    done
    # 22.05 has no cgroup plugin called "disabled", and looking for version 2 can be fatal in a container.
    printf 'CgroupPlugin=cgroup/v1\nIgnoreSystemd=yes\n' > "$base/etc/cgroup.conf"
    cat > "$base/etc/slurm.conf" << CONF
ClusterName=ood
SlurmctldHost=$host
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$base/state
SlurmdSpoolDir=$base/spool/%n
SlurmctldPidFile=$base/run/slurmctld.pid
SlurmdPidFile=$base/run/slurmd.%n.pid
SlurmctldLogFile=$base/log/slurmctld.log
SlurmdLogFile=$base/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
# Nodes larger than this host, so that requests meant for real ones are granted.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_min_interval=200000,bf_interval=5
# Memory: sampled every second, and a job above its request is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
KillWait=5
MinJobAge=600
SlurmctldTimeout=60
SlurmdTimeout=15
InactiveLimit=0
GresTypes=gpu
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=16819
AccountingStorageTRES=gres/gpu
NodeName=n[1-4] NodeHostname=$host NodeAddr=127.0.0.1 Port=[17001-17004] CPUs=8 RealMemory=256000 Gres=gpu:4
PartitionName=cpu Nodes=n[1-2] Default=YES MaxTime=24:00:00 DefaultTime=00:10:00
PartitionName=gpu Nodes=n[1-2] MaxTime=24:00:00 DefaultTime=00:10:00
PartitionName=spare Nodes=n[3-4] MaxTime=24:00:00 DefaultTime=00:10:00
CONF
    cat > "$base/etc/slurmdbd.conf" << CONF
DbdHost=localhost
DbdPort=16819
SlurmUser=root
LogFile=$base/log/slurmdbd.log
PidFile=$base/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct
CONF
    chmod 600 "$base/etc/slurmdbd.conf"
    for name in "${configurations[@]}"; do # a job's steps look there, whatever the environment says
        [ ! -e "/etc/slurm/$name.conf" ] || [ -L "/etc/slurm/$name.conf" ] ||
            { echo "/etc/slurm/$name.conf is not of this script: is there a SLURM on this machine?" >&2; exit 1; }
        ln -sfn "$base/etc/$name.conf" "/etc/slurm/$name.conf"
    done
}

start_munge() {
    install -d -o munge -g munge -m 755 /run/munge
    munge -n > /dev/null 2>&1 || runuser -u munge -- /usr/sbin/munged
    until_true 10 sh -c "munge -n | unmunge"
}

start_accounting() {
    local sql=(--socket=/run/mysqld/mysqld.sock)
    install -d -o mysql -g mysql /run/mysqld "$base/mysql"
    chmod 755 "$base" "$base/log"
    [ -d "$base/mysql/mysql" ] ||
        mysql_install_db --user=mysql --datadir="$base/mysql" --auth-root-authentication-method=socket > "$base/log/mysql.log" 2>&1
    if ! runs "$base/mysql/pid"; then
        setsid mariadbd "${sql[@]}" --user=mysql --datadir="$base/mysql" --pid-file="$base/mysql/pid" --skip-networking \
            --innodb-buffer-pool-size=128M --innodb-lock-wait-timeout=900 > "$base/log/mariadb.log" 2>&1 < /dev/null &
    fi
    until_true 30 mysqladmin "${sql[@]}" ping
    runs "$base/run/slurmdbd.pid" || slurmdbd
    until_true 30 sacctmgr -n show cluster
    sacctmgr -i add cluster ood > /dev/null || true # it is there already
}

up() {
    install_packages
    configure
    start_munge
    start_accounting
    runs "$base/run/slurmctld.pid" || slurmctld
    until_true 20 sh -c "scontrol ping | grep -q UP"
    for node in "${nodes[@]}"; do runs "$base/run/slurmd.$node.pid" || slurmd -N "$node"; done
    sacctmgr -i add account default > /dev/null || true
    sacctmgr -i add user root account=default > /dev/null || true
    until_true 30 sh -c "! sinfo -h -o %T | grep -qvE '^(idle|mixed|allocated|drained|draining)$'"
}

down() {
    for pidfile in "$base"/run/slurmd.*.pid "$base"/run/{slurmctld,slurmdbd}.pid "$base/mysql/pid" /run/munge/munged.pid; do
        stop "$pidfile"
    done
    for name in "${configurations[@]}"; do [ ! -L "/etc/slurm/$name.conf" ] || rm "/etc/slurm/$name.conf"; done
    rm -rf "$base"
}

case ${1:-} in
    up | down) "$1" ;;
    *) echo "usage: $0 up | down" >&2; exit 2 ;;
esac
