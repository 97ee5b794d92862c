/** Commands of users to bots that run here: what they do, and when they count as carried out. */
import { beforeEach, expect, it } from 'vitest';
import type { PendingCommand } from '../../../engine/persistence/bot-store.ts';
import { Commands } from '../../../engine/supervisor/commands.ts';
import type { RunningEntry } from '../../../engine/supervisor/statuses.ts';
import type { EntryBlock, TradingEvent } from '../../../engine/trading/events.ts';
import { d } from '../trading/given.ts';

let done: string[];
let entries: Map<string, RunningEntry>;
let blocks: EntryBlock[];
let databaseAway: boolean;
let pending: readonly PendingCommand[];
let nowMs: number;
let phase: string;
let exiting: object | null;
let commands: Commands;

/** Stands in for a session: what it was told, in the order of everything else. */
const session = {
  get state() {
    return { blocks, exiting, position: { quantity: d('0.001') } };
  },
  get phase() {
    return phase;
  },
  instrument: { baseAsset: 'BTC' },
  block: (block: EntryBlock) => void done.push(`block ${block.rule}: ${block.reason}`),
  unblock: (rule: string) => void done.push(`unblock ${rule}`),
  tell: (event: TradingEvent) => {
    done.push(event.type === 'close-requested' ? event.reason : event.type);
    exiting = {};
  },
};
const entryOf = (botId: string, recovered: boolean): RunningEntry =>
  ({ botId, epoch: 3, bot: { session: recovered ? session : null } }) as unknown as RunningEntry;
const asked = (command: PendingCommand['command'], botId = '1', reason: string | null = 'news'): PendingCommand => ({
  ...{ id: `${botId} ${command}`, botId, command, reason, leftMs: 1_000 },
});

beforeEach(() => {
  done = [];
  blocks = [];
  databaseAway = false;
  nowMs = 0;
  phase = 'holding';
  exiting = null;
  entries = new Map([
    ['1', entryOf('1', true)],
    ['2', entryOf('2', false)],
  ]);
  commands = new Commands({
    store: {
      pendingCommands: async () => pending,
      finishCommands: async (finished) => void done.push(`finished ${finished.map(({ id, fate }) => `${id} (${fate})`).join(', ')}`),
    },
    clock: { monotonic: () => (nowMs += 1) },
    statuses: {
      changed: ({ botId }) => void done.push(`changed ${botId}`),
      flush: async () => {
        done.push('flush');
        return !databaseAway;
      },
    },
    venueClock: { now: () => 5, trusted: true, resync: () => Promise.resolve() },
    entry: (botId) => entries.get(botId) ?? null,
    lift: async (botId, epoch) => void done.push(`lift ${botId} of epoch ${epoch}`),
  });
});

/** A round of the supervisor in which these wait. */
async function round(...waiting: readonly PendingCommand[]): Promise<readonly string[]> {
  done = [];
  pending = waiting;
  await commands.carryOut(['1', '2']);
  return done;
}

it('a pause counts as carried out only when the rows have it, and is not carried out again until they do', async () => {
  const effect = ['block paused: entries are paused: news', 'changed 1', 'flush'];
  databaseAway = true;
  expect(await round(asked('pause-entries'))).toEqual(effect);
  expect(await round(asked('pause-entries'))).toEqual(['flush']);
  databaseAway = false;
  expect(await round()).toEqual(['flush', 'finished 1 pause-entries (done)']);
  expect(await round()).toEqual([]);
});

it('a close sells once, however long its end cannot be written', async () => {
  databaseAway = true;
  await round(asked('close-position'));
  exiting = null;
  expect(await round(asked('close-position'))).toEqual(['flush']);
});

it('what an actor did that is over is done by the next one', async () => {
  databaseAway = true;
  await round(asked('pause-entries'));
  entries.set('1', entryOf('1', true));
  databaseAway = false;
  expect(await round(asked('pause-entries'))).toEqual([
    'block paused: entries are paused: news',
    'changed 1',
    'flush',
    'finished 1 pause-entries (done)',
  ]);
});

it('one that expired while the process stood still is not carried out', async () => {
  expect(await round({ ...asked('close-position'), leftMs: 0.5 })).toEqual([]);
});

it('a resumed bot that is held is lifted in the rows before it may enter', async () => {
  blocks = [{ rule: 'held', reason: 'an order appeared late' }];
  expect(await round(asked('resume'))).toEqual([
    'unblock paused',
    'lift 1 of epoch 3',
    'unblock held',
    'changed 1',
    'flush',
    'finished 1 resume (done)',
  ]);
});

it('a bot that has not recovered hears of it in a later round, but for its start and stop, which are wishes', async () => {
  expect(await round(asked('close-position', '2'), asked('stop', '2'), asked('close-position', '9'))).toEqual([
    'changed 2',
    'flush',
    'finished 2 stop (done)',
  ]);
});

it('a close is asked for in the words of its user', async () => {
  const closes = async (reason: string | null): Promise<readonly string[]> =>
    (await round({ ...asked('close-position', '1', reason), id: String(reason) })).filter((what) => what.startsWith('close'));
  expect([await closes('news'), await closes(null)]).toEqual([['close requested: news'], ['close requested: asked for by a user']]);
});

it('a close of nothing is refused, and what is left is told', async () => {
  phase = 'flat';
  expect(await round(asked('close-position'))).toEqual(['changed 1', 'flush', 'finished 1 close-position (refused)']);
});
