/** Metrics that count nothing: nobody looks at those of a schedule, and counting takes a fiftieth of its time. */
import { createMetrics } from '../../engine/observe/metrics.ts';
import type { Metrics } from '../../engine/observe/metrics.ts';

const nothing = (): void => undefined;
const mute = { inc: nothing, dec: nothing, set: nothing, observe: nothing, remove: nothing, reset: nothing, labels: (): unknown => mute };

// The engine calls these methods and no others.
export const quietMetrics = Object.fromEntries(Object.keys(createMetrics()).map((name) => [name, mute])) as unknown as Metrics;
