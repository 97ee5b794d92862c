import { beforeEach, describe, expect, it } from 'vitest';
import { createMemoryCoordination, createMemoryStore } from '../../../engine/coordination/memory.ts';
import { reachNothing } from '../../../engine/crash-points.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import type { BotRows, BotStore, Wish } from '../../../engine/persistence/bot-store.ts';
import { Leases } from '../../../engine/supervisor/leases.ts';
import { Quarantine } from '../../../engine/supervisor/quarantine.ts';
import { RunningBots } from '../../../engine/supervisor/running-bots.ts';
import { Supervisor } from '../../../engine/supervisor/supervisor.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordedLog } from '../../support/recorded-log.ts';
import type { RecordedLog } from '../../support/recorded-log.ts';

const wish = (botId: string): Wish => ({
  botId,
  wanted: true,
  unfinished: false,
  configVersion: 1,
  venue: 'simulated',
  epoch: 0,
  holder: null,
  commanded: false,
});
const rows = { config: { version: 1, mode: 'live' } } as BotRows;

describe('bots that stop', () => {
  let clock: FakeClock;
  let recorded: RecordedLog;
  let released: string[][];
  let claimed: string[];
  let databaseAway: boolean;
  let wishesAway: boolean;
  let hindrance: string | null;
  let waiting: string[];
  let supervisor: Supervisor;
  let others: Leases;

  beforeEach(() => {
    clock = new FakeClock();
    recorded = recordedLog();
    released = [];
    claimed = [];
    databaseAway = false;
    wishesAway = false;
    hindrance = null;
    waiting = [];
    const store: BotStore = {
      async wishes() {
        if (wishesAway) throw new Error('timeout exceeded when trying to connect');
        return ['1', '2', '3'].map(wish);
      },
      async claim(botIds) {
        claimed.push(...botIds);
        return new Map(botIds.map((botId) => [botId, 1]));
      },
      async release(bots) {
        if (databaseAway) throw new Error('timeout exceeded when trying to connect');
        released.push(bots.map(({ botId }) => botId));
      },
      load: async (botIds) => new Map(botIds.map((botId) => [botId, rows])),
      writeStatuses: async () => new Set(),
      tellWaiting: async (bots) => void waiting.push(...bots.map(({ botId, message }) => `${botId}: ${message}`)),
      pendingCommands: async () => [],
      finishCommands: async () => undefined,
    };
    const metrics = createMetrics();
    const memory = createMemoryStore(clock);
    const leasesOf = (owner: string): Leases =>
      new Leases({ coordination: createMemoryCoordination({ clock, owner, metrics, store: memory }), clock, ttlMs: 10_000 });
    others = leasesOf('other');
    supervisor = new Supervisor({
      store,
      bots: new RunningBots(recorded.log),
      owner: 'me',
      venue: 'simulated',
      capacity: 10,
      claimPollMs: 2_000,
      lockTtlMs: 10_000,
      leases: leasesOf('me'),
      quarantine: new Quarantine(() => 0),
      clock,
      venueClock: { now: () => clock.now(), trusted: true, resync: async () => undefined },
      log: recorded.log,
      metrics,
      reach: reachNothing,
      prepare: async () => ({ changed: new Set(), blocks: new Map() }),
      hindrance: () => hindrance,
      lift: async () => undefined,
      equip: async () => {
        throw new Error('the exchange does not list it');
      },
    });
  });

  it('are marked so together, in few statements', async () => {
    await supervisor.wake();
    await clock.advance(100);
    expect(released.flat().sort()).toEqual(['1', '2', '3']);
    expect(released.length).toBeLessThanOrEqual(2);
  });

  it('are marked so when the database is back, are not taken by us before, and may be taken by others at once', async () => {
    databaseAway = true;
    await supervisor.wake();
    await clock.advance(20_000);
    await supervisor.wake();
    expect(released).toEqual([]);
    expect(claimed).toEqual(['1', '2', '3']);
    expect(await others.acquire(['1', '2', '3'])).toEqual(['1', '2', '3']);
    databaseAway = false;
    await clock.advance(1_000);
    expect(released.flat().sort()).toEqual(['1', '2', '3']);
    expect(recorded.told().filter((line) => line.includes('could not be marked'))).toEqual([
      'warn: bots that stopped could not be marked so in the database; trying on',
    ]);
  });

  it('are not compared while their rows cannot be read: the log says so once, until they can be', async () => {
    wishesAway = true;
    for (let round = 0; round < 3; round += 1) await supervisor.wake();
    wishesAway = false;
    await supervisor.wake();
    wishesAway = true;
    for (let round = 0; round < 3; round += 1) await supervisor.wake();
    expect(recorded.told().filter((line) => line.includes('could not be compared'))).toHaveLength(2);
  });

  it('do not keep a stop waiting for a database that stays away', async () => {
    databaseAway = true;
    await supervisor.wake();
    let stopped = false;
    void supervisor.drain(5_000).then(() => (stopped = true));
    await clock.advance(6_000);
    expect(stopped).toBe(true);
  });

  it('are not taken while something hinders, their rows say what, and they are taken when it is over', async () => {
    hindrance = 'Redis takes no writes since 2026-11-30T13:00:00.000Z (OOM)';
    await supervisor.wake();
    expect(claimed).toEqual([]);
    expect(waiting).toEqual(['1', '2', '3'].map((botId) => `${botId}: waits to be started: ${hindrance ?? ''}`));
    hindrance = null;
    await supervisor.wake();
    expect(claimed).toEqual(['1', '2', '3']);
    expect(waiting).toHaveLength(3);
  });
});
