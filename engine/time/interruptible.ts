/** Waiting that a signal to stop cuts short. What was waited for goes on by itself: only for work that leaves nothing behind. */

/** The process was asked to stop while it started. */
export class Interrupted extends Error {
  constructor() {
    super('stopped while it started');
    this.name = 'Interrupted';
  }
}

/** What `work` answers or throws; throws `Interrupted` as soon as the signal is there. */
export async function unlessInterrupted<T>(interrupt: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (interrupt === undefined) return work;
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => stopped.reject(new Interrupted());
  interrupt.addEventListener('abort', stop, { once: true });
  if (interrupt.aborted) stop();
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    interrupt.removeEventListener('abort', stop);
  }
}
