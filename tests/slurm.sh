#!/bin/bash
# One SLURM node on loopback, in a folder of its own, without systemd or a database: tests/slurm.sh start|stop FOLDER
set -euo pipefail
folder=$(realpath -m "$2") host=$(hostname -s) user=$(id -un) port=${SLURM_TEST_PORT:-16817}
export SLURM_CONF=$folder/slurm.conf
case $1 in
start)
  mkdir -p "$folder"/{munge,state,spool,log} /etc/slurm
  chmod 755 "$folder" "$folder/munge"
  read -r cpus memory < <(slurmd -C | sed -n 's/.*CPUs=\([0-9]*\).*RealMemory=\([0-9]*\).*/\1 \2/p')
  head -c 1024 /dev/urandom > "$folder/munge/key"
  chmod 400 "$folder/munge/key"
  cat > "$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
ReturnToService=2
SlurmdTimeout=10
KillWait=2
InactiveLimit=0
MpiDefault=none
MailProg=/bin/true
SwitchType=switch/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
  version=$(slurmd -V) plugin=cgroup/v1 # before 23.11 one must be named
  [ "$(printf '%s\n' 23.11 "${version##* }" | sort -V | head -n 1)" != 23.11 ] || plugin=disabled
  echo "CgroupPlugin=$plugin" > "$folder/cgroup.conf"
  # Snakemake's job step drops SLURM_CONF before it calls srun: there only the place that is compiled in counts.
  ln -sfn "$folder"/{slurm,cgroup}.conf /etc/slurm/
  munged --socket="$folder/munge/socket" --key-file="$folder/munge/key" --pid-file="$folder/munge/pid" \
    --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" --num-threads=2
  slurmctld -c -f "$SLURM_CONF"
  slurmd -c -f "$SLURM_CONF"
  for _ in $(seq 100); do
    ! sinfo -h -o %T 2> /dev/null | grep -q idle || exit 0
    sleep 0.2
  done
  tail -n 20 "$folder"/log/*.log >&2
  exit 1
  ;;
stop)
  scancel -u "$user" 2> /dev/null || true
  scontrol shutdown 2> /dev/null || true
  sleep 1
  for conf in slurm cgroup; do
    [ "$(readlink /etc/slurm/$conf.conf)" != "$folder/$conf.conf" ] || rm /etc/slurm/$conf.conf
  done
  for file in slurmd.pid slurmctld.pid munge/pid; do
    pid=$(cat "$folder/$file" 2> /dev/null) || continue
    kill "$pid" 2> /dev/null || true
    for _ in $(seq 50); do # until it has ended: it takes its files away itself, also while others would
      [ -e "/proc/$pid" ] || break
      sleep 0.1
    done
  done
  ;;
esac
