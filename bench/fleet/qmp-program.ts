/** Where the hosts have what an operator has for one command to a monitor (qmp.sh). */
export const QMP_PROGRAM_PATH = "/run/bench/qmp";
