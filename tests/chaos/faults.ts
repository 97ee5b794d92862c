/** Every way in which a run disturbs its world, by name. A fault that lasts ends by itself, or when the world calms down. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LinkName } from './replica.ts';
import type { LinkState, RequestFate } from './proxy.ts';
import type { World } from './world.ts';

export type Fault =
  | { readonly kind: 'engine-killed'; readonly replica: number; readonly downMs: number }
  | { readonly kind: 'engine-paused'; readonly replica: number; readonly forMs: number }
  | { readonly kind: 'engine-terminated'; readonly replica: number }
  | { readonly kind: 'postgres-stopped-immediately'; readonly downMs: number }
  | { readonly kind: 'postgres-backends-terminated' }
  | { readonly kind: 'redis-flushed' }
  | { readonly kind: 'redis-killed'; readonly downMs: number }
  | { readonly kind: 'link'; readonly replica: number; readonly link: LinkName; readonly state: LinkState; readonly forMs: number }
  | { readonly kind: 'link-ended'; readonly replica: number; readonly link: LinkName; readonly how: 'cut' | 'reset' }
  | { readonly kind: 'orders-doomed'; readonly replica: number; readonly fate: RequestFate; readonly count: number }
  /** A fault of the simulator's own, as its control port takes it. */
  | { readonly kind: 'exchange'; readonly body: Readonly<Record<string, unknown>> };

/** What the report counts by: its kind, and which one of the exchange's faults or links it is. */
export function kindOf(fault: Fault): string {
  if (fault.kind === 'exchange') return `exchange: ${String(fault.body['kind'])}`;
  if (fault.kind === 'link') return `link: ${fault.state.kind}`;
  if (fault.kind === 'link-ended') return `link: ${fault.how}`;
  return fault.kind === 'orders-doomed' ? `orders: ${fault.fate}` : fault.kind;
}

/** One line for the report. */
export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'engine-killed':
      return `SIGKILL engine-${fault.replica + 1}${fault.downMs > 0 ? ` for ${fault.downMs} ms` : ''}`;
    case 'engine-paused':
      return `SIGSTOP engine-${fault.replica + 1} for ${fault.forMs} ms`;
    case 'engine-terminated':
      return `SIGTERM engine-${fault.replica + 1}`;
    case 'postgres-stopped-immediately':
      return `pg_ctl stop -m immediate for ${fault.downMs} ms`;
    case 'postgres-backends-terminated':
      return 'pg_terminate_backend of every connection';
    case 'redis-flushed':
      return 'FLUSHALL';
    case 'redis-killed':
      return `Redis killed for ${fault.downMs} ms`;
    case 'link':
      return `${fault.link} of engine-${fault.replica + 1} ${describeState(fault.state)} for ${fault.forMs} ms`;
    case 'link-ended':
      return `${fault.link} of engine-${fault.replica + 1} ${fault.how}`;
    case 'orders-doomed':
      return `${fault.count} order(s) of engine-${fault.replica + 1}: ${fault.fate}`;
    case 'exchange':
      return `exchange ${JSON.stringify(fault.body)}`;
  }
}

function describeState(state: LinkState): string {
  switch (state.kind) {
    case 'latency':
      return `${state.ms} ms late`;
    case 'narrow':
      return `${state.bytesPerSecond} bytes/s`;
    case 'open':
    case 'stalled':
    case 'half-open':
    case 'refused':
      return state.kind;
  }
}

/** Whether a fault hit anything: known at once, or only when a request meets it. */
export type Effect = boolean | (() => Promise<boolean>);

/** Does it, and waits until it is over where it ends by itself. */
export async function inflict(world: World, fault: Fault): Promise<Effect> {
  switch (fault.kind) {
    case 'engine-killed':
      return world.replicas[fault.replica]?.kill('SIGKILL', fault.downMs) ?? false;
    case 'engine-paused':
      return (await world.replicas[fault.replica]?.pause(fault.forMs)) ?? false;
    case 'engine-terminated':
      return world.replicas[fault.replica]?.kill('SIGTERM') ?? false;
    case 'postgres-stopped-immediately': {
      const stopped = await world.crashDatabase();
      await sleep(fault.downMs);
      await world.restoreDatabase();
      return stopped;
    }
    case 'postgres-backends-terminated':
      return terminateBackends(world);
    case 'redis-flushed':
      return world.flushRedis();
    case 'redis-killed': {
      const killed = await world.killRedis();
      await sleep(fault.downMs);
      await world.restoreRedis();
      return killed;
    }
    case 'link': {
      const link = world.replicas[fault.replica]?.links[fault.link];
      const before = link?.harmed ?? 0;
      link?.set(fault.state);
      await sleep(fault.forMs);
      link?.heal();
      return (link?.harmed ?? 0) > before;
    }
    case 'link-ended': {
      const link = world.replicas[fault.replica]?.links[fault.link];
      const before = link?.harmed ?? 0;
      link?.end(fault.how);
      return (link?.harmed ?? 0) > before;
    }
    case 'orders-doomed': {
      const met = Array.from({ length: fault.count }, () =>
        world.replicas[fault.replica]?.links.rest.doom('POST /api/v3/order', fault.fate),
      );
      return () => Promise.resolve(met.some((one) => one?.() === true));
    }
    case 'exchange':
      await world.simulator.fault({ ...fault.body });
      return consumed.has(String(fault.body['kind'])) ? () => wasMet(world, fault.body) : true;
  }
}

/** Faults of the exchange that wait for the next request or event. */
const consumed: ReadonlySet<string> = new Set([
  'order-answer-lost',
  'order-5xx',
  'order-delay',
  'reject-orders',
  'read-5xx',
  'http-429',
  'user-event',
]);

/** It was met when the exchange's remaining count of it is smaller than at first. */
async function wasMet(world: World, body: Readonly<Record<string, unknown>>): Promise<boolean> {
  const whole = JSON.stringify(sorted({ count: 1, ...body }));
  return !(await world.simulator.faults()).some(({ left, ...rest }) => JSON.stringify(sorted({ ...rest, count: left })) === whole);
}

function sorted(body: Readonly<Record<string, unknown>>): readonly unknown[] {
  return Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** False when there was no connection to end, or the server is down just now. */
async function terminateBackends(world: World): Promise<boolean> {
  try {
    const [row] = await world.query<{ ended: number }>(
      `select count(pg_terminate_backend(pid))::int as ended from pg_stat_activity where datname = $1 and application_name like 'evenkeel%'`,
      [world.databaseName],
    );
    return (row?.ended ?? 0) > 0;
  } catch {
    return false;
  }
}
