/** How readings of an account reach the capital ledger: when, and which entries each of them may settle. */
import { Decimal } from 'decimal.js';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type { TradingAccount } from '../../../engine/exchanges/exchange.ts';
import { CapitalWatch } from '../../../engine/accounts/capital.ts';
import type { CapitalReading, CapitalStore, FreeBalance } from '../../../engine/persistence/capital-store.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

/** Keeps what is asked and written; what stands in it is the next answer. */
class ScriptedLedger implements CapitalStore {
  known = new Map<string, { version: string; ageMs: number }>();
  over: readonly string[] = [];
  lossCapped: readonly string[] = [];
  readonly written: { readonly over: readonly string[]; readonly free: string[] }[] = [];
  losses = 0;

  async begin(venue: string, account: string): Promise<CapitalReading> {
    return { venue, account, begunAt: 'now', known: this.known, over: this.over, lossCapped: this.lossCapped };
  }
  async write({ over }: CapitalReading, balances: readonly FreeBalance[]): Promise<ReadonlySet<string>> {
    this.written.push({ over, free: balances.map(({ asset, free }) => `${free.toFixed()} ${asset}`) });
    return new Set(balances.map(({ asset }) => asset));
  }
  async noteLosses(): Promise<void> {
    this.losses += 1;
  }
}

const stale = new Map([['USDT', { version: '1', ageMs: 60_000 }]]);
const fresh = new Map([['USDT', { version: '1', ageMs: 1_000 }]]);

describe('the watch over the capital of an account', () => {
  let clock: FakeClock;
  let ledger: ScriptedLedger;
  let watch: CapitalWatch;
  let readAt: number[];
  let published: number;
  let assets: string[];
  let balances: () => ReturnType<TradingAccount['balances']>;

  beforeEach(() => {
    clock = new FakeClock();
    ledger = new ScriptedLedger();
    readAt = [];
    published = 0;
    assets = ['USDT'];
    balances = async () => [{ asset: 'USDT', free: new Decimal(750), locked: new Decimal(10) }];
    const account: Pick<TradingAccount, 'name' | 'balances'> = {
      name: 'main',
      balances() {
        readAt.push(clock.monotonic());
        return balances();
      },
    };
    watch = new CapitalWatch({
      account: account as TradingAccount,
      venue: 'simulated',
      store: ledger,
      clock,
      venueClock: { now: () => clock.now(), trusted: true, resync: () => Promise.resolve() },
      log: pino({ level: 'silent' }),
      get bots() {
        return assets.map((quoteAsset) => ({
          exposed: true,
          instrument: () => ({ quoteAsset }),
          publishResult: () => void (published += 1),
        }));
      },
    });
    watch.start();
  });

  it('reads what is free before bots run, without waiting for anything', async () => {
    await watch.ready(['USDT', 'BTC']);
    expect([readAt, ledger.written]).toEqual([[0], [{ over: [], free: ['750 USDT', '0 BTC'] }]]);
  });

  it('asks the exchange for nothing that another engine has just read', async () => {
    ledger.known = fresh;
    await watch.ready(['USDT']);
    expect(readAt).toEqual([]);
  });

  it('asks nothing where no live bot runs', async () => {
    assets = [];
    await clock.advance(100_000);
    expect(readAt).toEqual([]);
  });

  it('settles with a reading what was over two seconds before it, and no more', async () => {
    ledger.known = stale;
    ledger.over = ['first'];
    void watch.refresh();
    await settle();
    ledger.over = ['first', 'second'];
    await clock.advance(1_999);
    expect(readAt).toEqual([]);
    await clock.advance(1);
    expect([readAt, ledger.written]).toEqual([[2_000], [{ over: ['first'], free: ['750 USDT'] }]]);
  });

  it('settles nothing with the very first reading, which waits for nothing', async () => {
    ledger.over = ['first'];
    await watch.ready(['USDT']);
    expect(ledger.written.map(({ over }) => over)).toEqual([[]]);
  });

  it('keeps bots that were just taken waiting for no entry that is over; the next reading settles it', async () => {
    ledger.known = stale;
    ledger.over = ['of the engine that died'];
    await watch.ready(['USDT']);
    expect([readAt, ledger.written]).toEqual([[0], [{ over: [], free: ['750 USDT'] }]]);
    await clock.advance(32_000);
    expect(ledger.written[1]).toEqual({ over: ['of the engine that died'], free: ['750 USDT'] });
  });

  it('reads once for changes in a row, and every 30 s without any', async () => {
    ledger.known = stale;
    for (let change = 0; change < 10; change += 1) watch.changed();
    await clock.advance(100);
    expect(readAt).toEqual([0]);
    await clock.advance(65_000);
    expect(readAt).toEqual([0, 30_000, 60_000]);
  });

  it('reads no more often than every five seconds however often balances change', async () => {
    ledger.known = stale;
    ledger.over = ['always another'];
    for (let step = 0; step < 200; step += 1) {
      watch.changed();
      await clock.advance(100);
    }
    expect(readAt.every((at, index) => index === 0 || at - (readAt[index - 1] ?? 0) >= 5_000)).toBe(true);
    expect(readAt.length).toBeGreaterThanOrEqual(4);
  });

  it('reads once, when the database answers again, for all the changes that it was asked about meanwhile', async () => {
    ledger.known = stale;
    let begun = 0;
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const begin = ledger.begin.bind(ledger);
    ledger.begin = async (...place) => {
      begun += 1;
      await answered;
      return begin(...place);
    };
    for (let step = 0; step < 100; step += 1) {
      watch.changed();
      await clock.advance(10);
    }
    answer();
    await clock.advance(1_000);
    expect([begun, readAt.length]).toEqual([1, 1]);
    await clock.advance(4_000);
    // What changed after that reading had begun.
    expect([begun, readAt.length]).toEqual([2, 2]);
  });

  it('asks a database that is away no more often than every few seconds', async () => {
    const askedAt: number[] = [];
    ledger.begin = async () => {
      askedAt.push(clock.monotonic());
      throw new Error('away');
    };
    for (let step = 0; step < 100; step += 1) {
      watch.changed();
      await clock.advance(100);
    }
    expect(askedAt).toEqual([0, 3_000, 6_000, 9_000]);
  });

  it('writes nothing when the exchange does not answer, and tries again', async () => {
    balances = async () => Promise.reject(new Error('away'));
    await watch.ready(['USDT']);
    expect(ledger.written).toEqual([]);
    balances = async () => [];
    await clock.advance(30_000);
    expect(ledger.written).toEqual([{ over: [], free: ['0 USDT'] }]);
  });

  it('keeps bots waiting for a second and a half at most', async () => {
    balances = () => new Promise(() => undefined);
    let ready = false;
    void watch.ready(['USDT']).then(() => (ready = true));
    await clock.advance(1_499);
    expect(ready).toBe(false);
    await clock.advance(1);
    expect(ready).toBe(true);
  });

  it('has results published and losses looked at where the loss of the day is capped', async () => {
    ledger.known = fresh;
    await clock.advance(30_000);
    expect([published, ledger.losses]).toEqual([0, 0]);
    ledger.lossCapped = ['USDT'];
    await clock.advance(30_000);
    expect([published, ledger.losses]).toEqual([1, 1]);
  });
});
