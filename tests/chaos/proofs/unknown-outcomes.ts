/**
 * 1,000 orders whose outcome the engine is not told, half of them executed: none is placed twice, none is lost, and those
 * that the exchange shows are resolved within seconds. User events are heard for one half of them, muted for the other.
 */
import { eventually } from '../../e2e/support/processes.ts';
import { judge } from '../run.ts';
import { World } from '../world.ts';
import { atMost, clean, inParts, print } from './proof.ts';
import type { Finding, Ground, Proof } from './proof.ts';

const outcomes = 1_000;
const bots = 200;
const resolvedWithinMs = 5_000;

interface Resolution {
  readonly ms: number;
  readonly state: string;
  readonly role: string;
}

export const unknownOutcomes: Proof = (ground) => inParts({ 'unknown outcomes': () => takeAway(ground) });

async function takeAway({ servers, folder }: Ground): Promise<readonly Finding[]> {
  const world = await World.start({
    servers,
    folder: folder('unknown-outcomes'),
    seed: 4,
    bots,
    crashAt: [null],
    // What is measured is the protocol, not the wait for weight.
    simulatorArgs: ['--weight-per-minute', '100000000'],
    onEvent: print,
  });
  try {
    const heard = await inject(world, 'user events heard');
    await world.simulator.fault({ kind: 'mute-user-data' });
    const muted = await inject(world, 'user events muted');
    const verdict = await judge(world, () => undefined);
    // A stop that was executed has rested before: its age says nothing about the look-up.
    const atMarket = ({ state, role }: Resolution): boolean => state === 'filled' && (role === 'entry' || role === 'exit');
    const placed = (rows: readonly Resolution[]): number[] => rows.filter(atMarket).map((row) => row.ms);
    const never = [...heard, ...muted].filter((row) => row.state === 'never-placed');
    return [
      {
        what: `${heard.length + muted.length} orders were sent while outcomes were taken away; ${placed(heard).length + placed(muted).length} executed at market, ${never.length} never placed, the others are stops and targets`,
        holds: heard.length + muted.length >= outcomes,
      },
      clean('1,000 unknown outcomes', verdict),
      atMost('resolution when the order is visible, user events heard', placed(heard), 0.95, resolvedWithinMs),
      atMost('resolution when the order is visible, user events muted', placed(muted), 0.95, resolvedWithinMs),
      atMost(
        'verdict "never placed" (horizon 1.9 s and two rounds)',
        never.map((row) => row.ms),
        0.95,
        60_000,
      ),
    ];
  } finally {
    world.keepLogs();
    await world.stop();
  }
}

/** Takes half of the outcomes away, every second one without executing; answers how the orders sent meanwhile were resolved. */
async function inject(world: World, what: string): Promise<readonly Resolution[]> {
  const count = outcomes / 2;
  const [before] = await world.query<{ id: string }>('select coalesce(max(id), 0)::text as id from orders');
  for (let index = 0; index < count; index += 1) await world.simulator.fault({ kind: 'order-5xx', executed: index % 2 === 0 });
  // Of those executed, every second one is cut off instead of answered with 504.
  await world.simulator.fault({ kind: 'order-answer-lost', count: count / 4 });
  let last = '';
  await eventually(`all outcomes are taken away, ${what}`, 300_000, async () => {
    const left = (await world.simulator.faults()).filter(({ kind }) => kind === 'order-5xx').length;
    [{ id: last } = { id: '' }] = await world.query<{ id: string }>('select coalesce(max(id), 0)::text as id from orders');
    return left === 0;
  });
  await eventually(`all of them are resolved, ${what}`, 120_000, async () => {
    const [open] = await world.query<{ count: number }>(
      `select count(*)::int as count from orders where id > $1 and id <= $2 and state in ('intended', 'unknown', 'accepted')`,
      [before?.id, last],
    );
    return open?.count === 0;
  });
  return world.query<Resolution>(
    `select extract(epoch from resolved_at - created_at)::float8 * 1000 as ms, state, role from orders where id > $1 and id <= $2`,
    [before?.id, last],
  );
}
