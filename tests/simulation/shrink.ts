/** Makes a failing schedule small: faults are dropped in ever smaller groups, as long as the same invariant still breaks. */
import type { Fault } from './faults.ts';
import type { Schedule } from './schedule.ts';

export async function shrink(schedule: Schedule, stillFails: (smaller: Schedule) => Promise<boolean>): Promise<Schedule> {
  let faults: readonly Fault[] = schedule.faults;
  for (let size = Math.ceil(faults.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < faults.length; ) {
      const fewer = [...faults.slice(0, start), ...faults.slice(start + size)];
      if (await stillFails({ ...schedule, faults: fewer })) faults = fewer;
      else start += size;
    }
  }
  return { ...schedule, faults };
}
