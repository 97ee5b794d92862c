/**
 * A process that stops at each crash point for 1.1, 2 and 6 times its lock's TTL while another engine takes its bots over.
 * When it goes on, nothing that it signed may be accepted later than its receive window, and the rows must be whole.
 */
import { judge } from '../run.ts';
import { allCrashPoints } from '../schedule.ts';
import { World, lockTtlMs } from '../world.ts';
import { startServers } from '../servers.ts';
import type { Servers } from '../servers.ts';
import { clean, print, seconds } from './proof.ts';
import type { Finding, Ground, Proof } from './proof.ts';
import { eventually } from '../../e2e/support/processes.ts';

const factors = [1.1, 2, 6] as const;
/** Most of a pause is waiting: so many worlds at a time, each with servers of its own. */
const jobs = 3;
const bots = 12;

export const pauses: Proof = async (ground) => {
  const left = allCrashPoints.flatMap((point) => factors.map((factor) => ({ point, factor })));
  const findings: Finding[] = [];
  const work = async (servers: Servers): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const found = await pauseAt(servers, ground, next.point, next.factor);
      print(`  ${found.holds ? 'ok' : 'FAILED'} ${found.what}`);
      findings.push(found);
    }
  };
  const others = await Promise.all(Array.from({ length: jobs - 1 }, startServers));
  await Promise.all([ground.servers, ...others].map(work));
  await Promise.all(others.map((servers) => servers.stop()));
  return [
    ...findings.filter(({ holds }) => !holds),
    {
      what: `SIGSTOP at ${allCrashPoints.length} crash points for ${factors.join(', ')} times the lock's TTL: ${findings.filter(({ holds }) => holds).length} of ${findings.length} clean`,
      holds: findings.every(({ holds }) => holds),
    },
  ];
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
    const found = clean(name, await judge(world, () => undefined));
    if (!found.holds) world.keepLogs();
    return found;
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
