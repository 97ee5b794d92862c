/** What a run of many schedules adds up to. */
import { createHash } from 'node:crypto';
import type { CrashPoint } from '../../engine/crash-points.ts';
import { drawnCrashPoints, faultKinds, isFault } from './faults.ts';
import type { FaultKind } from './faults.ts';
import type { Outcome } from './world.ts';

/** What a thread may tell another of its totals. */
export interface Sums {
  readonly schedules: number;
  readonly failed: number;
  readonly orders: number;
  readonly fills: number;
  readonly events: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly crashPoints: ReadonlyMap<CrashPoint, number>;
}

export class Totals implements Sums {
  schedules = 0;
  failed = 0;
  orders = 0;
  fills = 0;
  events = 0;
  #traces = '';
  readonly faults = new Map<FaultKind, number>((Object.keys(faultKinds) as FaultKind[]).map((kind) => [kind, 0]));
  readonly crashPoints = new Map<CrashPoint, number>(drawnCrashPoints.map((point) => [point, 0]));

  add(outcome: Outcome): void {
    const { orders, fills, events, faults, crashPoints } = outcome;
    this.#traces = createHash('sha256').update(this.#traces).update(outcome.hash).digest('hex');
    this.join({ schedules: 1, failed: outcome.violations.length > 0 ? 1 : 0, orders, fills, events, faults, crashPoints });
  }

  join(other: Sums): void {
    this.schedules += other.schedules;
    this.failed += other.failed;
    this.orders += other.orders;
    this.fills += other.fills;
    this.events += other.events;
    for (const [kind, count] of other.faults) this.faults.set(kind, (this.faults.get(kind) ?? 0) + count);
    for (const [point, count] of other.crashPoints) this.crashPoints.set(point, (this.crashPoints.get(point) ?? 0) + count);
  }

  /** Of the traces of all schedules that were added, in their order: the same before and after a change that changes no behaviour. */
  get traces(): string {
    return this.#traces.slice(0, 16);
  }

  get ordersPerSchedule(): number {
    return this.orders / this.schedules;
  }

  get faultsPerSchedule(): number {
    return [...this.faults].reduce((sum, [kind, count]) => sum + (isFault(kind) ? count : 0), 0) / this.schedules;
  }
}
