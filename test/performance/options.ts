import { parseArgs } from 'node:util';
import type { LoadTool } from './load/load.ts';
import type { Settings } from './measurements/measurement.ts';

export const USAGE = `npm run bench [-- options]

  --quick                     about two minutes: the throughput, start-up and scrapes, roughly
  --only NAME,…               only these measurements or servers
  --rounds N                  how often each server has its turn
  --seconds N, --warm-up N    how long each time
  --peer NAME=COMMAND,PATH    another server beside ours; it gets PORT, or {port} in its command; may be repeated
  --check                     fail where a figure is beyond its floor
  --soak                      twenty minutes more, at a steady pace
  --minutes N                 another length of these
  --logs pipe|null            where the logs go: read and thrown away as a container runtime would, or to /dev/null
  --tool wrk|autocannon       what makes the load
  --json FILE                 all of it for programs
  --list                      the measurements and the servers there are
`;

export interface PeerOption {
  readonly name: string;
  readonly command: string;
  readonly path: string;
}

export interface Options {
  readonly quick: boolean;
  /** Empty for all. */
  readonly only: readonly string[];
  readonly peers: readonly PeerOption[];
  readonly check: boolean;
  readonly soak: boolean;
  readonly list: boolean;
  readonly help: boolean;
  readonly logs: 'pipe' | 'ignore';
  readonly tool: LoadTool | undefined;
  readonly json: string | undefined;
  readonly settings: Settings;
  /** All that there is, at full length: its figures are those of the page. */
  readonly complete: boolean;
}

const FULL: Settings = { rounds: 5, warmUp: 6, seconds: 8, paired: true, connections: 64, soakMinutes: 20 };
const QUICK: Settings = { rounds: 2, warmUp: 2, seconds: 3, paired: false, connections: 64, soakMinutes: 20 };

/** @throws with a sentence for the user */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      minutes: { type: 'string' },
      peer: { type: 'string', multiple: true, default: [] },
      check: { type: 'boolean', default: false },
      soak: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      logs: { type: 'string', default: 'pipe' },
      tool: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const { quick, check, soak, list, help, json } = values;
  const only = values.only?.split(',').filter((name) => name !== '') ?? [];
  const defaults = quick ? QUICK : FULL;
  const settings: Settings = {
    ...defaults,
    rounds: count('--rounds', values.rounds, defaults.rounds),
    seconds: count('--seconds', values.seconds, defaults.seconds),
    soakMinutes: count('--minutes', values.minutes, defaults.soakMinutes),
    warmUp: count('--warm-up', values['warm-up'], defaults.warmUp),
  };
  const logs = oneOf('--logs', values.logs, ['pipe', 'null'] as const);
  return {
    quick,
    only,
    peers: values.peer.map(readPeer),
    check,
    soak,
    list,
    help,
    logs: logs === 'null' ? 'ignore' : 'pipe',
    tool: values.tool === undefined ? undefined : oneOf('--tool', values.tool, ['wrk', 'autocannon'] as const),
    json,
    settings,
    complete: !quick && only.length === 0 && logs === 'pipe' && isFull(settings),
  };
}

/** `NAME=COMMAND,PATH`: the path is what follows the last comma. */
export function readPeer(text: string): PeerOption {
  const [, name, command, path] = /^([^=]+)=(.+),(\/[^,]*)$/s.exec(text) ?? [];
  if (name === undefined || command === undefined || path === undefined) {
    throw new Error(`--peer takes NAME=COMMAND,PATH, and ${text} is not that`);
  }
  return { name, command, path };
}

function isFull(settings: Settings): boolean {
  const lengths = ['rounds', 'seconds', 'warmUp', 'soakMinutes'] as const;
  return lengths.every((length) => settings[length] >= FULL[length]);
}

function count(option: string, value: string | undefined, fallback: number): number {
  const number = Number(value ?? fallback);
  if (!Number.isInteger(number) || number < 1) throw new Error(`${option} takes a number from 1 on`);
  return number;
}

function oneOf<T extends string>(option: string, value: string, choices: readonly T[]): T {
  const choice = choices.find((each) => each === value);
  if (choice === undefined) throw new Error(`${option} takes ${choices.join(' or ')}`);
  return choice;
}
