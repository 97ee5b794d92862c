/** The kill switch under outages: no entry is accepted later than a second after it was set, however it was set, and a kill -9 does not lift it. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../e2e/support/processes.ts';
import { beginZigzag, candleMs, entersAgain, lastEntryWithin } from '../e2e/support/zigzag.ts';
import type { Zigzag } from '../e2e/support/zigzag.ts';

const limitMs = 1_000;
/** Long enough for some ten closes at which the bot would enter. */
const watchMs = 3_000;

type Outage = 'nothing' | 'database' | 'redis' | 'exchange';
const means = ['API', 'kill file', 'signal'] as const;

const asked = { scope: 'engine', policy: 'leave', reason: 'test' };

/** An engine of its own, and how its switch is set and released. */
interface Given {
  readonly zigzag: Zigzag;
  readonly db: Client;
  readonly breakLink: (outage: Outage) => void;
  readonly mend: (outage: Outage) => void;
  /** Resolves when it was set: answered, touched, sent. */
  readonly set: (by: (typeof means)[number]) => Promise<number>;
  readonly release: () => Promise<void>;
  /** The bot goes on deciding: it is the switch that keeps it from entering. */
  readonly decidesOn: (closes: number) => Promise<unknown>;
}

async function begin(): Promise<Given> {
  const zigzag = await beginZigzag();
  const db = new Client({ connectionString: zigzag.databaseUrl });
  await db.connect();
  await entersAgain(zigzag);
  const decided = async (): Promise<number> => (await zigzag.engine.status()).settledThroughMs ?? 0;
  return {
    zigzag,
    db,
    breakLink(outage) {
      if (outage !== 'nothing') zigzag.links[outage].set({ kind: 'half-open' });
    },
    mend(outage) {
      if (outage === 'nothing') return;
      zigzag.links[outage].heal();
      zigzag.links[outage].end('reset');
    },
    async set(by) {
      if (by === 'API') return (await zigzag.engine.raw('POST', '/v1/kill-switch', asked)).status;
      if (by === 'kill file') writeFileSync(zigzag.killFile, '');
      else process.kill(zigzag.engine.process.pid, 'SIGUSR2');
      return 0;
    },
    async release() {
      rmSync(zigzag.killFile, { force: true });
      const { items } = await zigzag.engine.ask<{ items: { id: string | null }[] }>('GET', '/v1/kill-switch');
      for (const { id } of items) if (id !== null) await zigzag.engine.ask('DELETE', `/v1/kill-switch/${id}`);
      await entersAgain(zigzag);
    },
    async decidesOn(closes) {
      const from = await decided();
      return eventually('the bot decides on', 60_000, async () => (await decided()) >= from + closes * candleMs).catch(
        async (error: unknown) => {
          const status = JSON.stringify(await zigzag.engine.status());
          throw new Error(`${String(error)}\n${status}\n${zigzag.engine.process.output().slice(-20_000)}`);
        },
      );
    },
  };
}

const oneByOne = { concurrent: false };

/** Each of the three parts has an engine of its own, and they run at the same time: nearly all of the time is watching that nothing happens. */
describe.concurrent.each([
  ['nothing', 'database'],
  ['redis', 'exchange'],
] as const)('the kill switch while %s or %s is down', (...outages) => {
  let given: Given;
  beforeAll(async () => {
    given = await begin();
  });
  afterAll(async () => {
    await given.db.end();
    await given.zigzag.end();
  });

  for (const outage of outages)
    for (const by of means)
      it(`set by ${by} stops entries within 1 s while ${outage} is down`, oneByOne, async () => {
        const { zigzag, db, breakLink, mend, set, release, decidesOn } = given;
        breakLink(outage);
        const askedAt = performance.now();
        const status = await set(by);
        const answeredAfter = performance.now() - askedAt;
        mend(outage);
        const lastAt = await lastEntryWithin(zigzag, watchMs);
        if (process.env['EVENKEEL_E2E_TELL'] !== undefined)
          process.stderr.write(
            `${outage} ${by}: answered ${status} after ${Math.round(answeredAfter)} ms, last entry ${Math.round(lastAt)} ms later\n`,
          );
        expect(lastAt).toBeLessThan(limitMs);
        if (by === 'API') {
          // A busy database may take longer than the answer may.
          expect(outage === 'database' ? [202] : [201, 202]).toContain(status);
          await eventually('it has a row', 30_000, async () => {
            const { rows } = await db.query<{ n: string }>(
              "select count(*)::text as n from kill_switches where released_at is null and scope = 'engine'",
            );
            return rows[0]?.n === '1' && !existsSync(zigzag.killFile);
          });
        }
        const entered = await zigzag.entries();
        await decidesOn(6);
        expect(await zigzag.entries()).toBe(entered);
        await release();
      });
});

describe.concurrent('the kill switch', () => {
  let given: Given;
  beforeAll(async () => {
    given = await begin();
  });
  afterAll(async () => {
    await given.db.end();
    await given.zigzag.end();
  });

  it('set while the database is down survives kill -9, becomes a row with its audit entry, and is released by it', oneByOne, async () => {
    const { zigzag, db, breakLink, mend, set, release, decidesOn } = given;
    breakLink('database');
    expect(await set('API')).toBe(202);
    await zigzag.engine.process.end('SIGKILL');
    mend('database');
    const before = await zigzag.entries();
    await zigzag.restart();
    await decidesOn(6);
    expect(await zigzag.entries()).toBe(before);
    await eventually('it has a row and its audit entry', 10_000, async () => {
      const { rows } = await db.query<{ n: string }>(
        "select count(*)::text as n from kill_switches k join audit_log a on a.action = 'kill-switch-set' and a.detail->>'key' = k.key where k.released_at is null",
      );
      return rows[0]?.n === '1' && !existsSync(zigzag.killFile);
    });
    await zigzag.engine.process.end('SIGKILL');
    await zigzag.restart();
    await decidesOn(6);
    expect(await zigzag.entries()).toBe(before);
    await release();
  });

  it('set by a signal survives kill -9', oneByOne, async () => {
    const { zigzag, set, release, decidesOn } = given;
    await set('signal');
    await eventually('the kill file is there', 1_000, async () => existsSync(zigzag.killFile));
    await zigzag.engine.process.end('SIGKILL');
    const before = await zigzag.entries();
    await zigzag.restart();
    await decidesOn(6);
    expect(await zigzag.entries()).toBe(before);
    await release();
  });

  it('set by a kill file that cannot be understood stops the whole engine', oneByOne, async () => {
    const { zigzag, release } = given;
    writeFileSync(zigzag.killFile, '{"scope":"bot"');
    expect(await lastEntryWithin(zigzag, watchMs)).toBeLessThan(limitMs);
    await release();
  });

  it('of another bot leaves this one alone', oneByOne, async () => {
    const { zigzag, release } = given;
    writeFileSync(zigzag.killFile, JSON.stringify({ scope: 'bot', subject: '999' }));
    await new Promise((resolve) => setTimeout(resolve, limitMs));
    await entersAgain(zigzag);
    await release();
  });
});
