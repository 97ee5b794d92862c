/** What a run of many schedules adds up to. */
import type { CrashPoint } from '../../engine/crash-points.ts';
import { drawnCrashPoints, faultKinds, isFault } from './faults.ts';
import type { FaultKind } from './faults.ts';
import type { Outcome } from './world.ts';

export class Totals {
  schedules = 0;
  failed = 0;
  orders = 0;
  fills = 0;
  events = 0;
  readonly faults = new Map<FaultKind, number>((Object.keys(faultKinds) as FaultKind[]).map((kind) => [kind, 0]));
  readonly crashPoints = new Map<CrashPoint, number>(drawnCrashPoints.map((point) => [point, 0]));

  add(outcome: Outcome): void {
    this.schedules += 1;
    this.orders += outcome.orders;
    this.fills += outcome.fills;
    this.events += outcome.events;
    if (outcome.violations.length > 0) this.failed += 1;
    for (const [kind, count] of outcome.faults) this.faults.set(kind, (this.faults.get(kind) ?? 0) + count);
    for (const [point, count] of outcome.crashPoints) this.crashPoints.set(point, (this.crashPoints.get(point) ?? 0) + count);
  }

  get ordersPerSchedule(): number {
    return this.orders / this.schedules;
  }

  get faultsPerSchedule(): number {
    return [...this.faults].reduce((sum, [kind, count]) => sum + (isFault(kind) ? count : 0), 0) / this.schedules;
  }
}
