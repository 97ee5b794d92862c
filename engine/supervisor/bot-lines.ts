/**
 * What the log says of bots that come and go: a line for each, or one for all of them when many do at once. With thousands of bots a
 * start would otherwise fill the log; who they are is told at `debug` then.
 */
import type { Log } from '../observe/log.ts';
import type { BotRows } from '../persistence/bot-store.ts';

/** More than these at once are told in one line. */
export const linesMax = 20;

export interface StartedBot {
  readonly botId: string;
  readonly rows: BotRows;
  /** The engine that had it; null when nobody did. */
  readonly takenFrom: string | null;
  /** False when it is switched off, and taken only for what it has left. */
  readonly wanted: boolean;
}

export interface StoppedBot {
  readonly botId: string;
  readonly name: string;
  readonly symbol: string;
  readonly why: string;
  /** What it leaves. */
  readonly leaves: string;
}

export interface OpenPosition {
  readonly botId: string;
  readonly symbol: string;
  readonly mode: 'live' | 'paper';
  readonly quantity: string;
  /** Trigger of the stop that rests at the exchange; null when none does. */
  readonly stopPrice: string | null;
}

/** What an engine that ends has let go of. */
export interface LetGo {
  readonly bots: number;
  readonly positions: readonly OpenPosition[];
}

export function tellStarted(log: Log, bots: readonly StartedBot[]): void {
  const few = bots.length <= linesMax;
  for (const bot of bots) log[few ? 'info' : 'debug'](...startedLine(bot));
  if (few) return;
  const count = (counted: (bot: StartedBot) => boolean): number => bots.filter(counted).length;
  log.info(
    {
      bots: bots.length,
      live: count(({ rows }) => rows.config.mode === 'live'),
      paper: count(({ rows }) => rows.config.mode === 'paper'),
      withPosition: count(({ rows }) => rows.stateData.position.openedAtMs !== null),
      takenOver: count(({ takenFrom }) => takenFrom !== null),
    },
    'bots started',
  );
}

function startedLine({ botId, rows, takenFrom, wanted }: StartedBot): [Record<string, unknown>, string] {
  const { mode, columns } = rows.config;
  const { name, symbol, timeframe, strategy } = columns;
  const { position } = rows.stateData;
  const held = position.openedAtMs === null ? null : position.quantity.toFixed();
  const taken = takenFrom === null ? '' : `, taken over from engine ${takenFrom}`;
  const holds = held === null ? '' : `; it holds ${held}`;
  const leaving = wanted ? '' : '; it is switched off and kept until what it has left is over';
  return [
    { botId, name, symbol, timeframe, mode, strategy, position: held, takenFrom },
    `bot started: ${name} (${mode}, ${symbol} ${timeframe}, ${strategy})${taken}${holds}${leaving}`,
  ];
}

export function tellStopped(log: Log, bots: readonly StoppedBot[]): void {
  const few = bots.length <= linesMax;
  for (const { botId, name, symbol, why, leaves } of bots)
    log[few ? 'info' : 'debug']({ botId, name, symbol, why, leaves }, `bot stopped: ${name} (${why}; ${leaves})`);
  if (!few) log.info({ bots: bots.length }, 'bots stopped');
}

/** Bots that another engine has by now. */
export function tellLost(log: Log, botIds: readonly string[]): void {
  const text = 'another engine took the bot; it stopped here without a further write';
  if (botIds.length <= linesMax) for (const botId of botIds) log.warn({ botId }, text);
  else
    log.warn(
      { bots: botIds.length, some: botIds.slice(0, linesMax) },
      'another engine took the bots; they stopped here without a further write',
    );
}

/** The last line of an engine that ends in order. */
export function lastLine({ bots, positions }: LetGo): { readonly fields: Record<string, unknown>; readonly text: string } {
  const bare = positions.filter(({ mode, stopPrice }) => mode === 'live' && stopPrice === null).length;
  const kept =
    positions.length === 0
      ? 'no position is open'
      : `${counted(positions.length, 'position')} ${positions.length === 1 ? 'stays' : 'stay'} open${bare === 0 ? '' : `, ${bare} of them live without a stop at the exchange`}`;
  return { fields: { bots, positions: positions.slice(0, linesMax) }, text: `stopped: ${counted(bots, 'bot')} let go, ${kept}` };
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
