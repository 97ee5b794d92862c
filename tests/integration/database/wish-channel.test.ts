import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SecondEngine, WishChannel, tellEngines } from '../../../engine/database/wish-channel.ts';
import type { WishChannelOptions } from '../../../engine/database/wish-channel.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { recordedLog } from '../../support/recorded-log.ts';
import { FaultProxy } from '../../chaos/proxy.ts';
import { eventually } from '../../e2e/support/processes.ts';
import { openRows, silent } from '../persistence/given.ts';
import type { Rows } from '../persistence/given.ts';

let rows: Rows;
beforeAll(async () => {
  rows = await openRows();
});
afterAll(() => rows.close());

const open = async (change: Partial<WishChannelOptions> = {}) => {
  let wishes = 0;
  const channel = new WishChannel({
    url: rows.url,
    clock: systemClock,
    log: silent,
    logSql: false,
    exclusive: false,
    onWish: () => void (wishes += 1),
    onLostExclusive: () => undefined,
    ...change,
  });
  await channel.start();
  return { channel, heard: () => wishes };
};

describe('the wish channel', () => {
  it('hears of changed wishes, also after its connection was cut', async () => {
    const { channel, heard } = await open();
    await tellEngines(rows.orm.em.fork());
    await eventually('the wish was heard', 5_000, async () => heard() === 1);
    await rows.pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'evenkeel-wishes' and datname = current_database()",
    );
    await eventually('it is back, and whatever it missed is looked for', 10_000, async () => heard() === 2);
    await tellEngines(rows.orm.em.fork());
    await eventually('the wish was heard again', 5_000, async () => heard() === 3);
    await channel.stop();
    expect(heard()).toBe(3);
  });

  it('tells the log once that the database is away, and once that it is back', async () => {
    const link = await FaultProxy.start('database', rows.url);
    const { log, told } = recordedLog();
    const { channel, heard } = await open({ url: link.through(rows.url), log });
    link.set({ kind: 'refused' });
    await eventually('the log says so', 20_000, async () => told().length > 0);
    // It asks again and again meanwhile.
    const { harmed } = link;
    await eventually('it has been asked for again', 20_000, async () => link.harmed >= harmed + 2);
    link.heal();
    await eventually('it is back', 20_000, async () => heard() === 1);
    await channel.stop();
    await link.stop();
    expect(told().map((line) => line.replaceAll(/\d{4}-\S+Z/g, 'T'))).toEqual([
      'warn: the database does not answer since T: no order is sent, stops at the exchange stay, and what happens is written when it is back',
      'info: the database is back (it had been away since T)',
    ]);
  }, 90_000);

  it('refuses a second engine without Redis, and lets the next one in after the first', async () => {
    const first = await open({ exclusive: true });
    await expect(open({ exclusive: true })).rejects.toThrow(SecondEngine);
    await first.channel.stop();
    const second = await open({ exclusive: true });
    await second.channel.stop();
  }, 30_000);
});
