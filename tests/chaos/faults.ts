/** Every way in which a run disturbs its world, by name. A fault that lasts ends by itself, or when the world calms down. */
import { setTimeout as sleep } from 'node:timers/promises';
import { onServer } from '../servers/new-database.ts';
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

/** Does it, and waits until it is over where it ends by itself. */
export async function inflict(world: World, fault: Fault): Promise<void> {
  switch (fault.kind) {
    case 'engine-killed':
      world.replicas[fault.replica]?.kill('SIGKILL', fault.downMs);
      return;
    case 'engine-paused':
      return world.replicas[fault.replica]?.pause(fault.forMs);
    case 'engine-terminated':
      world.replicas[fault.replica]?.kill('SIGTERM');
      return;
    case 'postgres-stopped-immediately':
      await world.crashDatabase();
      await sleep(fault.downMs);
      return world.restoreDatabase();
    case 'postgres-backends-terminated':
      return terminateBackends(world);
    case 'redis-flushed':
      return world.flushRedis();
    case 'redis-killed':
      await world.killRedis();
      await sleep(fault.downMs);
      return world.restoreRedis();
    case 'link': {
      const link = world.replicas[fault.replica]?.links[fault.link];
      link?.set(fault.state);
      await sleep(fault.forMs);
      link?.heal();
      return;
    }
    case 'link-ended':
      world.replicas[fault.replica]?.links[fault.link].end(fault.how);
      return;
    case 'orders-doomed':
      for (let index = 0; index < fault.count; index += 1) world.replicas[fault.replica]?.links.rest.doom('POST /api/v3/order', fault.fate);
      return;
    case 'exchange':
      return world.simulator.fault({ ...fault.body });
  }
}

async function terminateBackends(world: World): Promise<void> {
  try {
    await onServer(
      world.databaseUrl,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${world.databaseName}' and application_name like 'evenkeel%'`,
    );
  } catch {
    // The server is down just now: there is no connection to end.
  }
}
