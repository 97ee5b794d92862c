/**
 * A process that stops at each crash point for 1.1, 2 and 6 times its lock's TTL while another engine takes its bots over.
 * When it goes on, nothing that it signed may be accepted later than its receive window, and the rows must be whole.
 *
 * CP14 is in the middle of a migration: no bot runs yet, so there is nothing to take over. The other engine waits for the
 * schema, and the one that wakes up must neither migrate twice nor trade on half a schema.
 */
import { readdirSync } from 'node:fs';
import { judge, readRows } from '../run.ts';
import { allCrashPoints } from '../schedule.ts';
import type { Rows } from '../verify.ts';
import { World, lockTtlMs } from '../world.ts';
import { startServers } from '../servers.ts';
import type { Servers } from '../servers.ts';
import { clean, seconds, tell } from './proof.ts';
import type { Finding, Ground, Proof } from './proof.ts';
import { eventually } from '../../e2e/support/processes.ts';
import type { LedgerAccount } from '../../e2e/support/simulator-process.ts';

const factors = [1.1, 2, 6] as const;
/** Most of a pause is waiting: so many worlds at a time, each with servers of its own. */
const jobs = 3;
const bots = 12;
/** A pause of so many TTLs outlasts the lock and the take-over behind it. */
const surelyTakenOver = 2;

export const pauses: Proof = async (ground) => {
  const left = allCrashPoints.flatMap((point) => factors.map((factor) => ({ point, factor })));
  const findings: Finding[] = [];
  const work = async (servers: Servers): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const found = await pauseAt(servers, ground, next.point, next.factor);
      tell(found);
      findings.push(found);
    }
  };
  const others = await Promise.all(Array.from({ length: jobs - 1 }, startServers));
  await Promise.all([ground.servers, ...others].map(work));
  await Promise.all(others.map((servers) => servers.stop()));
  const whole = findings.filter(({ holds }) => holds).length;
  const sum = {
    what: `SIGSTOP at ${allCrashPoints.length} crash points for ${factors.join(', ')} times the lock's TTL: ${whole} of ${findings.length} clean`,
    holds: whole === findings.length,
  };
  tell(sum);
  return [sum];
};

async function pauseAt(servers: Servers, { folder }: Ground, point: string, factor: number): Promise<Finding> {
  const events: string[] = [];
  const pauseMs = Math.round(lockTtlMs * factor);
  const name = `${point} for ${factor} x TTL (${seconds(pauseMs)})`;
  const world = await World.start({
    servers,
    folder: folder(`${point}-${factor}`),
    seed: 6,
    bots,
    crashAt: [`${point}:1:stop`, null],
    standby: true,
    unmigrated: point === 'CP14',
    pauseMs,
    onEvent: (what) => void events.push(what),
  });
  try {
    const [paused] = world.replicas;
    await eventually(`${name}: the engine stopped itself`, 60_000, async () => events.length > 0);
    await eventually(`${name}: the engine goes on`, pauseMs + 5_000, async () => paused?.paused === false);
    const taken = await heldByOther(world);
    const verdict = await judge(world, () => undefined);
    const { text, late } = latest(await readRows(world), await world.simulator.ledger());
    const found = clean(`${name}: ${taken} bots run in the other engine, ${text}`, verdict);
    const vacuous = factor >= surelyTakenOver && point !== 'CP14' && taken === 0;
    const migrated = await migratedOnce(world);
    const holds = found.holds && !late && !vacuous && migrated;
    if (!holds) world.keepLogs();
    const why = `${vacuous ? '; nobody took over, so it proves nothing' : ''}${migrated ? '' : '; the schema was not migrated exactly once'}`;
    return { what: found.what + why, holds };
  } catch (error) {
    world.keepLogs();
    return {
      what: `${name}: ${error instanceof Error ? error.message : String(error)} (logs: ${folder(`${point}-${factor}`)})`,
      holds: false,
    };
  } finally {
    await world.stop();
  }
}

/** Bots that the engine which did not stand still runs by now: the other one had all of them. */
async function heldByOther({ replicas: [, other] }: World): Promise<number> {
  return (await other?.engine?.status())?.botsRunning ?? 0;
}

/** Each migration of this build is recorded once, and no other. */
async function migratedOnce(world: World): Promise<boolean> {
  const files = readdirSync(new URL('../../../migrations', import.meta.url)).filter((name) => /^Migration\d+.*\.ts$/.test(name));
  const rows = await world.query<{ name: string }>('select name from schema_migrations');
  const names = rows.map(({ name }) => name.replace(/\.ts$/, '')).sort();
  return JSON.stringify(names) === JSON.stringify(files.map((name) => name.replace(/\.ts$/, '')).sort());
}

/** How long after its signature the exchange accepted the latest of all orders; late is whatever is beyond the order's window. */
function latest(rows: Rows, ledger: LedgerAccount): { readonly text: string; readonly late: boolean } {
  const byId = new Map(rows.orders.map((row) => [row.id, row]));
  const accepted = ledger.orders.flatMap((told) => {
    const row = byId.get(told.clientOrderId);
    return row === undefined ? [] : [{ ageMs: told.arrivedAtMs - Number(row.signed_ms), windowMs: row.window_ms }];
  });
  const oldest = accepted.reduce((a, b) => (b.ageMs > a.ageMs ? b : a), { ageMs: Number.NEGATIVE_INFINITY, windowMs: 0 });
  return {
    text: `latest order accepted ${oldest.ageMs} ms after its signature (window ${oldest.windowMs} ms)`,
    late: accepted.some(({ ageMs, windowMs }) => ageMs > windowMs),
  };
}
