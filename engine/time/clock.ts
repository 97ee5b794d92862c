/**
 * The clock port. Everything that waits or asks for the time gets it from here, so that a test or a
 * simulation can put its own time in place; raw timers and Date.now are used in this folder only.
 */

/** A timer that has been set. Cancelling a timer that has fired is harmless. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** This host's wall time, ms since the epoch, UTC. May jump. */
  now(): number;
  /** Milliseconds from an arbitrary start; never jumps. For ages, deadlines and durations. */
  monotonic(): number;
  /** Calls `fire` once after `delayMs`. */
  after(delayMs: number, fire: () => void): Timer;
  /** Calls `fire` every `periodMs`, first after one period. */
  every(periodMs: number, fire: () => void): Timer;
  /** Calls `fire` once when everything that is ready now has been handled (the end of this turn of the loop). */
  soon(fire: () => void): void;
  /** Resolves after `delayMs`; rejects with the signal's reason when aborted. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** The venue's idea of the time, which signed requests and candle freshness are judged by. */
export interface VenueClock {
  /** The venue's time now, ms since the epoch, UTC. */
  now(): number;
  /** False while the offset is unknown or doubtful (no entries then). */
  readonly trusted: boolean;
  /** Measures the venue's time again, because the venue refused ours. Never throws; calls during a measurement share it. */
  resync(): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, fire) {
    const handle = setTimeout(fire, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
  every(periodMs, fire) {
    const handle = setInterval(fire, periodMs);
    return { cancel: () => clearInterval(handle) };
  },
  soon(fire) {
    setImmediate(fire);
  },
  sleep(delayMs, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = () => {
        clearTimeout(handle);
        reject(signal?.reason as Error);
      };
      const handle = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, delayMs);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  },
};
