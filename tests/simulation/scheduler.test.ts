/** Virtual time itself, and the making-small of schedules. */
import { describe, expect, it } from 'vitest';
import type { Fault } from './faults.ts';
import { Scheduler, SimulatedProcess } from './scheduler.ts';
import { shrink } from './shrink.ts';

function given() {
  const scheduler = new Scheduler();
  const process = new SimulatedProcess('one', scheduler, { skewMs: 0 });
  const heard: string[] = [];
  const note = (what: string) => (): void => void heard.push(`${what} at ${scheduler.now}`);
  return { scheduler, process, heard, note };
}

describe('a simulated process', () => {
  it('hears its timers in the order of their times, promises in between', async () => {
    const { scheduler, process, heard, note } = given();
    process.clock.after(20, note('late'));
    process.clock.after(10, () => void process.clock.sleep(0).then(note('slept')));
    process.clock.after(10, note('early'));
    const every = process.clock.every(15, note('every'));
    process.clock.after(31, () => every.cancel());
    await scheduler.run(100);
    expect(heard).toEqual(['early at 10', 'slept at 10', 'every at 15', 'late at 20', 'every at 30']);
    expect(scheduler.now).toBe(100);
  });

  it('that is stopped hears everything when it goes on, and a period once', async () => {
    const { scheduler, process, heard, note } = given();
    process.clock.every(10, note('every'));
    process.clock.after(25, note('once'));
    scheduler.after(5, () => process.pause());
    scheduler.after(95, () => process.resume());
    await scheduler.run(106);
    expect(heard).toEqual(['every at 95', 'once at 95', 'every at 105']);
  });

  it('that is dead hears nothing, and its promises never settle', async () => {
    const { scheduler, process, heard, note } = given();
    void process.clock.sleep(10).then(note('slept'));
    process.clock.every(10, note('every'));
    process.kill();
    await scheduler.run(100);
    expect(heard).toEqual([]);
  });
});

it('makes a schedule small: only the faults that are needed stay', async () => {
  const faults = Array.from({ length: 23 }, (_, index): Fault => ({ kind: 'kill', atMs: index }));
  let played = 0;
  const small = await shrink({ seed: 1, faults }, async (smaller) => {
    played += 1;
    return [3, 17].every((atMs) => smaller.faults.some((fault) => fault.atMs === atMs));
  });
  expect(small.faults.map((fault) => fault.atMs)).toEqual([3, 17]);
  expect(played).toBeLessThan(80);
});
