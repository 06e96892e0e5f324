# ---- how the stages are run -------------------------------------------------------------------------------------------

ROOM=runs/script  # of each stage: its log, NAME.log, and, once it is done, what it was made of, NAME.done
declare -A number_of
declare -a name gpus parameters needs sources outputs does state key pid began taken free
count=0 running=0 ran=0 failed=0 stopped=0

stage() { count=$((count + 1)) name[count]=$1 parameters[count]=$2 gpus[count]=$3 state[count]=waiting; number_of[$1]=$count; }
after() { needs[count]=$(printf '%s\n' "$@"); }
reads() { sources[count]=$(printf '%s\n' "$@"); }
makes() { outputs[count]=$(printf '%s\n' "$@"); }
runs() { does[count]=$(cat); }

say() { printf '%s\n' "$*"; }
stop() { say "$*" >&2; exit 2; }
sum() { sha256sum | cut -d ' ' -f 1; }
now() { date +%s%N; }
took() { local ms=$((($(now) - $1) / 1000000)); printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100)); }
nap() { read -r -t 0.1 -u 8; }  # nothing is ever written there; no process is started

check() {  # what can be told before any work
  [[ $JOBS =~ ^[1-9][0-9]*$ ]] || stop "JOBS=$JOBS: how many stages at a time, from 1"
  [[ -f dvc.yaml && -f params.yaml ]] || stop "$PWD: no dvc.yaml and params.yaml here; start the script in the project's folder"
  [[ $(sum < dvc.yaml) == "$GRAPH" ]] || stop "dvc.yaml: not the one that this script was written for; write it again: $WRITTEN"
  local is; is=$(sum < params.yaml)
  if [[ $is == "$BEFORE" && $BEFORE != "$PARAMETERS" ]]; then
    parameters > .params.yaml.partial && mv .params.yaml.partial params.yaml || stop "params.yaml: could not be written"
    say "params.yaml: changed as -S says; it stays so (git checkout params.yaml takes it back)"
  elif [[ $is != "$PARAMETERS" ]]; then
    stop "params.yaml: not the one that this script was written for; put that back, or write it again: $WRITTEN"
  fi
  command -v python > /dev/null || stop "python: not found; activate the environment that holds torch"
  PYTHONPATH=src$MORE python - $MODULES <<'END' || exit 2
import importlib.util, sys
lacking = [name for name in sys.argv[1:] if importlib.util.find_spec(name) is None]
if sys.version_info < (3, 11) or lacking:
    sys.exit(f"python: {sys.executable} is {sys.version.split()[0]} (3.11 or 3.12 is wanted)"
             f" and lacks {', '.join(lacking) or 'nothing'}; docs/bare-machine.md says what is needed")
END
  mkdir -p $ROOM && exec 9>> $ROOM/lock || stop "$ROOM: cannot be written"
  # held until the last of the stages has ended too, which inherit it
  python -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)' 2> /dev/null ||
    stop "$ROOM/lock: another run is at work in this folder; wait for its end (or for its last stages')"
}

look() {  # what the stages read and the GPUs that they want
  local i path most=0
  for ((i = 1; i <= count; i++)); do
    while IFS= read -r path; do
      [[ -e $path ]] || stop "$path: not there, and ${name[i]} reads it"
    done <<< "${sources[i]}"
    ((gpus[i] > most)) && most=${gpus[i]}
  done
  mapfile -t free < <(PYTHONPATH=. python -c 'from flows import gpu; [print(name) for name in gpu.devices()]')
  there=${#free[@]}
  ((there == 0 || most <= there)) || stop "$most GPUs are wanted by a stage and $there are here: ${free[*]}"
  say "$count stages, up to $JOBS at a time, $there GPUs${free[*]:+: ${free[*]}}; logs: $ROOM/*.log"
}

made_of() {  # stage $1 -> a key of its command, its parameters, what it reads, and the runs of what it comes after
  local path
  {
    printf '%s\n' "${does[$1]}" "${parameters[$1]}" "${outputs[$1]}"
    while IFS= read -r path; do
      if [[ -d $path ]]; then find -L "$path" -type f -printf '%P %s %T@\n' | LC_ALL=C sort; else cat -- "$path"; fi
    done <<< "${sources[$1]}"
    while IFS= read -r path; do [[ -z $path ]] || cat -- "$ROOM/${path//\//_}.done"; done <<< "${needs[$1]}"
  } | sum
}

lacks() {  # stage $1 -> its first output that is not there
  local path
  while IFS= read -r path; do [[ -e $path ]] || { say "$path"; return; }; done <<< "${outputs[$1]}"
}

ready() {  # whether all that stage $1 comes after is done
  local before
  while IFS= read -r before; do
    [[ -z $before || ${state[number_of[$before]]} == done ]] || return 1
  done <<< "${needs[$1]}"
}

start() {  # stage $1, in a process group of its own (set -m)
  local i=$1 path; local file=$ROOM/${name[i]//\//_} devices=
  if ((gpus[i] > 0 && there > 0)); then
    devices=$(IFS=,; printf '%s' "${free[*]:0:gpus[i]}")
    taken[i]=$devices free=("${free[@]:gpus[i]}")
  fi
  rm -f "$file.done"
  while IFS= read -r path; do rm -rf -- "$path"; done <<< "${outputs[i]}"  # as DVC does
  say "[$i/$count] ${name[i]} ...${devices:+ on GPU $devices}"
  began[i]=$(now)
  (
    trap - INT TERM HUP
    exec 8>&-
    if ((there > 0)); then export CUDA_VISIBLE_DEVICES=$devices CUDA_DEVICE_ORDER=${CUDA_DEVICE_ORDER:-PCI_BUS_ID}; fi
    export PYTHONUNBUFFERED=1
    exec bash -c "${does[i]//PYTHONPATH=src /PYTHONPATH=src\$MORE }"
  ) < /dev/null > "$file.log" 2>&1 &
  pid[i]=$! state[i]=running running=$((running + 1))
}

collect() {  # those that have ended
  local i status without back
  for ((i = 1; i <= count; i++)); do
    [[ ${state[i]} == running ]] && ! kill -0 "${pid[i]}" 2> /dev/null || continue
    wait "${pid[i]}"; status=$?
    kill -KILL -- "-${pid[i]}" 2> /dev/null  # what it may have left behind, where it was killed
    running=$((running - 1)) state[i]=failed
    if [[ -n ${taken[i]} ]]; then IFS=, read -r -a back <<< "${taken[i]}"; free+=("${back[@]}") taken[i]=; fi
    local file=$ROOM/${name[i]//\//_}; without=
    if ((status == 0)); then without=$(lacks "$i"); fi
    if ((status == 0)) && [[ -z $without ]] && printf '%s %s\n' "${key[i]}" "$(now)" > "$file.part" && mv "$file.part" "$file.done"; then
      state[i]=done ran=$((ran + 1))
      say "[$i/$count] ${name[i]}: $(took "${began[i]}")"
    else
      ((failed)) || failed=$((status ? status : 1))
      say "[$i/$count] ${name[i]}: FAILED after $(took "${began[i]}"), exit code $status${without:+, $without is not there}; the end of $file.log:" >&2
      tail -n 20 "$file.log" >&2
      say "${name[i]}: mend what is said above and run the same script again: what is done stays done." >&2
      ((running == 0)) || say "waiting for the $running that are running; no more are started" >&2
    fi
  done
}

advance() {  # pass over what is done, start what can be
  local i crowded=0
  for ((i = 1; i <= count && !failed && !stopped; i++)); do
    [[ ${state[i]} == waiting ]] && ready "$i" || continue
    [[ -n ${key[i]} ]] || key[i]=$(made_of "$i")
    if [[ -z $(lacks "$i") && $(cut -d ' ' -f 1 "$ROOM/${name[i]//\//_}.done" 2> /dev/null) == "${key[i]}" ]]; then
      state[i]=done
    elif ((running < JOBS)); then
      # whoever waits for several GPUs is not overtaken by those that want one
      if ((gpus[i] > 0 && there > 0 && (crowded || gpus[i] > ${#free[@]}))); then crowded=1; else start "$i"; fi
    fi
  done
}

halt() {  # end every process of every stage, and this one by the signal's number
  local i tries alive
  signal TERM
  for ((tries = 0; tries < 100; tries++)); do  # a stage ends by itself within six seconds
    alive=0
    for ((i = 1; i <= count; i++)); do
      [[ ${state[i]} == running ]] && kill -0 "${pid[i]}" 2> /dev/null && alive=1
    done
    ((alive)) || break
    nap
  done
  signal KILL
  say "stopped; the same script goes on where this one was" >&2
  exit $((128 + stopped))
}

signal() {  # $1 to the process groups of the stages that are running
  local i
  for ((i = 1; i <= count; i++)); do
    if [[ ${state[i]} == running ]]; then kill "-$1" -- "-${pid[i]}" 2> /dev/null; fi
  done
}

main() {
  ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 403)) || stop "bash $BASH_VERSION: 4.3 or newer is needed"
  export MORE=${PYTHONPATH:+:$PYTHONPATH}  # wheels unpacked beside torch: the commands name the project's code alone
  exec 8<> <(:)
  check
  stages
  look
  set -m
  trap 'stopped=1' HUP  # no more than that: within a trap bash does not hear of its children's end
  trap 'stopped=2' INT
  trap 'stopped=15' TERM
  local all; all=$(now)
  while advance; ((running && !stopped)); do nap; collect; done
  ((stopped)) && halt
  ((failed)) && exit "$failed"
  say "$count stages: $ran ran, $((count - ran)) were done; $(took "$all")"
}

main; exit
