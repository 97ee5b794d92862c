/** One run: a world, its faults, calm, and the verdict. */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../e2e/support/processes.ts';
import { unexplainedEntries } from './entries.ts';
import { describeFault, inflict, kindOf } from './faults.ts';
import type { Effect } from './faults.ts';
import { drawSchedule } from './schedule.ts';
import type { Servers } from './servers.ts';
import { passes, selects, verify } from './verify.ts';
import type { Rows, Verdict } from './verify.ts';
import { World, lockTtlMs } from './world.ts';

export interface RunOptions {
  readonly servers: Servers;
  readonly seed: number;
  /** Where logs of a failing run go. */
  readonly folder: string;
}

export interface RunReport extends Verdict {
  readonly seed: number;
  readonly passed: boolean;
  readonly faults: number;
  /** Each fault that was drawn, by its kind, and whether it hit anything; crash points among them. */
  readonly hits: readonly Hit[];
  /** What befell it and when, for a reader. */
  readonly events: readonly string[];
  readonly tookMs: number;
}

export interface Hit {
  readonly kind: string;
  readonly took: boolean;
}

const bots = 40;
const faultsPerRun = 8;
const faultsLastMs = 3_500;
/** How much longer the bad times last, so that orders meet the faults that wait for them. */
const moreBadTimesMs = 4_000;
/** A run with fewer orders would prove little. */
export const ordersLeast = 10;
const recoveryMs = 45_000;
/** What the market executes at the end has its row after this at most: an audit comes round. */
const settleMs = 20_000;
/** Many bots always have an order under way; a younger one than this is settled while its bot drains. */
const freshOrderMs = 3_000;

export async function runOnce({ servers, seed, folder }: RunOptions): Promise<RunReport> {
  const startedAt = performance.now();
  const schedule = drawSchedule({ seed, lockTtlMs, lastsMs: faultsLastMs, faults: faultsPerRun });
  const events: string[] = [];
  let faults = 0;
  const note = (what: string): void => void events.push(`${((performance.now() - startedAt) / 1_000).toFixed(1)} s ${what}`);
  const suffer = (what: string): void => {
    faults += 1;
    note(what);
  };
  const { crashAt, unmigrated, pauseMs } = schedule;
  note(`${crashAt.length} replica(s), armed: ${crashAt.map((point) => point ?? 'nothing').join(' and ')}`);
  let world: World | null = null;
  const hits: Hit[] = [];
  const report = (verdict: Verdict): RunReport => {
    const passed = passes(verdict);
    if (!passed) world?.keepLogs();
    return { ...verdict, seed, passed, faults, hits, events, tookMs: performance.now() - startedAt };
  };
  try {
    const begun = await World.start({ servers, folder, seed, bots, crashAt, unmigrated, pauseMs, onEvent: suffer });
    world = begun;
    const suffering = schedule.faults.map(async ({ atMs, fault }) => {
      await sleep(atMs);
      suffer(describeFault(fault));
      return { kind: kindOf(fault), effect: await inflict(begun, fault) };
    });
    hits.push(...(await effects(await Promise.all(suffering))));
    for (const hit of hits) if (!hit.took) note(`in vain: ${hit.kind}`);
    const verdict = await judge(begun, note);
    hits.push(...crashAt.flatMap((armed, index) => (armed === null ? [] : [crashHit(armed, begun.replicas[index]?.crashed === true)])));
    return report(begun.secretPrinted ? { ...verdict, wrong: [...verdict.wrong, 'a secret was printed'] } : verdict);
  } catch (error) {
    const nothing = { orders: 0, executions: 0, lost: [], doubled: [], orphaned: [] };
    return report({ ...nothing, wrong: [error instanceof Error ? error.message : String(error)] });
  } finally {
    await world?.stop();
  }
}

function crashHit(armed: string, took: boolean): Hit {
  const [point = ''] = armed.split(':');
  return { kind: armed.endsWith(':stop') ? `${point} (SIGSTOP)` : `${point} (SIGKILL)`, took };
}

/** Gives what waits for an order or an event the time to meet one. */
async function effects(faults: readonly { readonly kind: string; readonly effect: Effect }[]): Promise<readonly Hit[]> {
  const look = (): Promise<readonly Hit[]> =>
    Promise.all(faults.map(async ({ kind, effect }) => ({ kind, took: typeof effect === 'boolean' ? effect : await effect() })));
  const waiting = async (): Promise<boolean> => {
    const hits = await look();
    return faults.some(({ effect }, index) => typeof effect !== 'boolean' && hits[index]?.took === false);
  };
  await eventually('every fault has met something', moreBadTimesMs, async () => !(await waiting())).catch(() => undefined);
  return look();
}

/** Calms the world, waits until it lives again, lets the bots go, and compares at rest. `resolveMs`: what an unknown outcome may take. */
export async function judge(world: World, note: (what: string) => void, resolveMs = recoveryMs): Promise<Verdict> {
  await world.calm();
  const { nowMs: calmAtMs } = await world.simulator.state();
  note('calm');
  await eventually('every bot runs in exactly one engine', recoveryMs, () => everyBotOnce(world));
  note('every bot runs in exactly one engine');
  await eventually(`trading resumes, to ${ordersLeast} orders at least`, recoveryMs, async () => {
    const { orders } = await world.simulator.ledger();
    return orders.length >= ordersLeast && orders.some((order) => order.arrivedAtMs > calmAtMs);
  });
  note('trading resumed');
  await eventually('every order of the bad times has found its end', resolveMs, async () => (await unresolved(world, freshOrderMs)) === 0);
  // At rest: nobody decides any more, positions stay.
  await world.query('update bot_configs set is_active = false');
  await eventually('every bot was let go', resolveMs, async () => (await held(world)) === 0);
  await eventually('no order is left open', resolveMs, async () => (await unresolved(world)) === 0);
  // The market goes on and executes what rests: an engine writes it down.
  const steps = await world.stepSizes();
  const compare = async (): Promise<Verdict> => verify(await readRows(world), await world.simulator.ledger(), steps);
  let verdict = await compare();
  await eventually('rows and ledger agree', settleMs, async () => {
    verdict = await compare();
    return passes(verdict);
  }).catch(() => undefined); // what differs is told by the verdict
  const unexplained = await unexplainedEntries(world, (await readRows(world)).orders);
  return { ...verdict, wrong: [...verdict.wrong, ...unexplained] };
}

export async function readRows(world: World): Promise<Rows> {
  const [orders, fills, positions, trades] = await Promise.all([
    world.query<Rows['orders'][number]>(selects.orders),
    world.query<Rows['fills'][number]>(selects.fills),
    world.query<Rows['positions'][number]>(selects.positions),
    world.query<Rows['trades'][number]>(selects.trades),
  ]);
  return { orders, fills, positions, trades };
}

/** The rows name one holder per bot, and each engine runs as many as name it. */
async function everyBotOnce(world: World): Promise<boolean> {
  const rows = await world.query<{ holder: string; bots: number }>(
    'select lock_holder as holder, count(*)::int as bots from bot_state where lock_holder is not null group by 1',
  );
  const held = new Map(rows.map((row) => [row.holder, row.bots]));
  let running = 0;
  for (const { engine } of world.replicas) {
    if (engine === null) return false;
    const status = await engine.status();
    if (status.botsRunning !== (held.get(status.owner) ?? 0)) return false;
    running += status.botsRunning;
  }
  return running === world.options.bots;
}

/** Bots that may still enter: an intent can be on its way until its bot is released, or only minds what rests. */
async function held(world: World): Promise<number> {
  const [row] = await world.query<{ count: number }>(`select count(*)::int as count from bot_state s where lock_holder is not null
       and not exists (select 1 from orders o where o.bot_config_id = s.bot_config_id and o.state = 'accepted' and o.role in ('stop', 'target'))`);
  return row?.count ?? 0;
}

/** Orders whose fate is open and that are at least so old; stops and targets may rest. */
async function unresolved(world: World, ageMs = 0): Promise<number> {
  const [row] = await world.query<{ count: number }>(
    `select count(*)::int as count from orders where (state in ('intended', 'unknown') or (state = 'accepted' and role in ('entry', 'exit'))) and created_at <= now() - $1 * interval '1 ms'`,
    [ageMs],
  );
  return row?.count ?? 0;
}
