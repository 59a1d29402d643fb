# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced: a Slurm of its own in the current folder, run by whoever runs the script, on loopback addresses and free ports. It
# does not touch a Slurm of the host. Its one node has as many CPUs as are asked for and four GPUs, whatever the machine has.

# Kills every process that works in FOLDER, this one excepted: the daemons, the steps that they detached, the jobs.
end_processes_in() { # FOLDER
  local process found
  for _ in $(seq 50); do
    found=
    for process in /proc/[0-9]*; do
      case $(readlink "$process/cwd") in "$1" | "$1"/*) ;; *) continue ;; esac
      [ "${process#/proc/}" -ne $$ ] || continue
      kill -KILL "${process#/proc/}" && found=yes
    done 2>/dev/null
    [ -n "$found" ] || return 0
    sleep 0.1
  done
}

# COMMAND succeeds within SECONDS.
succeeds_within() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}

free_port() {
  local port
  while port=$((20000 + RANDOM % 10000)) && (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

# The GPUs are devices that every machine has: Slurm only counts them and hands them out.
configure_slurm() { # CPUS
  local node user device
  node=$(uname -n) node=${node%%.*} user=$(id -un)
  cat >slurm.conf <<END
ClusterName=private
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=$user
SlurmdUser=$user
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$PWD/munge/socket,cred_expire=5
StateSaveLocation=$PWD/state
SlurmdSpoolDir=$PWD/spool
SlurmctldPidFile=$PWD/slurmctld.pid
SlurmdPidFile=$PWD/slurmd.pid
SlurmctldLogFile=$PWD/slurmctld.log
SlurmdLogFile=$PWD/slurmd.log
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
GresTypes=gpu
KillWait=2
NodeName=$node NodeAddr=127.0.0.1 CPUs=$1 Gres=gpu:4
PartitionName=all Nodes=$node Default=YES
END
  for device in null zero full random; do echo "NodeName=$node Name=gpu File=/dev/$device"; done >gres.conf
  echo "CgroupPlugin=cgroup/v1" >cgroup.conf # one has to be loaded; nothing above uses it
}

slurm_is_idle() { [ "$(sinfo -h -o %T 2>/dev/null)" = idle ]; }

# Fails where it does not come up; *.log say why.
start_slurm() { # CPUS
  local try
  for try in 1 2 3; do
    mkdir -p state spool munge
    chmod 711 . munge
    (umask 077 && head -c 128 /dev/urandom >munge/key)
    configure_slurm "$1"
    export SLURM_CONF=$PWD/slurm.conf
    munged --foreground --key-file="$PWD/munge/key" --socket="$PWD/munge/socket" --pid-file="$PWD/munge/pid" \
      --seed-file="$PWD/munge/seed" >>munged.log 2>&1 &
    succeeds_within 10 test -S munge/socket
    slurmctld -D -c -f "$SLURM_CONF" >/dev/null 2>>daemons.log &
    slurmd -D -c -f "$SLURM_CONF" >/dev/null 2>>daemons.log &
    succeeds_within 20 slurm_is_idle && return
    echo "Slurm did not come up, try $try of 3" >&2
    end_processes_in "$PWD"
    rm -rf state spool munge
  done
  return 1
}
