/** What is written into the rows of bots that should run and do not. */
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Wish } from '../../../engine/persistence/bot-store.ts';
import { Waiting } from '../../../engine/supervisor/waiting.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const wish = (botId: string, holder: string | null = null): Wish => ({
  ...{ botId, holder, wanted: true, unfinished: false, configVersion: 1, venue: 'simulated', epoch: 0, commanded: false },
});
const redisAway = 'Redis does not answer since 2026-11-30T13:00:00.000Z (connect ECONNREFUSED 127.0.0.1:6379)';

describe('bots that wait', () => {
  let clock: FakeClock;
  let told: string[];
  let databaseAway: boolean;
  let waiting: Waiting;

  beforeEach(() => {
    clock = new FakeClock();
    told = [];
    databaseAway = false;
    waiting = new Waiting({
      store: {
        async tellWaiting(bots) {
          if (databaseAway) throw new Error('connect ECONNREFUSED');
          told.push(...bots.map(({ botId, holder, message }) => `${botId} (${holder ?? 'nobody'}): ${message}`));
        },
      },
      owner: 'me',
      capacity: 5,
      lockTtlMs: 10_000,
      clock,
      log: pino({ level: 'silent' }),
    });
  });

  it('say what hinders them, once per reason', async () => {
    await waiting.tell([wish('1'), wish('2')], redisAway, false);
    await waiting.tell([wish('1'), wish('2')], redisAway, false);
    expect(told).toEqual([`1 (nobody): waits to be started: ${redisAway}`, `2 (nobody): waits to be started: ${redisAway}`]);
    await waiting.tell([wish('1')], 'the exchange has not told its symbols and their filters yet', false);
    expect(told.slice(2)).toEqual(['1 (nobody): waits to be started: the exchange has not told its symbols and their filters yet']);
  });

  it('say so again after a database that was away', async () => {
    databaseAway = true;
    await waiting.tell([wish('1')], redisAway, false);
    databaseAway = false;
    await waiting.tell([wish('1')], redisAway, false);
    expect(told).toHaveLength(1);
  });

  it('say that the engine is full, or that a lock of somebody else stays in their way', async () => {
    await waiting.tell([wish('1')], null, true);
    expect(told).toEqual(['1 (nobody): waits to be started: this engine has no room for more than 5 bots (EVENKEEL_CAPACITY)']);
    await waiting.tell([wish('2')], null, false);
    await clock.advance(10_001);
    await waiting.tell([wish('2')], null, false);
    expect(told.slice(1)).toEqual(['2 (nobody): waits to be started: another engine holds its lock and has not started it']);
  });

  it('are not spoken of while another engine may run them; only after a while, and only what is certain', async () => {
    await waiting.tell([wish('1', 'engine-b')], redisAway, false);
    await clock.advance(9_000);
    await waiting.tell([wish('1', 'engine-b')], redisAway, false);
    expect(told).toEqual([]);
    await clock.advance(2_000);
    await waiting.tell([wish('1', 'engine-b')], redisAway, false);
    expect(told).toEqual([`1 (engine-b): engine engine-b had it last; if it is gone, the bot waits to be taken over: ${redisAway}`]);
    await waiting.tell([wish('2', 'engine-b')], null, true);
    await clock.advance(60_000);
    await waiting.tell([wish('2', 'engine-b')], null, true);
    expect(told).toHaveLength(1);
  });
});
