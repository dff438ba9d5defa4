#!/usr/bin/env bash
# A Slurm of one node on the loopback, for tests: as root, without systemd, cgroups or a database.
# usage: slurm_up.sh FOLDER      needs slurmctld, slurmd, slurm-client and munge
# Leaves FOLDER/slurm.conf; FOLDER/*/pid files say what to stop. Of its two GPUs there are only names
# (null devices): jobs ask for them and get their numbers.
set -euo pipefail
folder=$(realpath -m "$1")
cpus=${CPUS:-4}
memory=${MEMORY_MB:-8000}
node=$(hostname -s)
mkdir -p "$folder"/{etc,munge,socket,state,spool,log}
chmod 711 "$folder"
chmod 700 "$folder/munge"
if [ ! -s "$folder/munge/key" ]; then
    head -c 1024 /dev/urandom >"$folder/munge/key"
    chmod 400 "$folder/munge/key"
fi
munged --force --key-file="$folder/munge/key" --socket="$folder/socket/munge" \
    --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
rm -f "$folder"/spool/gpu?
mknod "$folder/spool/gpu0" c 1 3
mknod "$folder/spool/gpu1" c 1 3
echo "Name=gpu File=$folder/spool/gpu[0-1]" | tee "$folder/gres.conf" >"$folder/etc/gres.conf"
cat >"$folder/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
SlurmctldPort=27917
SlurmdPort=27918
AuthType=auth/munge
AuthInfo=socket=$folder/socket/munge
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,bf_interval=2
ReturnToService=2
KillWait=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/state/slurmctld.pid
SlurmdPidFile=$folder/spool/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
SlurmdParameters=config_overrides
MpiDefault=none
# Memory is watched, and a job above its request is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/log/jobcomp.log
MinJobAge=300
GresTypes=gpu
NodeName=$node NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=$node Default=YES MaxTime=INFINITE OverTimeLimit=0 State=UP
CONF
export SLURM_CONF="$folder/slurm.conf"
slurmctld -f "$SLURM_CONF"
slurmd -f "$SLURM_CONF"
for _ in $(seq 100); do
    if sinfo -h -o %T 2>/dev/null | grep -q idle; then
        exit 0
    fi
    sleep 0.2
done
echo "the node did not come up; see $folder/log" >&2
exit 1
