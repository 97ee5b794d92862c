/**
 * kill -9 with 100 bots and the production lock TTL of 10 s: how long until each bot of the killed engine runs again (its prices
 * are heard and its exits judged), by a standby that runs none before, and by a single engine that is started anew.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../e2e/support/processes.ts';
import { judge } from '../run.ts';
import { World } from '../world.ts';
import type { Replica } from '../replica.ts';
import { atMost, clean, inParts, print } from './proof.ts';
import type { Finding, Proof } from './proof.ts';

const bots = 100;
const kills = 3;
const pollMs = 25;
const patienceMs = 60_000;
const productionEnv = { EVENKEEL_LOCK_TTL_MS: '10000', EVENKEEL_CLAIM_POLL_MS: '2000', EVENKEEL_RECV_WINDOW_MS: '3000' };

export const recovery: Proof = (ground) =>
  inParts({
    // The killed one stays down until the standby has had its time.
    'with a standby': () => measure(ground, 'with a standby', [null, null], 15_000, 20_000),
    'single replica': () => measure(ground, 'single replica', [null], 20_000, 0),
  });

async function measure(
  { servers, folder }: Parameters<Proof>[0],
  what: string,
  crashAt: readonly null[],
  boundMs: number,
  downMs: number,
): Promise<readonly Finding[]> {
  const world = await World.start({
    servers,
    folder: folder(what.replaceAll(' ', '-')),
    seed: 5,
    bots,
    crashAt,
    standby: true,
    engineEnv: productionEnv,
    simulatorArgs: ['--weight-per-minute', '1000000'],
    onEvent: print,
  });
  try {
    const managed: number[] = [];
    const sold: number[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      await eventually('every engine is ready and one of them runs every bot', 90_000, async () => {
        const running = await Promise.all(world.replicas.map(statusOf));
        return running.every((status) => status !== null) && running.some((status) => status?.botsRunning === bots);
      });
      const holders = await Promise.all(
        world.replicas.map(async (replica) => ({ replica, running: (await statusOf(replica))?.botsRunning ?? 0 })),
      );
      const victim = holders.sort((a, b) => b.running - a.running)[0]?.replica;
      if (victim === undefined) throw new Error('there is no engine to kill');
      const holding = await eventually('some bots hold something', 60_000, async () => {
        const rows = await world.query<{ bot: string }>(
          `select bot from (select distinct on (bot_config_id) bot_config_id::text as bot, role from orders where state = 'filled'
             order by bot_config_id, id desc) last where role = 'entry'`,
        );
        return rows.length >= bots / 10 ? rows : null;
      });
      const killedAtMs = (await world.simulator.state()).nowMs;
      victim.kill('SIGKILL', downMs);
      managed.push(...(await untilManaged(world)));
      await sleep(3_000);
      const exits = await world.query<{ ms: number }>(
        `select min(signed_ts)::float8 - $1::float8 as ms from orders where role = 'exit' and signed_ts > $1::bigint and bot_config_id = any($2::bigint[]) group by bot_config_id`,
        [killedAtMs, holding.map(({ bot }) => bot)],
      );
      sold.push(...exits.map(({ ms }) => ms));
    }
    const verdict = await judge(world, () => undefined);
    return [
      atMost(`exits managed after kill -9, ${bots} bots, ${what}`, managed, 0.95, boundMs),
      atMost(`first exit order of bots that held something, ${what} (waits for a signal too)`, sold, 0.95, boundMs + 10_000),
      clean(`rows after ${kills} kills, ${what}`, verdict),
    ];
  } finally {
    world.keepLogs();
    await world.stop();
  }
}

/** For each bot the time from now until it runs in an engine that lives. */
async function untilManaged(world: World): Promise<readonly number[]> {
  const startedAt = performance.now();
  const times: number[] = [];
  while (times.length < bots) {
    const afterMs = performance.now() - startedAt;
    if (afterMs > patienceMs) return [...times, ...Array.from({ length: bots - times.length }, () => Number.POSITIVE_INFINITY)];
    const statuses = await Promise.all(world.replicas.map(statusOf));
    const running = statuses.reduce((sum, status) => sum + (status?.botsRunning ?? 0), 0);
    while (times.length < running) times.push(performance.now() - startedAt);
    await sleep(pollMs);
  }
  return times;
}

/** Null while the engine is down or does not answer. */
async function statusOf({ engine }: Replica): Promise<{ readonly botsRunning: number } | null> {
  return engine === null ? null : engine.status().catch(() => null);
}
