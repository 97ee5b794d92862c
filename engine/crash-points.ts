/**
 * Named places at which a crash could do most harm. The code calls `reach` at each; normally that does nothing. A proof arms one with
 * `EVENKEEL_CRASH_AT`: the process kills (or stops) itself there. In the simulation the simulated process is dead from there on.
 */
export const crashPoints = {
  CP1: 'before the intents are committed',
  CP2: 'the commit is under way',
  CP3: 'the intents are durable, nothing is sent',
  CP4: 'an order is on the wire',
  CP5: 'the exchange told of an execution before it answered',
  CP6: 'the answer to an order is here, nothing is written',
  CP7: 'before evidence is written',
  CP8: 'evidence is written, nobody was told',
  CP9: 'before a protective order is placed',
  CP10: 'a protective order was placed',
  CP11: 'a protective order is being replaced',
  CP12: 'in the middle of a reconciliation',
  CP13: 'in the middle of a take-over',
  CP14: 'in the middle of a migration',
} as const;

export type CrashPoint = keyof typeof crashPoints;

/** Says that the named place is passed. Returns, unless the process dies of it. */
export type Reach = (point: CrashPoint) => void;

export const reachNothing: Reach = () => undefined;

/** An `EVENKEEL_CRASH_AT` that names no place. */
export class UnknownCrashPoint extends Error {
  constructor(text: string) {
    super(
      `"${text}" names no crash point: write one of ${Object.keys(crashPoints).join(', ')}, ":n" behind it for the n-th time, and ":stop" at the end to be paused (SIGSTOP) there instead of killed`,
    );
    this.name = 'UnknownCrashPoint';
  }
}

/** What happens at an armed point: the process is killed, or it stands still until somebody sends SIGCONT. */
export type CrashSignal = 'SIGKILL' | 'SIGSTOP';

/** Reads `CP3`, `CP3:2` (the second time) or `CP3:2:stop`; `die` is called when that is reached. Throws `UnknownCrashPoint`. */
export function armCrashPoint(text: string, die: (signal: CrashSignal) => void): Reach {
  const match = /^(CP\d+)(?::([1-9]\d*))?(:stop)?$/.exec(text);
  const name = match?.[1] ?? '';
  if (!Object.hasOwn(crashPoints, name)) throw new UnknownCrashPoint(text);
  const signal = match?.[3] === undefined ? 'SIGKILL' : 'SIGSTOP';
  let left = Number(match?.[2] ?? 1);
  return (point) => {
    if (point !== name) return;
    left -= 1;
    if (left === 0) die(signal);
  };
}
