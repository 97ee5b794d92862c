/** Bots that are taken over wait for the comparison with the exchange, their positions do not. */
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Drift, DriftWatch } from '../../../engine/accounts/drift.ts';
import type { AccountReconciler, ReconcileTarget } from '../../../engine/accounts/reconcile.ts';
import { TakeOver } from '../../../engine/accounts/take-over.ts';
import type { RunningBot } from '../../../engine/accounts/take-over.ts';
import type { ReconcileStore } from '../../../engine/persistence/reconcile-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { btc, d } from '../trading/given.ts';

let clock: FakeClock;
let answer: () => Promise<ReadonlySet<string>>;
let standing: Map<string, Drift>;
let told: string[];
let running: RunningBot[];
let takeOver: TakeOver;
let late: boolean;
/** What the comparison fails with after it has changed rows. */
let failing: Error | null;
let compared: readonly ReconcileTarget[];

const claimed = { botId: '1', epoch: 4, symbol: 'BTCUSDT', instrument: () => btc };
const bot = (epoch = 4): RunningBot => ({
  ...claimed,
  epoch,
  exposed: true,
  block: (block) => void told.push(`block ${block.rule}`),
  unblock: (rule) => void told.push(`unblock ${rule}`),
  rebuild: () => void told.push('rebuild'),
});

beforeEach(() => {
  clock = new FakeClock();
  answer = async () => new Set();
  standing = new Map();
  told = [];
  running = [];
  late = false;
  failing = null;
  compared = [];
  takeOver = new TakeOver({
    reconciler: {
      async reconcile(targets: readonly ReconcileTarget[], changed: Set<string>) {
        compared = targets;
        for (const botId of await answer()) changed.add(botId);
        if (failing !== null) throw failing;
      },
    } as unknown as AccountReconciler,
    drift: {
      check: async () => standing,
      get standing() {
        return standing;
      },
    } as unknown as DriftWatch,
    rows: {
      starts: async () => [{ botId: '1', throughMs: 0, createdAtMs: 0, oldestNeverPlacedMs: late ? 1 : null }],
    } as unknown as ReconcileStore,
    clock,
    log: pino({ level: 'silent' }),
    driftIntervalMs: 30_000,
    running: { [Symbol.iterator]: () => running[Symbol.iterator]() },
  });
});

const away = (): Promise<never> => Promise.reject(new Error('the exchange is away'));

describe('a take-over', () => {
  it('lets bots enter at once when the comparison succeeds, from rows as they are after it', async () => {
    answer = async () => new Set(['1']);
    expect(await takeOver.prepare([claimed])).toEqual({ changed: new Set(['1']), blocks: new Map([['1', []]]) });
  });

  it('keeps entries closed, with the reason, until a later comparison succeeds', async () => {
    answer = away;
    const { blocks } = await takeOver.prepare([claimed]);
    expect(blocks.get('1')).toEqual([{ rule: 'reconciling', reason: expect.stringContaining('the exchange is away') as string }]);
    running = [bot()];
    await clock.advance(60_000);
    expect(told).toEqual([]);
    answer = async () => new Set();
    await clock.advance(15_000);
    expect(told).toEqual(['unblock drift', 'unblock reconciling']);
  });

  it('does not keep positions waiting for an exchange that says nothing', async () => {
    let finish: (changed: ReadonlySet<string>) => void = () => undefined;
    answer = () => new Promise((resolve) => (finish = resolve));
    const preparing = takeOver.prepare([claimed]);
    await clock.advance(5_000);
    expect((await preparing).blocks.get('1')).toMatchObject([{ rule: 'reconciling' }]);
    running = [bot()];
    // Its answer comes after all, and the rows that the bot was built from are not what they were.
    finish(new Set(['1']));
    await clock.advance(0);
    expect(told).toEqual(['rebuild']);
  });

  it('loads bots anew whose rows the comparison had changed before it failed', async () => {
    answer = async () => new Set(['1']);
    failing = new Error('the connection broke');
    const { changed, blocks } = await takeOver.prepare([claimed]);
    expect([changed, blocks.get('1')?.map(({ rule }) => rule)]).toEqual([new Set(['1']), ['reconciling']]);
  });

  it('leaves the orders of bots alone that it no longer keeps waiting', async () => {
    answer = () => new Promise(() => undefined);
    const preparing = takeOver.prepare([claimed]);
    await clock.advance(4_999);
    expect(compared.map(({ running: runs }) => runs)).toEqual([false]);
    await clock.advance(1);
    await preparing;
    expect(compared.map(({ running: runs }) => runs)).toEqual([true]);
  });

  it('builds a bot anew that was started on rows which a comparison changed late, and that failed', async () => {
    let finish: (changed: ReadonlySet<string>) => void = () => undefined;
    answer = () => new Promise((resolve) => (finish = resolve));
    const preparing = takeOver.prepare([claimed]);
    await clock.advance(5_000);
    await preparing;
    failing = new Error('the connection broke');
    finish(new Set(['1']));
    await clock.advance(0);
    // Only now it runs.
    running = [bot()];
    answer = async () => new Set();
    await clock.advance(1_000);
    expect(told).toEqual(['rebuild']);
  });

  it('builds a bot anew instead of opening its entries when a later comparison changed its rows', async () => {
    answer = away;
    await takeOver.prepare([claimed]);
    running = [bot()];
    answer = async () => new Set(['1']);
    await clock.advance(1_000);
    expect(told).toEqual(['rebuild']);
  });

  it('does not open entries of a bot that was taken again meanwhile', async () => {
    answer = away;
    await takeOver.prepare([claimed]);
    running = [bot(5)];
    answer = async () => new Set();
    await clock.advance(20_000);
    expect(told).toEqual([]);
  });

  it('closes entries of bots whose coins are missing, from the start and while they run', async () => {
    standing = new Map([['BTC', { asset: 'BTC', held: d(1), balance: d(0), reason: 'missing' }]]);
    expect((await takeOver.prepare([claimed])).blocks.get('1')).toEqual([{ rule: 'drift', reason: 'missing' }]);
    running = [bot()];
    await takeOver.checkDrift();
    standing = new Map();
    await takeOver.checkDrift();
    expect(told).toEqual(['block drift', 'unblock drift']);
  });
});

describe('later searches', () => {
  it('look every five minutes where an order was declared never placed, and everywhere once an hour', async () => {
    let asked = 0;
    answer = async () => {
      asked += 1;
      return new Set();
    };
    running = [bot()];
    takeOver.start();
    await clock.advance(3_500_000);
    const before = asked;
    await clock.advance(200_000);
    expect([before, asked]).toEqual([11, 12]);
    await takeOver.stop();
  });

  it('build a bot anew whose order was found', async () => {
    answer = async () => new Set(['1']);
    running = [bot()];
    await takeOver.searchSymbol('ETHUSDT');
    failing = new Error('the connection broke after that');
    await takeOver.searchSymbol('ETHUSDT');
    expect(told).toEqual(['rebuild', 'rebuild']);
  });
});
