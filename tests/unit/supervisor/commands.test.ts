/** Commands of users to bots that run here: what they do, and when they count as carried out. */
import { beforeEach, expect, it } from 'vitest';
import type { PendingCommand } from '../../../engine/persistence/bot-store.ts';
import { Commands } from '../../../engine/supervisor/commands.ts';
import type { RunningEntry } from '../../../engine/supervisor/statuses.ts';
import type { EntryBlock, TradingEvent } from '../../../engine/trading/events.ts';

let done: string[];
let entries: Map<string, RunningEntry>;
let blocks: EntryBlock[];
let databaseAway: boolean;
let commands: Commands;

/** Stands in for a session: what it was told, in the order of everything else. */
const session = {
  get state() {
    return { blocks };
  },
  block: (block: EntryBlock) => void done.push(`block ${block.rule}: ${block.reason}`),
  unblock: (rule: string) => void done.push(`unblock ${rule}`),
  tell: (event: TradingEvent) => void done.push(event.type === 'close-requested' ? event.reason : event.type),
};
const entryOf = (botId: string, recovered: boolean): RunningEntry =>
  ({ botId, epoch: 3, bot: { session: recovered ? session : null } }) as unknown as RunningEntry;
const asked = (command: PendingCommand['command'], botId = '1', reason: string | null = 'news'): PendingCommand => ({
  ...{ id: `${botId} ${command}`, botId, command, reason },
});

beforeEach(() => {
  done = [];
  blocks = [];
  databaseAway = false;
  entries = new Map([
    ['1', entryOf('1', true)],
    ['2', entryOf('2', false)],
  ]);
  commands = new Commands({
    store: { finishCommands: async (finished) => void done.push(`finished ${finished.map(({ id }) => id).join(', ')}`) },
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

it('a pause counts as carried out only when the rows have it', async () => {
  await commands.carryOut([asked('pause-entries')]);
  const effect = ['block paused: entries are paused: news', 'changed 1', 'flush'];
  expect(done).toEqual([...effect, 'finished 1 pause-entries']);
  done = [];
  databaseAway = true;
  await commands.carryOut([asked('pause-entries')]);
  expect(done).toEqual(effect);
});

it('a resumed bot that is held is lifted in the rows before it may enter', async () => {
  blocks = [{ rule: 'held', reason: 'an order appeared late' }];
  await commands.carryOut([asked('resume')]);
  expect(done).toEqual(['unblock paused', 'lift 1 of epoch 3', 'unblock held', 'changed 1', 'flush', 'finished 1 resume']);
});

it('a bot that has not recovered hears of it in a later round, but for its start and stop, which are wishes', async () => {
  await commands.carryOut([asked('close-position', '2'), asked('stop', '2'), asked('close-position', '9')]);
  expect(done).toEqual(['changed 2', 'flush', 'finished 2 stop']);
});

it('a close is asked for in the words of its user', async () => {
  await commands.carryOut([asked('close-position'), asked('close-position', '1', null)]);
  expect(done.filter((what) => what.startsWith('close'))).toEqual(['close requested: news', 'close requested: asked for by a user']);
});
